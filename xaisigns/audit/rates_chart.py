"""Rates beside their controls, as bars with their 95% intervals."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from xaisigns.audit.wording import RateGroup, rate_text
from xaisigns.base.language import Language

_COLOUR, _CONTROL, _INK, _MUTED = "#2f6690", "#9aa5b1", "#1d2733", "#5c6873"


def chart_rows(groups: Sequence[RateGroup]) -> int:
    """How many rows ``draw_rates`` needs: one for each rate, and one for each title."""
    return sum(1 + len(group.rows) for group in groups)


def draw_rates(axes: Axes, groups: Sequence[RateGroup], language: Language) -> None:
    """Draw all groups from the top down: labels to the left of the axes, values with their intervals to the right."""
    axes.set_ylim(chart_rows(groups) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    place = 0
    for group in groups:
        _write(axes, 0, place, group.title, "left", bold=True)
        axes.plot([0, 0], [place + 0.55, place + len(group.rows) + 0.45], color=_MUTED, linewidth=0.6, clip_on=False)
        for row in group.rows:
            place += 1
            axes.barh(place, row.rate.share, height=0.6, color=_CONTROL if row.control else _COLOUR)
            axes.plot(row.rate.interval, [place, place], color=_INK, linewidth=0.9, clip_on=False)
            _write(axes, -0.02, place, row.label, "right")
            _write(axes, 1.03, place, rate_text(row.rate, language), "left")
        place += 1


def _write(axes: Axes, at: float, place: int, text: str, side: str, *, bold: bool = False) -> None:
    """Beside a row, ``at`` in widths of the axes."""
    axes.text(
        at,
        place,
        text,
        transform=axes.get_yaxis_transform(),
        ha=side,
        va="center",
        color=_INK,
        weight="bold" if bold else "normal",
        parse_math=False,
    )
