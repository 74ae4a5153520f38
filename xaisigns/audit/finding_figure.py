"""One finding as a picture: the feature, where it is, what excites its channels, and what it does to other images."""

import textwrap

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from xaisigns.audit.exhibits import EXAMPLES
from xaisigns.audit.findings import ToldFinding
from xaisigns.audit.picture_rows import Row, picture_rows
from xaisigns.audit.rates_chart import chart_rows, draw_rates
from xaisigns.audit.wording import rate_groups, sentence, title
from xaisigns.base.language import Language
from xaisigns.base.printable import printable
from xaisigns.pictures.drawing import NotebookFigure, drawing

FRAME = "#ffd400"  # around the feature in an image

# In inches.
_CELL, _GAP, _LABEL, _LINE, _MARGIN = 1.1, 0.06, 1.65, 0.2, 0.15
_WIDTH = 2 * _MARGIN + _LABEL + EXAMPLES * (_CELL + _GAP)
_CHART_ROW, _CHART_LEFT, _CHART_RIGHT = 0.23, 3.4, 2.4
_LETTERS = (125, 110, 95, 80, 65, 50)  # of a line: fewer where they are wide
_LABEL_LETTERS, _LONGEST_NAME = 22, 60


def finding_figure(found: ToldFinding, name: str, language: Language) -> Figure:
    """What was found about the class of that name, in pictures, with the sentence that says it."""
    rows, groups = picture_rows(found, language), rate_groups(found, language)
    name = printable(name)
    name = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    with drawing({"font.size": 9}):
        figure = NotebookFigure(figsize=(_WIDTH, 1), dpi=110)
        heading = _wrapped(figure, title(found, name, language), 11)
        told = _wrapped(figure, sentence(found, name, language) or "", 10)
        above = _MARGIN + _LINE * (1.2 + heading.count("\n"))
        top = above + _LINE * (1 + told.count("\n")) + _MARGIN
        height = top + len(rows) * (_CELL + 2 * _GAP) + chart_rows(groups) * _CHART_ROW + 2 * _MARGIN
        figure.set_size_inches(_WIDTH, height)
        _write(figure, _MARGIN, _MARGIN, heading, 11)
        _write(figure, _MARGIN, above, told, 10)
        for row in rows:
            _draw_row(figure, row, top)
            top += _CELL + 2 * _GAP
        if groups:
            size = (_WIDTH - 2 * _MARGIN - _CHART_LEFT - _CHART_RIGHT, chart_rows(groups) * _CHART_ROW)
            box = _placed(figure, _MARGIN + _CHART_LEFT, top + _MARGIN, *size)
            draw_rates(figure.add_axes(box), groups, language)
    return figure


def _wrapped(figure: Figure, text: str, size: float) -> str:
    """The text in as few lines as the figure is wide enough for."""
    lines = text
    for letters in _LETTERS:
        lines = "\n".join(textwrap.wrap(text, letters))
        tried = figure.text(0, 0, lines, fontsize=size, parse_math=False)
        width = tried.get_window_extent().width
        tried.remove()
        if width <= (_WIDTH - 2 * _MARGIN) * figure.dpi:
            break
    return lines


def _draw_row(figure: Figure, row: Row, top: float) -> None:
    """A label, and the pictures of a row behind it; a picture keeps its shape."""
    label = "\n".join(textwrap.wrap(printable(row.label), _LABEL_LETTERS))
    _write(figure, _MARGIN, top + _CELL / 2, label, 9, "center")
    for column, tile in enumerate(row.tiles):
        box = _placed(figure, _MARGIN + _LABEL + column * (_CELL + _GAP), top, _CELL, _CELL)
        axes = figure.add_axes(box, xticks=[], yticks=[])
        axes.spines[:].set_color("0.8")
        axes.imshow(tile.pixels, interpolation="nearest")
        if tile.box:
            left, upper, right, lower = tile.box
            corner = left - 0.5, upper - 0.5
            axes.add_patch(Rectangle(corner, right - left, lower - upper, fill=False, color=FRAME, linewidth=1.5))


def _write(figure: Figure, left: float, top: float, text: str, size: float, align: str = "top") -> None:
    x, y, _, _ = _placed(figure, left, top, 0, 0)
    figure.text(x, y, text, fontsize=size, va=align, linespacing=1.3, parse_math=False)


def _placed(figure: Figure, left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
    """A box in inches from the upper left corner as matplotlib wants it."""
    whole = figure.get_figheight()
    return left / _WIDTH, 1 - (top + height) / whole, width / _WIDTH, height / whole
