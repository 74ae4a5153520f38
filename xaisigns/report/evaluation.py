"""How good a model is: the share of images classified correctly, overall and by class, and what it confuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaisigns.errors import ShapeError


@dataclass(frozen=True)
class ClassAccuracy:
    """A class of the evaluation; ``accuracy`` is None without images."""

    id: int
    count: int
    accuracy: float | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good the model is, as accuracy_report says it; ``confusion`` is ``(classes, classes)``, rows true classes.

    Raises ShapeError when the parts do not belong together.
    """

    count: int
    accuracy: float
    interval: tuple[float, float]
    classes: tuple[ClassAccuracy, ...]
    confusion: NDArray[np.integer]

    def __post_init__(self) -> None:
        classes = len(self.classes)
        if self.confusion.shape != (classes, classes):
            raise ShapeError(f"the confusion of {classes} classes is wanted, got {self.confusion.shape}")
        if [one.id for one in self.classes] != list(range(classes)):
            raise ShapeError(f"the evaluation's classes are wanted in the order of their ids, 0 to {classes - 1}")


@dataclass(frozen=True)
class Confusion:
    """How often images of one class were taken for another, and the share of the class's images."""

    label: int
    called: int
    count: int
    share: float


def evaluation_of(report: Mapping[str, Any]) -> Evaluation:
    """The evaluation from what ``accuracy_report`` gives."""
    low, high = report["interval"]
    classes = tuple(ClassAccuracy(row["id"], row["count"], row["accuracy"]) for row in report["classes"])
    return Evaluation(report["count"], report["accuracy"], (low, high), classes, np.asarray(report["confusion"]))


def confusions(evaluation: Evaluation, label: int | None = None) -> list[Confusion]:
    """What was taken for something else, of all classes or of one: the most images first, then by id."""
    found = []
    for true, row in enumerate(evaluation.confusion):
        if label in (None, true):
            whole = int(row.sum())
            found += [
                Confusion(true, called, int(count), int(count) / whole)
                for called, count in enumerate(row)
                if count and called != true
            ]
    return sorted(found, key=lambda one: (-one.count, one.label, one.called))
