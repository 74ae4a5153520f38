"""xaisigns tune: search LRP's rules for a model, layer by layer."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from xaisigns.base.bounds import LARGEST_SEED
from xaisigns.base.language import Language
from xaisigns.base.numbers import whole, written
from xaisigns.cli.options import Force, Masks, Network, OptionalRoot, Output
from xaisigns.cli.terminal import say
from xaisigns.cli.words import WORDS
from xaisigns.metrics.settings import MOST_OF_A_CLASS


def tune(
    root: OptionalRoot = None,
    *,
    network: Network,
    metric: Annotated[
        Literal["relevance_mass", "relevance_rank", "pointing_game", "localisation_auc"],
        typer.Option(help="What the rules are tuned for; the mask is grown by 2 px."),
    ] = "relevance_mass",
    masks: Masks = None,
    per_class: Annotated[int, typer.Option(min=1, max=MOST_OF_A_CLASS, help="Training images per class, at most.")] = 2,
    held_out: Annotated[int, typer.Option(min=1, max=MOST_OF_A_CLASS, help="Test images per class, at most.")] = 4,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed for drawing the images.")] = 0,
    out: Annotated[Path, typer.Option(help="TOML file of rules to write, for explain --rules.")] = Path("rules.toml"),
    force: Force = False,
    output: Output,
) -> None:
    """Search for rules on training images, measure them on test images against the best composite, and write them."""
    from xaisigns.attribution.assignment import RULES_MARK
    from xaisigns.base.files import Place, check_places
    from xaisigns.study.tuning import tune as tune_rules
    from xaisigns.study.tuning import write_tuned_rules

    check_places([Place(out, RULES_MARK)], force=force)
    model = network.load()
    with output.bars() as progress:
        document = tune_rules(
            model,
            root,
            metric=metric,
            masks=masks,
            per_class=per_class,
            held_out=held_out,
            seed=seed,
            progress=progress,
        )
    output.show(write_tuned_rules(document, out, force=force), _print)


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
