"""xaisigns compare: what do other methods say of the same image?"""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from xaisigns.base.language import Language
from xaisigns.base.numbers import percent
from xaisigns.cli.terminal import (
    Force,
    InputSize,
    Json,
    Lang,
    MaxPixels,
    Mean,
    Methods,
    Model,
    OptionalImages,
    Std,
    bars,
    load,
    or_examples,
    print_json,
    print_table,
    target_class,
    tell_skipped,
)
from xaisigns.cli.words import WORDS


def compare(
    images: OptionalImages = None,
    model: Model = "stickered",
    methods: Methods = "default",
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="A row: predicted, or a class number; may be given again. Without it: predicted and runner-up.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("comparison"),
    force: Force = False,
    lang: Lang = "en",
    input_size: InputSize = None,
    mean: Mean = None,
    std: Std = None,
    max_pixels: MaxPixels = 50_000_000,
    json: Json = False,
) -> None:
    """Write one picture an image: methods as columns, classes as rows."""
    from xaisigns.pictures.comparison import compare_files

    rows = [target_class(text) for text in target or ()]
    network = load(model, input_size, mean, std)
    with bars(lang) as progress:
        report = compare_files(
            network,
            or_examples(images),
            out,
            methods.split(","),
            rows,
            lang,
            progress=progress,
            max_pixels=max_pixels,
            force=force,
        )
    if json:
        print_json(report)
    elif report["results"]:
        _print(report["results"], lang)
    tell_skipped(report["skipped"])


def _print(results: list[dict[str, Any]], language: Language) -> None:
    table = Table(*(WORDS(key, language) for key in ("image", "called", "probability", "compared_for", "picture")))
    for result in results:
        called = result["predicted"]
        table.add_row(
            result["image"],
            f"{called['name']} ({called['id']})",
            percent(called["probability"], language),
            ", ".join(f"{row['name']} ({row['id']})" for row in result["rows"]),
            result["files"]["picture"],
        )
    print_table(table)
