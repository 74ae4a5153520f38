"""xaisigns compare: what do other methods say about the same image?"""

from pathlib import Path
from typing import Annotated, Any

import typer

from xaisigns.base.language import Language
from xaisigns.base.numbers import percent
from xaisigns.cli.options import Force, MaxPixels, Methods, Networks, OptionalImages, Output, target_class
from xaisigns.cli.terminal import answers, answers_table, print_table, tell_skipped


def compare(
    images: OptionalImages = None,
    *,
    network: Networks,
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
    """Write one picture per image: methods as columns, classes as rows, of each model."""
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
    table = answers_table(results, ("called", "probability", "compared_for", "picture"), language)
    for result in results:
        for model, answer in answers(result):
            called = answer["predicted"]
            table.add_row(
                result["image"],
                *model,
                f"{called['name']} ({called['id']})",
                percent(called["probability"], language),
                ", ".join(f"{row['name']} ({row['id']})" for row in answer["rows"]),
                result["files"]["picture"],
            )
    print_table(table)
