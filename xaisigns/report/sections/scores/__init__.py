"""How well the methods do, beside the controls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from xaisigns.base.language import Language
from xaisigns.report.report import Report
from xaisigns.report.scores import Metric, Scores, check_scores, told_metric, told_score
from xaisigns.report.section import Section
from xaisigns.report.sections.scores.scores_chart import scores_chart

if TYPE_CHECKING:
    from xaisigns.report.collection import Source


@dataclass(frozen=True, eq=False)
class MethodScores(Section):
    """Scores of every method over ``count`` images of the classes that are shown."""

    order = 30
    level = 2

    metrics: tuple[Metric, ...] = ()
    scores: Scores = field(default_factory=dict)
    count: int = 0

    @classmethod
    def collect(cls, source: "Source") -> Self:
        """What was measured."""
        return cls(source.measured.metrics, source.measured.scores, len(source.measured.cases))

    def check(self, report: Report) -> None:
        """Raises ShapeError for a metric or a method that the report does not have."""
        check_scores(self.scores, self.metrics, report)

    def tell(self, report: Report) -> dict[str, Any]:
        """Each metric's scores, controls last; what was not measured is left out."""
        methods = sorted(report.methods, key=lambda method: method.control)
        told = []
        for metric in self.metrics:
            scores = self.scores.get(metric.key, {})
            rows = [
                {**method.told(), **told_score(scores[method.key], metric.axis, report.language)}
                for method in methods
                if method.key in scores
            ]
            if rows:
                told.append({**told_metric(metric, report.language), "rows": rows})
        return {"metrics": told, "note": self.texts.counted("note", self.count, report.language)}

    def charts(self, told: Mapping[str, Any], language: Language) -> dict[str, bytes]:
        """One for each metric, in their order."""
        return {f"metric-{number}": scores_chart(metric["rows"]) for number, metric in enumerate(told["metrics"])}
