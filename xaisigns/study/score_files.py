"""A score document as files: scores.json whole, scores.csv a row a number, scores.md a table with intervals."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xaisigns.base.documents import json_text
from xaisigns.base.files import Place, whole_files
from xaisigns.base.language import Language
from xaisigns.base.numbers import written
from xaisigns.base.texts import Texts
from xaisigns.base.version import __version__
from xaisigns.metrics.catalogue import METRICS

_COLUMNS = ("method", "control", "metric", "value", "low", "high", "better", "no_better_than", "images")
_MARKS = {"csv": ",".join(_COLUMNS).encode(), "json": b'"made_by": "xaisigns ', "md": b"<!-- made by xaisigns -->"}
_TEXTS = Texts("scores")


def score_places(folder: Path) -> list[Place]:
    """Where the three files of a folder are."""
    return [Place(folder / f"scores.{kind}", mark) for kind, mark in _MARKS.items()]


def write_scores(document: dict[str, Any], folder: Path, language: Language, *, force: bool = False) -> dict[str, str]:
    """Write the three files to the folder, all or none, and give their paths by kind.

    The table is in ``language``. In the CSV, which is the same in all, a score that no image has is empty. Raises
    OutputError when one cannot be written, or is there and not of xaisigns without ``force``.
    """
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(_rows(document))
    whole = {"made_by": f"xaisigns {__version__}", **document}
    content = {
        "csv": table.getvalue(),
        "json": json_text(whole) + "\n",
        "md": "\n".join([*_markdown(document, language), "", _MARKS["md"].decode(), ""]),
    }
    places = score_places(folder)
    with whole_files(places, force=force) as temporaries:
        for temporary, text in zip(temporaries, content.values(), strict=True):
            temporary.write_text(text, encoding="utf-8")
    return {kind: str(place.path) for kind, place in zip(content, places, strict=True)}


def mark(score: dict[str, Any]) -> str:
    """What stands behind a score that is no better than edges or uniform."""
    return "°" if score["no_better_than"] else ""


def metric_title(document: dict[str, Any], metric: str, language: Language) -> str:
    """What a table calls a metric of the document, with an arrow to where it is better."""
    arrow = {"higher": " ↑", "lower": " ↓"}[document["metrics"][metric]["better"]]
    return f"{METRICS[metric].label(language)}{arrow}"


def precision_note(document: dict[str, Any], language: Language) -> str | None:
    """How far rounding moves the scores, None for a document in full precision."""
    off = [
        f"{METRICS[metric].label(language)} {written(f'{error:.4f}', language)}"
        for metric, error in document["precision_error"].items()
        if error is not None
    ]
    return _TEXTS("rounded", language, errors=", ".join(off)) if off else None


def best_methods(document: dict[str, Any]) -> dict[str, set[str]]:
    """For each metric the methods with the best mean, which is more than one where they tie; no control is best."""
    best: dict[str, set[str]] = {}
    for metric, described in document["metrics"].items():
        values = {
            name: scores[metric]["value"]
            for name, scores in document["methods"].items()
            if name not in document["controls"] and scores[metric]["value"] is not None
        }
        first = {"higher": max, "lower": min}[described["better"]](values.values(), default=None)
        best[metric] = {name for name, value in values.items() if value == first}
    return best


def ordered(document: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The methods and the controls, in their order."""
    controls = document["controls"]
    return [name for name in document["methods"] if name not in controls], controls


def _rows(document: dict[str, Any]) -> Iterator[list[Any]]:
    yield list(_COLUMNS)
    for name, scores in document["methods"].items():
        for metric, score in scores.items():
            yield [
                name,
                int(name in document["controls"]),
                metric,
                *("" if value is None else f"{value:.6g}" for value in (score["value"], *score["interval"])),
                document["metrics"][metric]["better"],
                " ".join(score["no_better_than"]),
                document["count"],
            ]


def _markdown(document: dict[str, Any], language: Language) -> Iterator[str]:
    best, metrics = best_methods(document), list(document["metrics"])
    heads = [metric_title(document, metric, language) for metric in metrics]
    yield "| " + " | ".join([_TEXTS("method", language), *heads]) + " |"
    yield "|---" * (len(metrics) + 1) + "|"
    methods, controls = ordered(document)
    for name in (*methods, *controls):
        scores = document["methods"][name]
        cells = [_interval(scores[metric], language, bold=name in best[metric]) for metric in metrics]
        shown = f"*{name}*" if name in controls else f"`{name}`"
        yield "| " + " | ".join([shown, *cells]) + " |"
    if note := precision_note(document, language):
        yield f"\n{note}"


def _interval(score: dict[str, Any], language: Language, *, bold: bool) -> str:
    if score["value"] is None:
        return "–"
    value, low, high = (written(f"{number:.3f}", language) for number in (score["value"], *score["interval"]))
    return f"{f'**{value}**' if bold else value}{mark(score)} ({_TEXTS('interval', language, low=low, high=high)})"
