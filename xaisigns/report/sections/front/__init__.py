"""The title page: model, data, accuracy, what was found, and the example signs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from xaisigns.audit.wording import summary
from xaisigns.base.dates import written_date
from xaisigns.base.numbers import percent
from xaisigns.report.highlight import Highlight, check_highlights, highlight_grids, told_highlight
from xaisigns.report.page_text import plain
from xaisigns.report.report import Report
from xaisigns.report.section import WORDS, Section
from xaisigns.report.tiles import Grid

if TYPE_CHECKING:
    from xaisigns.report.collection import Source


@dataclass(frozen=True, eq=False)
class Front(Section):
    """What was found, in a sentence of the report's language, and the example signs."""

    order = 0
    level = 0

    finding: str | None = None
    highlights: tuple[Highlight, ...] = ()

    @classmethod
    def collect(cls, source: "Source") -> Self:
        """The example signs, what an audit found, and what a sticker does to a model that was trained with stickers."""
        found = filter(None, (_audited(source), _finding(source)))
        return cls(" ".join(found) or None, source.highlights)

    def check(self, report: Report) -> None:
        """Raises ShapeError for an example sign that does not belong to the report."""
        check_highlights(self.highlights, report)

    def tell(self, report: Report) -> dict[str, Any]:
        """Facts, accuracy, finding, and the example signs' captions."""
        language, accuracy = report.language, report.evaluation
        low, high = (percent(end, language, 2) for end in accuracy.interval)
        return {
            "facts": [
                [WORDS("model", language), plain(report.model)],
                [WORDS("data", language), plain(report.data)],
                [self.texts("date", language), written_date(report.date, language)],
            ],
            "accuracy": percent(accuracy.accuracy, language, 2),
            "accuracy_of": self.texts.counted("accuracy_of", accuracy.count, language, low=low, high=high),
            "finding": plain(self.finding) if self.finding else None,
            "highlights": [told_highlight(one, report) for one in self.highlights],
        }

    def grids(self, report: Report) -> Iterator[tuple[str, Grid]]:
        """The example signs' tiles."""
        return highlight_grids(self.highlights)


def _audited(source: "Source") -> str | None:
    audit = source.wanted.audit
    return summary(audit, source.names, source.language) if audit else None


def _finding(source: "Source") -> str | None:
    study, language = source.study, source.language
    if study.stickered_probabilities is None or study.sticker_class is None:
        return None
    others = study.labels != study.sticker_class
    shares = [
        float((probabilities[others].argmax(dim=1) == study.sticker_class).double().mean())
        for probabilities in (study.stickered_probabilities, study.probabilities)
    ]
    with_sticker, without = (percent(share, language) for share in shares)
    name = study.model.class_name(study.sticker_class, language)
    return Front.texts("sticker_finding", language, with_sticker=with_sticker, without=without, name=name)
