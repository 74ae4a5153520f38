"""The accuracy of each class as a chart."""

from matplotlib.ticker import FuncFormatter, MaxNLocator

from xaisigns.base.language import Language
from xaisigns.base.numbers import percent
from xaisigns.pictures.drawing import drawing
from xaisigns.report.charts import COLOUR, MUTED, SETTINGS, Rows, row_axes, row_text, svg


def accuracy_chart(rows: Rows, language: Language) -> bytes:
    """A dot with its interval for each class; rows as ``accuracies`` gives them, 180 mm wide."""
    with drawing(SETTINGS):
        figure, axes = row_axes(len(rows), width=180, left=84, right=14, foot=6)
        for place, row in enumerate(rows):
            bar = row["bar"]
            axes.plot([bar["low"], bar["high"]], [place, place], color=COLOUR, linewidth=0.9)
            axes.plot([bar["value"]], [place], "o", color=COLOUR, markersize=2.8)
            row_text(axes, -0.07, place, row["name"], "right")
            row_text(axes, -0.02, place, str(row["id"]), "right", MUTED)
            row_text(axes, 1.015, place, row["text"], "left")
        least = min(row["bar"]["low"] for row in rows)
        margin = 0.02 * (1 - least)
        axes.set_xlim(least - margin, 1 + margin)
        axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
        digits = 0 if least < 0.95 else 1
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value, language, digits)))
        return svg(figure)
