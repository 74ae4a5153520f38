"""How well the model does on each class, and what it confuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from xaisigns.base.language import Language
from xaisigns.base.numbers import percent, whole
from xaisigns.model.evaluation import wilson_interval
from xaisigns.report.evaluation import Confusion, confusions
from xaisigns.report.report import Report
from xaisigns.report.section import Section
from xaisigns.report.sections.summary.accuracy_chart import accuracy_chart

if TYPE_CHECKING:
    from xaisigns.report.collection import Source

_PAIRS = 8  # confusions that are shown


@dataclass(frozen=True)
class Summary(Section):
    """The evaluation is the report's; it has nothing of its own."""

    order = 20

    @classmethod
    def collect(cls, source: "Source") -> Self:
        """Nothing."""
        return cls()

    def tell(self, report: Report) -> dict[str, Any]:
        """Accuracy by class, and the most frequent confusions."""
        language, found = report.language, confusions(report.evaluation)
        rows = accuracies(report)
        least = min((row["bar"]["low"] for row in rows), default=0.0)
        wrong = whole(sum(one.count for one in found), language)
        return {
            "accuracies": rows,
            "axis": self.texts("axis", language, low=percent(least, language), high=percent(1, language, 0)),
            "confusions": [_pair(one, report) for one in found[:_PAIRS]],
            "confusions_note": self.texts("confusions_note", language, count=wrong),
        }

    def charts(self, told: Mapping[str, Any], language: Language) -> dict[str, bytes]:
        """The accuracies."""
        return {"accuracy": accuracy_chart(told["accuracies"], language)} if told["accuracies"] else {}


def accuracies(report: Report) -> list[dict[str, Any]]:
    """Name, share and 95% interval of every class that has test images."""
    rows = []
    for one in report.evaluation.classes:
        if one.count and one.accuracy is not None:
            low, high = wilson_interval(round(one.accuracy * one.count), one.count)
            text, count = percent(one.accuracy, report.language), whole(one.count, report.language)
            row = {"id": one.id, "name": report.name(one.id), "count": count, "text": text}
            rows.append({**row, "bar": {"value": one.accuracy, "low": low, "high": high, "zero": 0.0}})
    return rows


def _pair(one: Confusion, report: Report) -> dict[str, Any]:
    return {
        "label": one.label,
        "label_name": report.name(one.label),
        "called": one.called,
        "called_name": report.name(one.called),
        "count": whole(one.count, report.language),
        "share": percent(one.share, report.language),
    }
