"""The pictures of a finding as a report shows them: square tiles with a frame, and a chart of rates."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageColor

from xaisigns.audit.finding_figure import FRAME
from xaisigns.audit.findings import Pixels
from xaisigns.audit.picture_rows import Tile
from xaisigns.audit.rates_chart import chart_rows, draw_rates
from xaisigns.audit.wording import RateGroup
from xaisigns.base.language import Language
from xaisigns.pictures.drawing import drawing
from xaisigns.report.charts import SETTINGS, row_axes, svg

_SIDE = 128  # pixels of a tile
_LINE = 3


def framed_tile(tile: Tile) -> Pixels:
    """The picture as a square ``(128, 128, 3)``, with a frame around its box."""
    image = Image.fromarray(tile.pixels)
    way = Image.Resampling.NEAREST if max(image.size) <= _SIDE else Image.Resampling.BILINEAR
    pixels = np.array(image.resize((_SIDE, _SIDE), way))
    if tile.box:
        left, top, right, bottom = (round(edge * _SIDE / image.width) for edge in tile.box)
        inside = np.zeros((_SIDE, _SIDE), dtype=bool)
        inside[top:bottom, left:right] = True
        inside[top + _LINE : bottom - _LINE, left + _LINE : right - _LINE] = False
        pixels[inside] = ImageColor.getrgb(FRAME)
    return pixels


def rates_svg(groups: Sequence[RateGroup], language: Language) -> bytes:
    """Rates beside their controls, 180 mm wide."""
    with drawing(SETTINGS):
        figure, axes = row_axes(chart_rows(groups), width=180, left=72, right=46)
        draw_rates(axes, groups, language)
        return svg(figure)
