"""xaisigns evaluate: how good a model is on the test images."""

from functools import partial
from typing import Any

from rich.table import Table

from xaisigns.base.language import Language
from xaisigns.base.numbers import percent, whole
from xaisigns.cli.options import Network, OptionalRoot, Output
from xaisigns.cli.terminal import print_table, say
from xaisigns.cli.words import WORDS


def evaluate(
    root: OptionalRoot = None,
    *,
    network: Network,
    output: Output,
) -> None:
    """Measure accuracy with a 95% interval, overall and per class; for a stickered model also what a sticker does."""
    from xaisigns.study.evaluating import evaluate as evaluate_model

    model = network.load()
    with output.bars() as progress:
        report = evaluate_model(model, root, language=output.lang, progress=progress)
    output.show(report, partial(_print, "images" if root else "drawn_images"))


def _print(images: str, report: dict[str, Any], language: Language) -> None:

    def told(share: float | None) -> str:
        return percent(share, language, 2)

    low, high = map(told, report["interval"])
    count = WORDS.counted(images, report["count"], language)
    say(WORDS("evaluated", language, images=count, accuracy=told(report["accuracy"]), low=low, high=high))
    sticker = report.get("sticker")
    if sticker:
        name = report["classes"][sticker["class"]]["name"]
        success, accuracy = told(sticker["success"]), told(sticker["accuracy"])
        say(WORDS("fooled", language, success=success, name=name, accuracy=accuracy))
    columns = ["class", "name", "class_images", "right", "instead", *(["with_sticker"] if sticker else [])]
    table = Table(*(WORDS(key, language) for key in columns))
    for row, confused in zip(report["classes"], report["confusion"], strict=True):
        others = [(count, other) for other, count in enumerate(confused) if other != row["id"] and count]
        worst = WORDS.counted("times", max(others)[0], language, name=max(others)[1]) if others else ""
        cells = [str(row["id"]), row["name"], whole(row["count"], language), told(row["accuracy"]), worst]
        if sticker:
            cells.append(told(sticker["success_by_class"].get(str(row["id"]))))
        table.add_row(*cells)
    print_table(table)
