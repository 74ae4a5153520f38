"""xaisigns evaluate: how good a model is on the test images."""

from typing import Any

import typer
from rich.table import Table

from xaisigns.cli.terminal import (
    InputSize,
    Json,
    Mean,
    Model,
    OptionalRoot,
    Std,
    bars,
    load,
    or_rendered,
    percent,
    print_json,
    print_table,
)


def evaluate(
    root: OptionalRoot = None,
    model: Model = "stickered",
    input_size: InputSize = None,
    mean: Mean = None,
    std: Std = None,
    json: Json = False,
) -> None:
    """Accuracy with a 95 % interval, per class, confusion; for a stickered model also what a sticker does."""
    from xaisigns.model.experiment import evaluate_model

    network = load(model, input_size, mean, std)
    with bars() as bar:
        report = evaluate_model(network, or_rendered(root, bar), decoding=bar("decoding"), progress=bar("testing"))
    if json:
        print_json(report)
    else:
        _print(report, "images" if root else "drawn images")


def _print(report: dict[str, Any], images: str) -> None:
    low, high = map(percent, report["interval"])
    typer.echo(f"{report['count']:,} {images}: {percent(report['accuracy'])} right (95 % interval {low} to {high})")
    sticker = report.get("sticker")
    if sticker:
        name = report["classes"][sticker["class"]]["name"]
        typer.echo(
            f"With a sticker on every image: {percent(sticker['success'])} of the other classes' images are called "
            f"“{name}”; of its own, {percent(sticker['accuracy'])} are right."
        )
    columns = ["class", "name", "images", "right", "most often called instead"]
    table = Table(*columns, *(["called it with a sticker"] if sticker else []))
    for row, confused in zip(report["classes"], report["confusion"], strict=True):
        others = [(count, other) for other, count in enumerate(confused) if other != row["id"] and count]
        worst = f"{max(others)[1]} ({max(others)[0]} times)" if others else ""
        cells = [str(row["id"]), row["name"], str(row["count"]), percent(row["accuracy"]), worst]
        if sticker:
            cells.append(percent(sticker["success_by_class"].get(str(row["id"]))))
        table.add_row(*cells)
    print_table(table)
