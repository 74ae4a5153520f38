"""What an audit found without being told: the ranked classes, each finding in pictures, and what it cannot tell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from xaisigns.audit.findings import Findings, ToldFinding, ToldRate
from xaisigns.audit.picture_rows import picture_rows
from xaisigns.audit.wording import (
    CONTROLS,
    RateRow,
    confidence_text,
    images_text,
    interval_text,
    limit_text,
    nothing_text,
    rate_groups,
    rate_text,
    sentence,
    shown_findings,
    title,
    verdict_text,
)
from xaisigns.base.language import Language
from xaisigns.base.numbers import percent
from xaisigns.report.page_text import plain
from xaisigns.report.report import Report
from xaisigns.report.section import Section
from xaisigns.report.sections.audit.audit_pictures import framed_tile, rates_svg
from xaisigns.report.tiles import Grid

if TYPE_CHECKING:
    from xaisigns.report.collection import Source


@dataclass(frozen=True, eq=False)
class Audit(Section):
    """The findings of an audit of the reported model."""

    order = 5

    findings: Findings

    @classmethod
    def collect(cls, source: "Source") -> Self | None:
        """The findings that the report was given; None without."""
        return cls(source.wanted.audit) if source.wanted.audit else None

    def check(self, report: Report) -> None:
        """Raises ShapeError for a finding about a class that the report does not have."""
        report.refuse_unknown_classes(one.id for one in self.findings.findings)

    def tell(self, report: Report) -> dict[str, Any]:
        """The table of the ranked classes, and each finding with its rates and what its pictures are."""
        language, found = report.language, self.findings
        nothing = None if found.found else nothing_text(found, language)
        return {
            "about": self._about(language),
            "rows": [_row(one, report) for one in shown_findings(found)],
            "nothing": nothing,
            "findings": [_told(one, report) for one in found.found],
            "limits": [limit_text(limit, language) for limit in found.limits],
        }

    def grids(self, report: Report) -> Iterator[tuple[str, Grid]]:
        """A grid of one row for each row of pictures."""
        for one in self.findings.found:
            for number, row in enumerate(picture_rows(one, report.language)):
                tiles = np.stack([framed_tile(tile) for tile in row.tiles])
                yield f"audit-{one.id}-{number}", Grid(None, tiles[None])

    def charts(self, told: Mapping[str, Any], language: Language) -> dict[str, bytes]:
        """Rates beside their controls, one chart for each finding."""
        found = ((one.id, rate_groups(one, language)) for one in self.findings.found)
        return {f"rates-{class_id}": rates_svg(groups, language) for class_id, groups in found if groups}

    def _about(self, language: Language) -> str:
        data, reference = self.findings.data, self.findings.reference
        words = self.texts
        images = words.counted(f"images_{data.split}", data.images, language)
        if reference is None:
            return words("about_alone", language, images=images)
        name = plain(reference.name) if reference.name else words("unnamed", language)
        return words("about", language, images=images, reference=name)


def _row(found: ToldFinding, report: Report) -> dict[str, Any]:
    language, transplant = report.language, found.transplant
    unseen = found.unseen.right if found.unseen else None
    rates = [transplant.flips if transplant else None, *(getattr(transplant, key, None) for key in CONTROLS), unseen]
    return {
        "id": found.id,
        "name": report.name(found.id),
        "verdict": verdict_text(found, language),
        "found": found.verdict != "nothing",
        "confidence": confidence_text(found, language),
        "rates": [_rate(rate, language) for rate in rates],
        "images": images_text(found, language),
    }


def _rate(rate: ToldRate | None, language: Language) -> dict[str, str] | None:
    return {"share": percent(rate.share, language), "interval": interval_text(rate, language)} if rate else None


def _told(found: ToldFinding, report: Report) -> dict[str, Any]:
    language, name = report.language, report.name(found.id)
    pictures = [{"label": plain(row.label), "count": len(row.tiles)} for row in picture_rows(found, language)]
    groups = [
        {"title": group.title, "rows": [_bar(row, language) for row in group.rows]}
        for group in rate_groups(found, language)
    ]
    return {
        "id": found.id,
        "title": title(found, name, language),
        "sentence": sentence(found, name, language),
        "pictures": pictures,
        "groups": groups,
    }


def _bar(row: RateRow, language: Language) -> dict[str, Any]:
    low, high = row.rate.interval
    text = rate_text(row.rate, language)
    bar = {"zero": 0.0, "value": row.rate.share, "low": low, "high": high}
    return {"label": row.label, "text": text, "control": row.control, "bar": bar}
