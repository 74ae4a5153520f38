"""xaisigns tune: search LRP's rules for a model, layer by layer."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from xaisigns.cli.terminal import (
    InputSize,
    Json,
    Masks,
    Mean,
    Model,
    OptionalRoot,
    Std,
    bars,
    load,
    or_rendered,
    print_json,
)


def tune(
    root: OptionalRoot = None,
    model: Model = "stickered",
    metric: Annotated[
        Literal["relevance_mass", "relevance_rank", "pointing_game", "localisation_auc"],
        typer.Option(help="What the rules shall be good at; the mask is grown by 2 px."),
    ] = "relevance_mass",
    masks: Masks = None,
    per_class: Annotated[int, typer.Option(min=1, help="Training images of each class, at most.")] = 2,
    held_out: Annotated[int, typer.Option(min=1, help="Test images of each class, at most.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Draws the images.")] = 0,
    out: Annotated[Path, typer.Option(help="TOML file of rules to write, for explain --rules.")] = Path("rules.toml"),
    input_size: InputSize = None,
    mean: Mean = None,
    std: Std = None,
    json: Json = False,
) -> None:
    """Search rules on training images, measure them on test images beside the best composite, and write them."""
    from xaisigns.data.files import refuse_folder
    from xaisigns.metrics.cases import find_cases
    from xaisigns.metrics.tuning import tune as search
    from xaisigns.metrics.tuning import write_tuning

    refuse_folder(out)
    network = load(model, input_size, mean, std)
    with bars() as bar:
        folder = or_rendered(root, bar)
        training = find_cases(
            network, folder, masks, per_class, split="train", seed=seed, progress=bar("training images")
        )
        testing = find_cases(network, folder, masks, held_out, seed=seed, progress=bar("test images"))
        tuning = search(network, training, testing, metric, progress=bar("tuning"))
    document = write_tuning(tuning, metric, out)
    if json:
        print_json(document)
    else:
        _print(document)


def _print(document: dict[str, Any]) -> None:
    metric, out = document["metric"].replace("_", " "), document["rules"]
    whose = {"tuned": "the tuned rules", "named": f"the best composite, {document['named']['composite']}"}
    for name, which in whose.items():
        told = document[name]
        how = ", as a contrast" if told["contrast"] else ""
        typer.echo(f"{metric} {told['value']:.3f}, area of pixel flipping {told['flipping']:.3f}: {which}{how}")
    typer.echo(f"on {document['images']} test images; {document['tried']} settings tried")
    typer.echo(f"{out}: use it with --rules {out}{' --method lrp:contrast' if document['tuned']['contrast'] else ''}")
