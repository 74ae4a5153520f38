"""Strokes and stickers on pictures, by what they cover."""

import numpy as np
import pytest
from PIL import Image

from xaisigns.live.composing import lay, paint
from xaisigns.live.messages import PlacedSticker, Stroke

RED = (255, 0, 0)


@pytest.fixture
def picture():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8))


def sticker(**changed):
    settings = {"x": 0.5, "y": 0.5, "size": 0.5, "angle": 0.0, "colour": RED, "shape": "rectangle"}
    return PlacedSticker(**{**settings, **changed})


def stroke(*points, erases=False, width=0.2):
    return Stroke(points=points, width=width, colour=RED, erases=erases)


def test_a_sticker_lies_where_it_is_said_and_nothing_else_changes(picture):
    image, mask = lay(picture, sticker())
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == pytest.approx((15, 44, 20, 59), abs=1)
    assert (np.asarray(image)[15:45, 20:60] == RED).all()
    np.testing.assert_array_equal(np.asarray(image)[~mask], np.asarray(picture)[~mask])
    assert lay(picture, None) == (picture, None)


@pytest.mark.parametrize(("x", "y", "rows", "columns"), [(0, 0, (0, 29), (0, 39)), (1, 1, (30, 59), (40, 79))])
def test_a_sticker_stays_inside(picture, x, y, rows, columns):
    _, mask = lay(picture, sticker(x=x, y=y))
    found = np.nonzero(mask)
    assert [end for axis in found for end in (axis.min(), axis.max())] == pytest.approx([*rows, *columns], abs=1)


def test_an_ellipse_covers_less_and_a_turn_as_much(picture):
    whole = lay(picture, sticker()).mask.mean()
    assert lay(picture, sticker(shape="ellipse")).mask.mean() == pytest.approx(whole * np.pi / 4, rel=0.1)
    turned = lay(picture, sticker(angle=45, size=0.3)).mask
    assert turned.mean() == pytest.approx(0.09, rel=0.15)
    assert (turned != lay(picture, sticker(size=0.3)).mask).any()


def test_a_patch_keeps_its_shape_and_lies_inside(picture):
    patch = Image.new("RGB", (10, 5), (1, 2, 3))
    image, mask = lay(picture, sticker(patch=0, size=0.5), [patch])
    rows, columns = np.nonzero(mask)
    assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == (30, 15)
    assert (np.asarray(image)[mask] == (1, 2, 3)).all()
    _, corner = lay(picture, sticker(patch=0, x=1, y=1, angle=30), [patch])
    assert corner.shape == (60, 80)
    assert corner.any()
    # A finding that is not there is no patch.
    np.testing.assert_array_equal(lay(picture, sticker(patch=3), [patch]).mask, lay(picture, sticker()).mask)


def test_strokes_cover_their_line_and_the_eraser_brings_the_picture_back(picture):
    line = stroke((0.25, 0.5), (0.75, 0.5))
    painted = np.asarray(paint(picture, [line]))
    assert (painted[27:33, 20:60] == RED).all()
    np.testing.assert_array_equal(painted[:20], np.asarray(picture)[:20])
    over = stroke((0.25, 0.5), (0.75, 0.5), erases=True, width=0.4)
    np.testing.assert_array_equal(np.asarray(paint(picture, [line, over])), np.asarray(picture))
    assert (np.asarray(paint(picture, [over, line])) == painted).all()


def test_the_picture_itself_stays_as_it_is(picture):
    before = np.array(picture)
    paint(picture, [stroke((0.5, 0.5))])
    lay(picture, sticker())
    np.testing.assert_array_equal(np.asarray(picture), before)
