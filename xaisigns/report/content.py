"""What a report contains: plain data, the same for PDF and HTML, and what follows from it without drawing."""

import datetime
import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xaisigns.base.language import Language
from xaisigns.errors import ShapeError

Pixels = NDArray[np.uint8]
Heatmaps = Mapping[str, NDArray[np.floating]]
Kind = Literal["typical", "unsure", "mistaken", "stickered"]


@dataclass(frozen=True)
class Method:
    """A method by its key, and what people read; a control is a method that knows nothing of the model."""

    key: str
    label: str
    control: bool = False


@dataclass(frozen=True)
class Metric:
    """A score by its key, what people read, which way is better, and one sentence that says what it measures."""

    key: str
    label: str
    better: Literal["higher", "lower"]
    explanation: str = ""


@dataclass(frozen=True)
class Score:
    """A mean with its 95 % interval; all NaN where it could not be measured."""

    mean: float
    low: float
    high: float


Scores = Mapping[str, Mapping[str, Score]]  # metric key -> method key -> score; what is missing was not measured


@dataclass(frozen=True)
class ClassAccuracy:
    """A class of the evaluation; ``accuracy`` is None without images."""

    id: int
    count: int
    accuracy: float | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good the model is, as accuracy_report says it; ``confusion`` is ``(classes, classes)``, rows true classes."""

    count: int
    accuracy: float
    interval: tuple[float, float]
    classes: tuple[ClassAccuracy, ...]
    confusion: NDArray[np.integer]


@dataclass(frozen=True)
class Confusion:
    """How often images of one class were called another, and the share of the class's images."""

    label: int
    called: int
    count: int
    share: float


@dataclass(frozen=True, eq=False)
class Example:
    """An image ``(H, W, 3)`` of a section's class, what it was called, and a heatmap ``(h, w)`` for each method's key.

    The heatmaps ask what spoke for ``called``, and ``probability`` is its own. Images of any size are shown as the
    square that the model sees.
    """

    kind: Kind
    image: Pixels
    heatmaps: Heatmaps
    called: int
    probability: float


@dataclass(frozen=True, eq=False)
class Mean:
    """The mean image ``(H, W, 3)`` and mean heatmaps ``(h, w)`` over ``count`` images of a class."""

    count: int
    image: Pixels
    heatmaps: Heatmaps


@dataclass(frozen=True, eq=False)
class Section:
    """A class: its examples in the order of their rows, and what was measured on it.

    ``inside`` is each method's mean share of the positive relevance that lies inside the sign, in 0..1.
    """

    id: int
    examples: tuple[Example, ...] = ()
    mean: Mean | None = None
    inside: Mapping[str, float] = field(default_factory=dict)
    scores: Scores = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Highlight:
    """A sign of the title page: image ``(H, W, 3)``, one heatmap ``(h, w)``, its true class and what it was called."""

    label: int
    called: int
    probability: float
    image: Pixels
    heatmap: NDArray[np.floating]
    method: str
    stickered: bool = False


@dataclass(frozen=True)
class RuleRow:
    """A layer and its rule, as rule_table says it."""

    layer: str
    type: str
    rule: str
    parameters: Mapping[str, float]
    source: str
    change: Mapping[str, str | None] | None = None


@dataclass(frozen=True)
class LedgerRow:
    """What a layer received and passed on of one image's relevance, in units of the target logit."""

    layer: str
    type: str
    rule: str
    received: float
    passed: float


@dataclass(frozen=True)
class Propagation:
    """How LRP was set, and where the relevance of one image went; ``ledger_of`` says in words of which image."""

    composite: str
    rules: tuple[RuleRow, ...]
    ledger: tuple[LedgerRow, ...] = ()
    ledger_of: str = ""


