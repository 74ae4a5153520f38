"""The pictures of a finding as a report shows them."""

import re

import numpy as np
from PIL import Image, ImageColor

from tests.findings import made_up
from tests.report.contents import photo
from xaisigns.audit.finding_figure import FRAME
from xaisigns.audit.picture_rows import Tile
from xaisigns.audit.wording import rate_groups
from xaisigns.report.sections.audit.audit_pictures import framed_tile, rates_svg


def test_a_tile_is_the_picture_with_a_frame_where_the_box_is():
    pixels = photo(0, 32, 32)
    plain, framed = framed_tile(Tile(pixels)), framed_tile(Tile(pixels, (4, 8, 20, 24)))
    np.testing.assert_array_equal(plain, pixels.repeat(4, axis=0).repeat(4, axis=1))
    changed = (plain != framed).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) == (16, 32, 80, 96)
    assert not changed[40:90, 24:70].any()
    assert set(map(tuple, framed[changed].tolist())) == {ImageColor.getrgb(FRAME)}


def test_pictures_of_any_size_become_tiles():
    for height, width in ((5, 9), (300, 200), (1, 1)):
        assert framed_tile(Tile(photo(0, height, width))).shape == (128, 128, 3)
    grey = np.full((300, 300, 3), 90, np.uint8)
    np.testing.assert_array_equal(framed_tile(Tile(grey)), np.asarray(Image.new("RGB", (128, 128), (90, 90, 90))))


def test_the_chart_says_all_rates():
    groups = rate_groups(made_up().findings[0], "de")
    chart = rates_svg(groups, "de").decode()
    shown = re.sub(r"\s+", " ", " ".join(re.findall(r">([^<>]+)</text>", chart)))
    for group in groups:
        assert group.title in shown
        for row in group.rows:
            assert row.label in shown
    assert chart == rates_svg(groups, "de").decode()
