"""xaisigns tune: search LRP's rules for a model, layer by layer."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from xaisigns.base.bounds import LARGEST_SEED
from xaisigns.base.language import Language
from xaisigns.base.numbers import whole, written
from xaisigns.cli.terminal import (
    Force,
    InputSize,
    Json,
    Lang,
    Masks,
    Mean,
    Model,
    OptionalRoot,
    Std,
    bars,
    load,
    print_json,
    say,
)
from xaisigns.cli.words import WORDS
from xaisigns.metrics.settings import MOST_OF_A_CLASS


def tune(
    root: OptionalRoot = None,
    model: Model = "stickered",
    metric: Annotated[
        Literal["relevance_mass", "relevance_rank", "pointing_game", "localisation_auc"],
        typer.Option(help="What the rules shall be good at; the mask is grown by 2 px."),
    ] = "relevance_mass",
    masks: Masks = None,
    per_class: Annotated[
        int, typer.Option(min=1, max=MOST_OF_A_CLASS, help="Training images of each class, at most.")
    ] = 2,
    held_out: Annotated[int, typer.Option(min=1, max=MOST_OF_A_CLASS, help="Test images of each class, at most.")] = 4,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Draws the images.")] = 0,
    out: Annotated[Path, typer.Option(help="TOML file of rules to write, for explain --rules.")] = Path("rules.toml"),
    force: Force = False,
    lang: Lang = "en",
    input_size: InputSize = None,
    mean: Mean = None,
    std: Std = None,
    json: Json = False,
) -> None:
    """Search rules on training images, measure them on test images beside the best composite, and write them."""
    from xaisigns.attribution.assignment import RULES_MARK
    from xaisigns.base.files import Place, check_places
    from xaisigns.study.tuning import tune as tune_rules
    from xaisigns.study.tuning import write_tuned_rules

    check_places([Place(out, RULES_MARK)], force=force)
    network = load(model, input_size, mean, std)
    with bars(lang) as progress:
        document = tune_rules(
            network,
            root,
            metric=metric,
            masks=masks,
            per_class=per_class,
            held_out=held_out,
            seed=seed,
            progress=progress,
        )
    document = write_tuned_rules(document, out, force=force)
    if json:
        print_json(document)
    else:
        _print(document, lang)


def _print(document: dict[str, Any], language: Language) -> None:
    from xaisigns.metrics.catalogue import METRICS

    out = document["rules"]
    metric = METRICS[document["metric"]].label(language)
    best = WORDS("named", language, composite=document["named"]["composite"])
    for name, which in (("tuned", WORDS("tuned", language)), ("named", best)):
        told = document[name]
        value, flipping = (written(f"{told[key]:.3f}", language) for key in ("value", "flipping"))
        how = WORDS("as_contrast", language) if told["contrast"] else ""
        say(WORDS("reached", language, metric=metric, value=value, flipping=flipping, which=which + how))
    images = WORDS.counted("tried_images", document["images"], language)
    say(WORDS("tried", language, images=images, settings=whole(document["tried"], language)))
    options = f"--rules {out}{' --method lrp:contrast' if document['tuned']['contrast'] else ''}"
    say(WORDS("use", language, out=out, options=options))