@dataclass(frozen=True)
class Reproduction:
    """What it takes to make the report again; ``seconds`` is the time that it took."""

    command: str
    seed: int
    versions: Mapping[str, str]
    fingerprints: Mapping[str, str]
    processor: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Report:
    """All of a report. Text of the caller (names, labels, finding) is in the report's language, and never markup.

    ``names`` has every class of the evaluation by its id. A method is a column where any section has a heatmap of it;
    ``scores`` are those over all classes, of every method. Raises ShapeError when the parts do not belong together.
    """

    language: Language
    date: datetime.date
    model: str
    data: str
    names: Mapping[int, str]
    methods: tuple[Method, ...]
    evaluation: Evaluation
    sections: tuple[Section, ...]
    reproduction: Reproduction
    finding: str | None = None
    highlights: tuple[Highlight, ...] = ()
    metrics: tuple[Metric, ...] = ()
    scores: Scores = field(default_factory=dict)
    propagation: Propagation | None = None

    def __post_init__(self) -> None:
        classes = len(self.evaluation.classes)
        if self.evaluation.confusion.shape != (classes, classes):
            raise ShapeError(f"the confusion of {classes} classes is wanted, got {self.evaluation.confusion.shape}")
        if [one.id for one in self.evaluation.classes] != list(range(classes)):
            raise ShapeError(f"the evaluation's classes are wanted in the order of their ids, 0 to {classes - 1}")
        _refuse_unknown("class", _class_ids(self), self.names)
        _refuse_unknown("class", (section.id for section in self.sections), range(classes))
        if len({section.id for section in self.sections}) < len(self.sections):
            raise ShapeError("one section for each class is wanted, got several for one")
        _refuse_unknown("method", _method_keys(self), [method.key for method in self.methods])
        _refuse_unknown("metric", _metric_keys(self), [metric.key for metric in self.metrics])
        for where, image, heatmaps in _pictures(self):
            _check_picture(where, image, heatmaps)


def confusions(evaluation: Evaluation, label: int | None = None) -> list[Confusion]:
    """What was called something else, of all classes or of one: the most images first, then by id."""
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


def scale_limit(heatmaps: Sequence[NDArray[np.floating]]) -> float:
    """Where the symmetric colour scale of these heatmaps ends: below it lie 99.5 % of the pixels' absolute values.

    A few pixels of a gradient are many times as strong as all others; up to the largest, the scale would show little
    else. It is the largest value where the share leaves nothing, and 1 where nothing is relevant.
    """
    values = np.concatenate([np.abs(heatmap).ravel() for heatmap in heatmaps]) if heatmaps else np.zeros(1)
    return float(np.quantile(values, 0.995)) or float(values.max()) or 1.0


def score_range(report: Report, metric: str) -> tuple[float, float]:
    """Least and greatest end of a metric's bars in the whole report, zero among them."""
    tables = [report.scores, *(section.scores for section in report.sections)]
    scores = [score for table in tables for score in table.get(metric, {}).values()]
    ends = [end for score in scores for end in (score.mean, score.low, score.high) if math.isfinite(end)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    return low, high if high > low else low + 1.0


def _refuse_unknown(what: str, used: Iterable[object], known: Container[object]) -> None:
    for one in used:
        if one not in known:
            raise ShapeError(f"{what} {one!r} is used, and the report does not have it")


def _class_ids(report: Report) -> Iterator[int]:
    yield from range(len(report.evaluation.classes))
    for section in report.sections:
        yield from (example.called for example in section.examples)
    for highlight in report.highlights:
        yield from (highlight.label, highlight.called)


def _method_keys(report: Report) -> Iterator[str]:
    for section in report.sections:
        yield from section.inside
        for example in section.examples:
            yield from example.heatmaps
        if section.mean:
            yield from section.mean.heatmaps
    yield from (highlight.method for highlight in report.highlights)
    for table in (report.scores, *(section.scores for section in report.sections)):
        for scores in table.values():
            yield from scores


def _metric_keys(report: Report) -> Iterator[str]:
    for table in (report.scores, *(section.scores for section in report.sections)):
        yield from table


def _pictures(report: Report) -> Iterator[tuple[str, Pixels, Heatmaps]]:
    for number, highlight in enumerate(report.highlights):
        yield f"highlight {number}", highlight.image, {highlight.method: highlight.heatmap}
    for section in report.sections:
        for number, example in enumerate(section.examples):
            yield f"example {number} of class {section.id}", example.image, example.heatmaps
        if section.mean:
            yield f"the mean of class {section.id}", section.mean.image, section.mean.heatmaps


def _check_picture(where: str, image: Pixels, heatmaps: Heatmaps) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ShapeError(f"{where}: an image (H, W, 3) of uint8 is wanted, got {image.shape} of {image.dtype}")
    for method, heatmap in heatmaps.items():
        if heatmap.ndim != 2 or not heatmap.size:
            raise ShapeError(f"{where}, {method}: a heatmap (h, w) is wanted, got {heatmap.shape}")
        if not np.isfinite(heatmap).all():
            raise ShapeError(f"{where}, {method}: the heatmap has values that are no numbers; leave it out")
