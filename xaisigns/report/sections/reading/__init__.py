"""How to read a heatmap."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from xaisigns.report.highlight import Highlight, check_highlights, highlight_grids, told_highlight
from xaisigns.report.report import Report
from xaisigns.report.section import Section
from xaisigns.report.tiles import Grid

if TYPE_CHECKING:
    from xaisigns.report.collection import Source


@dataclass(frozen=True, eq=False)
class Reading(Section):
    """The guide, with the last of the example signs taken apart."""

    order = 10

    highlights: tuple[Highlight, ...] = ()

    @classmethod
    def collect(cls, source: "Source") -> Self:
        """The example signs."""
        return cls(source.highlights)

    def check(self, report: Report) -> None:
        """Raises ShapeError for an example sign that does not belong to the report."""
        check_highlights(self.highlights, report)

    def tell(self, report: Report) -> dict[str, Any]:
        """The last example sign with its name among the pictures; the rest is fixed text."""
        number = len(self.highlights) - 1
        if number < 0:
            return {"highlight": None}
        return {"highlight": {"picture": f"highlight-{number}", **told_highlight(self.highlights[number], report)}}

    def grids(self, report: Report) -> Iterator[tuple[str, Grid]]:
        """The tiles of the last example sign."""
        yield from list(highlight_grids(self.highlights))[-1:]
