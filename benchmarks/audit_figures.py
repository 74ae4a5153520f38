"""What the audits of the bench's models come to: figures with intervals, and a row for each model, in Markdown."""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xaisigns.audit.evidence import Rate
from xaisigns.audit.statistics import interval

USED = 0.10  # from which share of turned images on the model is said to use a planted feature
_FEATURES = {"jpeg": "JPEG of quality {size}", **dict.fromkeys(("sticker", "tint", "border"), "{colour} {kind}")}
_FIGURES = (
    "first a planted class, of models with one that turns 10%",
    "called a shortcut, of the classes that turn 10%",
    "with any finding, of all planted classes",
    "planted models with another class called a shortcut",
    "clean models with a class called a shortcut",
    "clean models with a class called a suspect",
    "clean models with a class that fails on unseen images",
    "processor seconds, median",
)


@dataclass(frozen=True)
class Audited:
    """What is ``told`` of a model, and its audit's ``rows``, a class each, what speaks most for a shortcut first."""

    told: dict[str, Any]
    rows: list[dict[str, str]]

    @property
    def planted(self) -> dict[int, dict[str, Any]]:
        """What was planted, by class."""
        return {one["class_id"]: one for one in self.told["planted"]}

    @property
    def used(self) -> set[int]:
        """The planted classes whose feature turns enough images."""
        return {class_id for class_id, one in self.planted.items() if one["success"] >= USED}

    @property
    def found(self) -> dict[int, str]:
        """The verdicts other than "nothing", by class."""
        return {int(row["class"]): row["verdict"] for row in self.rows if row["verdict"] != "nothing"}

    @property
    def shortcuts(self) -> set[int]:
        """The classes that are called a shortcut."""
        return {class_id for class_id, verdict in self.found.items() if verdict == "shortcut"}


def read(told: Path, rows: Path) -> Audited:
    """A model's audit from what is told of the model (JSON) and the audit's table (CSV)."""
    with rows.open(newline="") as file:
        return Audited(json.loads(told.read_text()), list(csv.DictReader(file)))


def tables(models: list[Audited]) -> str:
    """Figures of the models that thresholds were set on and of the others; planted classes; clean models."""
    parts = [[one for one in models if one.told["sets_thresholds"] is sets] for sets in (True, False)]
    lines = ["| | thresholds | figures |", "|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in zip(_FIGURES, *map(_figures, parts), strict=True)]
    lines += [
        "",
        "| model | class | feature | share | turns | rank | verdict | difference |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(row)} |" for one in models for row in _planted(one)]
    lines += ["", "| clean model | test accuracy | findings | largest difference |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(_clean(one))} |" for one in models if not one.planted]
    return "\n".join(lines)


def _figures(models: list[Audited]) -> list[str]:
    """A cell for each of the figures."""
    planted, clean = [one for one in models if one.planted], [one for one in models if not one.planted]
    seconds = [float(one.rows[0]["seconds"]) for one in models]
    return [
        _share(int(one.rows[0]["class"]) in one.planted for one in planted if one.used),
        _share(class_id in one.shortcuts for one in planted for class_id in one.used),
        _share(class_id in one.found for one in planted for class_id in one.planted),
        _share(bool(one.shortcuts - set(one.planted)) for one in planted),
        _share(bool(one.shortcuts) for one in clean),
        _share("suspect" in one.found.values() for one in clean),
        _share("unseen" in one.found.values() for one in clean),
        f"{np.median(seconds):.0f}" if seconds else "-",
    ]


def _share(hits: Iterable[bool]) -> str:
    """Hits of all, with their exact 95% interval."""
    found = list(hits)
    low, high = interval(Rate(sum(found), len(found)))
    return f"{sum(found)} of {len(found)} ({low:.2f} to {high:.2f})" if found else "-"


def _planted(one: Audited) -> list[list[str]]:
    """The cells of each planted class."""
    places = {int(row["class"]): place for place, row in enumerate(one.rows)}
    return [
        [
            one.told["name"],
            str(class_id),
            _FEATURES[planted["feature"]["kind"]].format(**planted["feature"]),
            f"{planted['share']:.0%}",
            f"{planted['success']:.1%}",
            str(places[class_id] + 1),
            one.rows[places[class_id]]["verdict"],
            one.rows[places[class_id]]["difference"],
        ]
        for class_id, planted in one.planted.items()
    ]


def _clean(one: Audited) -> list[str]:
    """The cells of a clean model."""
    findings = ", ".join(f"{class_id} {verdict}" for class_id, verdict in one.found.items())
    largest = max(float(row["difference"] or 0) for row in one.rows)
    return [one.told["name"], f"{one.told['test_accuracy']:.1%}", findings or "none", f"{largest:.2f}"]
