"""xaisigns tune: search LRP's rules for a model, layer by layer."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from xaisigns.base.bounds import LARGEST_SEED
from xaisigns.base.language import Language
from xaisigns.base.numbers import whole, written
from xaisigns.cli.options import Force, Masks, Network, OptionalRoot, Output, or_rendered
from xaisigns.cli.terminal import say
from xaisigns.cli.words import WORDS
from xaisigns.metrics.settings import MOST_OF_A_CLASS


def tune(
    root: OptionalRoot = None,
    *,
    network: Network,
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
    output: Output,
) -> None:
    """Search rules on training images, measure them on test images beside the best composite, and write them."""
    from xaisigns.attribution.assignment import RULES_MARK
    from xaisigns.base.files import Place, check_places
    from xaisigns.study.cases import find_cases
    from xaisigns.study.tuning import tune as search
    from xaisigns.study.tuning import write_tuning

    check_places([Place(out, RULES_MARK)], force=force)
    model = network.load()
    with output.bars() as progress:
        folder = or_rendered(root, progress)
        training = find_cases(model, folder, masks, per_class, split="train", seed=seed, progress=progress)
        testing = find_cases(model, folder, masks, held_out, seed=seed, progress=progress)
        tuning = search(model, training, testing, metric, progress=progress)
    document = write_tuning(tuning, metric, out, force=force)
    output.show(document, _print)


def _print(document: dict[str, Any], language: Language) -> None:
    from xaisigns.metrics.catalogue import METRICS

    words, out = WORDS.all(language), document["rules"]
    metric = METRICS[document["metric"]].label.told(language)
    whose = {"tuned": words["tuned"], "named": words["named"].format(composite=document["named"]["composite"])}
    for name, which in whose.items():
        told = document[name]
        value, flipping = (written(f"{told[key]:.3f}", language) for key in ("value", "flipping"))
        how = words["as_contrast"] if told["contrast"] else ""
        say(words["reached"].format(metric=metric, value=value, flipping=flipping, which=which + how))
    images = WORDS.counted("tried_images", document["images"], language)
    say(words["tried"].format(images=images, settings=whole(document["tried"], language)))
    options = f"--rules {out}{' --method lrp:contrast' if document['tuned']['contrast'] else ''}"
    say(words["use"].format(out=out, options=options))
