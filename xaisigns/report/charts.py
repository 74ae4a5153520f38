"""The summary's charts as SVG; the same data give the same bytes."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from xaisigns.base.language import Language
from xaisigns.base.numbers import percent
from xaisigns.pictures.drawing import drawing

Rows = Sequence[Mapping[str, Any]]

_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "xaisigns",
    "font.family": ["DejaVu Sans"],
    "font.size": 6.5,
    "axes.linewidth": 0.4,
}
_INK, _MUTED, _LINE = "#1d2733", "#5c6873", "#d5dae0"
_COLOUR, _CONTROL = "#2f6690", "#9aa5b1"
_ROW = 4.0  # mm
_TICKS = 6.0
_LONGEST = 60  # characters of a name


def accuracy_chart(rows: Rows, language: Language) -> bytes:
    """A dot with its interval for each class; rows as Document.accuracies gives them, 180 mm wide."""
    with drawing(_SETTINGS):
        figure, axes = _axes(len(rows), width=180, left=84, right=14, foot=_TICKS)
        for place, row in enumerate(rows):
            bar = row["bar"]
            axes.plot([bar["low"], bar["high"]], [place, place], color=_COLOUR, linewidth=0.9)
            axes.plot([bar["value"]], [place], "o", color=_COLOUR, markersize=2.8)
            _text(axes, -0.07, place, row["name"], "right")
            _text(axes, -0.02, place, str(row["id"]), "right", _MUTED)
            _text(axes, 1.015, place, row["text"], "left")
        least = min(row["bar"]["low"] for row in rows)
        margin = 0.02 * (1 - least)
        axes.set_xlim(least - margin, 1 + margin)
        axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
        digits = 0 if least < 0.95 else 1
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value, language, digits)))
        return _svg(figure)


def scores_chart(rows: Rows) -> bytes:
    """Bars with intervals, controls in grey; rows of one metric as Document.metrics gives them, 87 mm wide."""
    with drawing(_SETTINGS):
        gap = 0.6 if any(row["control"] for row in rows) else 0.0
        figure, axes = _axes(len(rows) + gap, width=87, left=31, right=14)
        for index, row in enumerate(rows):
            bar, place = row["bar"], index + gap * row["control"]
            _text(axes, -0.03, place, row["label"], "right")
            _text(axes, 1.03, place, row["text"], "left")
            if bar:
                colour = _CONTROL if row["control"] else _COLOUR
                axes.barh(place, bar["value"] - bar["zero"], left=bar["zero"], height=0.6, color=colour)
                axes.plot([bar["low"], bar["high"]], [place, place], color=_INK, linewidth=0.8)
                axes.axvline(bar["zero"], color=_MUTED, linewidth=0.4)
        axes.set_xlim(0, 1.02)
        axes.set_xticks([])
        return _svg(figure)


def _axes(rows: float, width: float, left: float, right: float, foot: float = 0) -> tuple[Figure, Axes]:
    """Axes for rows from the top down, lengths in mm: labels to the left, values to the right."""
    height = rows * _ROW + foot
    figure = Figure(figsize=(width / 25.4, height / 25.4))
    axes = figure.add_axes((left / width, foot / height, (width - left - right) / width, 1 - foot / height))
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.grid(axis="x", color=_LINE, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=_MUTED)
    return figure, axes


def _text(axes: Axes, at: float, place: float, text: str, side: Literal["left", "right"], colour: str = _INK) -> None:
    """Beside a row, ``at`` in widths of the axes."""
    shown = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    axes.text(
        at, place, shown, transform=axes.get_yaxis_transform(), ha=side, va="center", color=colour, parse_math=False
    )


def _svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # Text stays text, and Typst has a font of last resort for it.
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
