"""Charts of horizontal rows, as SVG: labels to the left, values to the right; the same data give the same bytes."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Rows = Sequence[Mapping[str, Any]]

SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "xaisigns",
    "font.family": ["DejaVu Sans"],
    "font.size": 6.5,
    "axes.linewidth": 0.4,
}
INK, MUTED, _LINE = "#1d2733", "#5c6873", "#d5dae0"
COLOUR, CONTROL = "#2f6690", "#9aa5b1"
_ROW = 4.0  # mm
_LONGEST = 60  # characters of a name


def row_axes(rows: float, width: float, left: float, right: float, foot: float = 0) -> tuple[Figure, Axes]:
    """Axes for rows from the top down, lengths in mm: labels to the left, values to the right."""
    height = rows * _ROW + foot
    figure = Figure(figsize=(width / 25.4, height / 25.4))
    axes = figure.add_axes((left / width, foot / height, (width - left - right) / width, 1 - foot / height))
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.grid(axis="x", color=_LINE, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=MUTED)
    return figure, axes


def row_text(axes: Axes, at: float, place: float, text: str, side: Literal["left", "right"], colour: str = INK) -> None:
    """Beside a row, ``at`` in widths of the axes."""
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    axes.text(
        at, place, shown, transform=axes.get_yaxis_transform(), ha=side, va="center", color=colour, parse_math=False
    )


def svg(figure: Figure) -> bytes:
    """The finished chart."""
    buffer = io.BytesIO()
    # Text stays text, and Typst has a font of last resort for it.
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
