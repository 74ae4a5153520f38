"""xaisigns repair: a model that no longer decides by what an audit found."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from xaisigns.base.language import Language
from xaisigns.cli.options import Force, Network, OptionalRoot, Output, class_numbers
from xaisigns.cli.terminal import print_table, say
from xaisigns.cli.words import WORDS
from xaisigns.model.schema import LARGEST_SEED


def repair(
    root: OptionalRoot = None,
    *,
    network: Network,
    finding: Annotated[
        Path, typer.Option(metavar="FINDINGS", help="findings.json of 'xaisigns audit' about this model.")
    ] = Path("audit/findings.json"),
    classes: Annotated[
        str | None,
        typer.Option(metavar="4,14", help="Findings to unlearn, by class. Default: all shortcuts.", show_default=False),
    ] = None,
    method: Annotated[
        Literal["fine-tune", "projection"],
        typer.Option(
            help="Train on, or only take out of a layer's weights what the feature moves, where a part of the class is "
            "known to be without it.",
        ),
    ] = "fine-tune",
    steps: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="For fine-tune: steps of 96 images. Default: 600.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed for drawing images and patches.")] = 0,
    out: Annotated[Path, typer.Option(help="Model file to write.")] = Path("repaired.safetensors"),
    resume: Annotated[
        bool, typer.Option("--resume", help="For fine-tune: resume from the checkpoint of an earlier run.")
    ] = False,
    force: Force = False,
    output: Output,
) -> None:
    """Unlearn the shortcuts that an audit found, and measure before and after."""
    from xaisigns.audit.repair.repairing import repair as repair_model

    if method != "fine-tune" and (steps is not None or resume):
        raise typer.BadParameter("--steps and --resume are for --method fine-tune", param_hint="--method")
    wanted = class_numbers(classes)
    model = network.load()
    with output.bars() as progress:
        document = repair_model(
            model,
            root,
            finding=finding,
            out=out,
            method=method,
            classes=wanted,
            steps=steps or 600,
            seed=seed,
            resume=resume,
            force=force,
            progress=progress,
        )
    output.show(document, print_repair)


def print_repair(document: dict[str, Any], language: Language) -> None:
    """What a repair measured, and where the model is."""
    from xaisigns.audit.findings import ToldRate
    from xaisigns.audit.wording import rate_text

    models = [key for key in ("before", "control", "after") if document["findings"][0][key]]
    table = Table(*(WORDS(f"repair_{key}", language) for key in ("images", *models)), show_lines=True)
    for found in document["findings"]:
        for rate in ("flips", "right", "others", "own", "without"):
            told = [found[model][rate] for model in models]
            if told[0]:
                rates = [ToldRate(**{**one, "interval": tuple(one["interval"])}) for one in told]
                name = WORDS(f"repair_{rate}", language, id=found["id"])
                table.add_row(Text(name), *(rate_text(one, language) for one in rates))
    print_table(table)
    for found in document["findings"]:
        if found["layer"]:
            say(WORDS.counted("repair_taken_out", found["rank"], language, layer=found["layer"], id=found["id"]))
    say(WORDS(f"repair_{document['measured_on']}", language))
    say(WORDS("repair_file", language, path=document["model"]))
