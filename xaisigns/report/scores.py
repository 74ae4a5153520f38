"""The scores of a report's methods: means with intervals, and the bars that show them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from xaisigns.base.language import Language
from xaisigns.base.numbers import number
from xaisigns.report.page_text import plain
from xaisigns.report.report import Report, refuse_unknown
from xaisigns.report.section import WORDS


@dataclass(frozen=True)
class Metric:
    """A score by its key, what people read, which way is better, and one sentence that says what it measures.

    ``axis`` is where its bars begin and end, the same in the whole report.
    """

    key: str
    label: str
    better: Literal["higher", "lower"]
    explanation: str = ""
    axis: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Score:
    """A mean with its 95% interval; all NaN where it could not be measured."""

    mean: float
    low: float
    high: float


Scores = Mapping[str, Mapping[str, Score]]  # metric key -> method key -> score; what is missing was not measured
Bar = dict[str, float]


def score_range(tables: Iterable[Scores], metric: str) -> tuple[float, float]:
    """Least and greatest end of a metric's bars in all tables, zero among them."""
    scores = [score for table in tables for score in table.get(metric, {}).values()]
    ends = [end for score in scores for end in (score.mean, score.low, score.high) if math.isfinite(end)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    return low, high if high > low else low + 1.0


def check_scores(scores: Scores, metrics: Iterable[Metric], report: Report) -> None:
    """Raises ShapeError for a metric or a method that the report does not have."""
    for table in scores.values():
        report.refuse_unknown_methods(table)
    refuse_unknown("metric", scores, [metric.key for metric in metrics])


def told_metric(metric: Metric, language: Language) -> dict[str, Any]:
    """A metric as people read it."""
    return {
        "label": plain(metric.label),
        "better": WORDS(metric.better, language),
        "arrow": "↑" if metric.better == "higher" else "↓",
        "explanation": plain(metric.explanation),
    }


def told_score(score: Score, axis: tuple[float, float], language: Language) -> dict[str, Any]:
    """A score as people read it, with its bar, None where it was not measured."""
    interval = f"{number(score.low, language)} … {number(score.high, language)}"
    return {"text": number(score.mean, language), "interval": interval, "bar": bar(score, axis)}


def bar(score: Score, axis: tuple[float, float]) -> Bar | None:
    """Where a bar begins, ends, and has its interval, as shares of its axis; without an interval that of no width."""
    if not math.isfinite(score.mean):
        return None
    low, high = axis

    def at(value: float) -> float:
        return min(max((value - low) / (high - low), 0.0), 1.0)

    ends = [end if math.isfinite(end) else score.mean for end in (score.low, score.high)]
    return {"zero": at(0), "value": at(score.mean), "low": at(ends[0]), "high": at(ends[1])}
