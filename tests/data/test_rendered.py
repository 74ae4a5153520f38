import math
import random

import numpy as np
import pytest

from xaisigns.data.rendered import draw_sign
from xaisigns.errors import DataError

STOP, NO_OVERTAKING, SPEED_50, SPEED_70 = 14, 9, 2, 4
DRAWN = [STOP, NO_OVERTAKING, SPEED_50, SPEED_70]


def pixels(image):
    return np.asarray(image, dtype=int)


def colour_at(sign, x, y):
    """Mean colour of the 3 x 3 pixels at a place of the sign's box, from -1 to 1."""
    x1, y1, x2, y2 = sign.roi
    column, row = round((x1 + x2 + x * (x2 - x1)) / 2), round((y1 + y2 + y * (y2 - y1)) / 2)
    return pixels(sign.image)[row - 1 : row + 2, column - 1 : column + 2].mean(axis=(0, 1))


def is_red(colour):
    return colour[0] > 1.8 * max(colour[1], colour[2])


def brightness(colour):
    return colour.mean()


@pytest.mark.parametrize("class_id", DRAWN)
def test_the_same_seed_draws_the_same_pixels(class_id):
    first, second = draw_sign(class_id, 64, seed=3), draw_sign(class_id, 64, seed=3)
    assert first.image.tobytes() == second.image.tobytes()
    assert first.roi == second.roi
    np.testing.assert_array_equal(first.mask, second.mask)


def test_another_seed_draws_another_scene():
    first, second = pixels(draw_sign(STOP, 64, seed=0).image), pixels(draw_sign(STOP, 64, seed=1).image)
    assert abs(first - second).mean() > 10


def test_the_seed_sets_the_same_scene_for_every_class():
    fifty, seventy = draw_sign(SPEED_50, seed=5), draw_sign(SPEED_70, seed=5)
    assert fifty.roi == seventy.roi
    np.testing.assert_array_equal(fifty.mask, seventy.mask)
    far = np.ones_like(fifty.mask)
    far[32:96, 20:108] = False  # the digits and what the blur carries of them
    np.testing.assert_array_equal(pixels(fifty.image)[far], pixels(seventy.image)[far])


@pytest.mark.parametrize("size", [16, 47, 128, 200])
def test_the_size_is_kept(size):
    sign = draw_sign(NO_OVERTAKING, size)
    assert sign.image.mode == "RGB"
    assert sign.image.size == (size, size)
    assert sign.mask.shape == (size, size)
    assert sign.mask.dtype == bool


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("class_id", DRAWN)
def test_the_roi_is_the_box_around_the_mask(class_id, seed):
    sign = draw_sign(class_id, 96, seed)
    rows, columns = np.nonzero(sign.mask)
    assert sign.roi == (columns.min(), rows.min(), columns.max(), rows.max())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("class_id", DRAWN)
def test_the_sign_fills_about_four_fifths_of_the_frame_amid_a_border(class_id, seed):
    x1, y1, x2, y2 = draw_sign(class_id, 100, seed).roi
    assert 72 <= x2 - x1 + 1 <= 88
    assert 76 <= y2 - y1 + 1 <= 88
    assert min(x1, y1, 99 - x2, 99 - y2) >= 5


@pytest.mark.parametrize(
    ("class_id", "share"),
    [(SPEED_50, math.pi / 4), (NO_OVERTAKING, math.pi / 4), (STOP, 2 * math.sqrt(2) - 2)],
)
def test_the_mask_has_the_area_of_its_shape(class_id, share):
    for seed in range(4):
        sign = draw_sign(class_id, 128, seed)
        x1, y1, x2, y2 = sign.roi
        area = (x2 - x1 + 1) * (y2 - y1 + 1)
        # Turning an octagon by 4 degrees widens its box by up to 3 % in each direction.
        assert share * 0.93 <= sign.mask.sum() / area <= share * 1.02


@pytest.mark.parametrize("seed", range(6))
def test_a_stop_sign_is_red_with_white_letters_and_rim(seed):
    sign = draw_sign(STOP, seed=seed)
    assert all(is_red(colour_at(sign, 0, y)) for y in (-0.7, 0.65))
    for x, y in ((0.5, 0.1), (0, 0.95)):  # the stem of the P, the lower rim
        assert not is_red(colour_at(sign, x, y))
        assert brightness(colour_at(sign, x, y)) > brightness(colour_at(sign, 0, 0.65)) + 40


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("class_id", [SPEED_50, SPEED_70, NO_OVERTAKING])
def test_a_prohibition_has_a_red_ring_around_a_white_face(class_id, seed):
    sign = draw_sign(class_id, seed=seed)
    for x, y in ((0, -0.81), (0, 0.81), (-0.81, 0), (0.81, 0)):
        assert is_red(colour_at(sign, x, y))
    face = colour_at(sign, 0, 0.55)
    assert np.ptp(face) < 40
    assert brightness(face) > 130


def test_digits_are_black():
    sign = draw_sign(SPEED_50)
    assert brightness(colour_at(sign, 0.11, 0)) < 80  # the left side of the 0
    assert brightness(colour_at(sign, 0.27, 0)) > 130  # its inside


def test_fifty_and_seventy_differ_in_the_first_digit_only():
    fifty, seventy = draw_sign(SPEED_50), draw_sign(SPEED_70)
    changed = abs(pixels(fifty.image) - pixels(seventy.image)).max(axis=-1) > 20
    assert changed[:, :64].any()
    assert not changed[:, 66:].any()


def test_the_overtaking_car_is_red_and_on_the_left():
    sign = draw_sign(NO_OVERTAKING)
    left, right = colour_at(sign, -0.32, 0.02), colour_at(sign, 0.32, 0.02)
    assert is_red(left)
    assert not is_red(right)
    assert brightness(right) < 80


@pytest.mark.parametrize("class_id", DRAWN)
def test_the_background_is_no_part_of_the_sign(class_id):
    sign = draw_sign(class_id)
    frame = pixels(sign.image)
    for corner in (frame[:6, :6], frame[:6, -6:], frame[-6:, :6], frame[-6:, -6:]):
        assert not is_red(corner.mean(axis=(0, 1)))
    assert frame[~sign.mask].std(axis=0).min() > 15  # sky and leaves, no plain ground


@pytest.mark.parametrize("class_id", [0, 17, 43, -1])
def test_a_class_without_a_drawing_is_refused_with_those_that_have_one(class_id):
    with pytest.raises(DataError, match=rf"class {class_id} cannot be drawn yet; choose one of 2 \(Speed limit 50"):
        draw_sign(class_id)


def test_a_size_too_small_to_show_anything_is_refused():
    with pytest.raises(DataError, match="at least 16 pixels, got size 15"):
        draw_sign(STOP, size=15)


def test_the_global_random_state_is_left_alone():
    before, numpy_before = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    draw_sign(STOP, 32)
    assert random.getstate() == before
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
