"""xaisigns compare: what do other methods say about the same image?"""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from xaisigns.base.language import Language
from xaisigns.base.numbers import percent
from xaisigns.cli.options import Force, MaxPixels, Methods, Network, OptionalImages, Output, target_class
from xaisigns.cli.terminal import print_table, tell_skipped
from xaisigns.cli.words import WORDS


def compare(
    images: OptionalImages = None,
    *,
    network: Network,
    methods: Methods = "default",
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="Class of a row: predicted, or a class number; repeatable. Default: predicted and runner-up.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("comparison"),
    max_pixels: MaxPixels = 50_000_000,
    force: Force = False,
    output: Output,
) -> None:
    """Write one picture per image: methods as columns, classes as rows."""
    from xaisigns.pictures.comparison import compare_files

    rows = [target_class(text) for text in target or ()]
    model = network.load()
    with output.bars() as progress:
        report = compare_files(
            model,
            images,
            out,
            methods.split(","),
            rows,
            output.lang,
            progress=progress,
            max_pixels=max_pixels,
            force=force,
        )
    output.show(report, _print)
    tell_skipped(report["skipped"])


def _print(report: dict[str, Any], language: Language) -> None:
    results = report["results"]
    if not results:
        return
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
