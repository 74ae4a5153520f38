"""A metric's scores as a chart."""

from xaisigns.pictures.drawing import drawing
from xaisigns.report.charts import COLOUR, CONTROL, INK, MUTED, SETTINGS, Rows, row_axes, row_text, svg


def scores_chart(rows: Rows) -> bytes:
    """Bars with intervals, controls in grey; rows of one metric as MethodScores tells them, 87 mm wide."""
    with drawing(SETTINGS):
        gap = 0.6 if any(row["control"] for row in rows) else 0.0
        figure, axes = row_axes(len(rows) + gap, width=87, left=31, right=14)
        for index, row in enumerate(rows):
            bar, place = row["bar"], index + gap * row["control"]
            row_text(axes, -0.03, place, row["label"], "right")
            row_text(axes, 1.03, place, row["text"], "left")
            if bar:
                colour = CONTROL if row["control"] else COLOUR
                axes.barh(place, bar["value"] - bar["zero"], left=bar["zero"], height=0.6, color=colour)
                axes.plot([bar["low"], bar["high"]], [place, place], color=INK, linewidth=0.8)
                axes.axvline(bar["zero"], color=MUTED, linewidth=0.4)
        axes.set_xlim(0, 1.02)
        axes.set_xticks([])
        return svg(figure)
