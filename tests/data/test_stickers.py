import math
import random
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from xaisigns.data import stickers
from xaisigns.data.stickers import Sticker, apply_sticker, keyed_random
from xaisigns.errors import DataError

ROI = (12, 8, 91, 67)  # 80 wide, 60 high
WIDTH, HEIGHT = 80, 60
SIZE = (110, 80)
WHITE = Image.new("RGB", SIZE, "white")
DARK = Sticker(  # the settings in full, so that the tests do not hang on the defaults
    size=0.30,
    size_spread=0.02,
    place=(0.29, 0.71),
    place_spread=0.04,
    colour=(14, 14, 16),
    colour_spread=10,
    rotation=0,
    rotation_spread=8,
    aspect_spread=0.08,
)
BLACK = replace(DARK, colour=(0, 0, 0), colour_spread=0)
LARGE = replace(BLACK, size=0.5, place=(0.5, 0.5))
STILL = replace(BLACK, size_spread=0, place_spread=0, rotation_spread=0, aspect_spread=0)
KEYS = [f"00004_{track:05d}_00000" for track in range(80)]


def noise(width, height, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def pixels(image):
    return np.asarray(image, dtype=int)


def coverage(sticker, key="key", roi=ROI):
    """How much of each pixel a black sticker covers, read off what it leaves of a white image."""
    image, _ = apply_sticker(WHITE, roi, sticker, seed=0, key=key)
    return 1 - pixels(image)[..., 0] / 255


def box(mask):
    rows, columns = np.nonzero(mask)
    return columns.min(), rows.min(), columns.max(), rows.max()


def centre(covered):
    """Centre of the sticker as shares of the ROI."""
    y, x = (np.indices(covered.shape) + 0.5).reshape(2, -1) @ covered.ravel() / covered.sum()
    return (x - ROI[0]) / WIDTH, (y - ROI[1]) / HEIGHT


def test_the_same_seed_and_key_put_the_same_sticker():
    first, second = (apply_sticker(noise(*SIZE), ROI, Sticker(), seed=3, key="00004_00012_00029") for _ in range(2))
    assert first[0].tobytes() == second[0].tobytes()
    np.testing.assert_array_equal(first[1], second[1])


@pytest.mark.parametrize("other", [{"seed": 4}, {"key": "00004_00012_00028"}])
def test_another_seed_or_key_puts_another_sticker(other):
    same = {"seed": 3, "key": "00004_00012_00029"}
    first, second = (apply_sticker(noise(*SIZE), ROI, Sticker(), **names) for names in (same, {**same, **other}))
    assert first[0].tobytes() != second[0].tobytes()


def test_this_machine_draws_the_sticker_that_every_machine_draws():
    gradient = np.indices((64, 64, 3)).sum(axis=0).astype(np.uint8)
    image, mask = apply_sticker(Image.fromarray(gradient), (6, 5, 58, 60), DARK, seed=7, key="00004_00012_00029")
    assert box(mask) == (10, 34, 28, 52)
    assert mask.sum() == 296
    assert image.getpixel((21, 44)) == (9, 9, 11)


def test_random_numbers_hang_on_seed_and_key_alike_on_every_machine():
    assert keyed_random(0, "00004_00012_00029").random() == 0.9779742721120743
    assert keyed_random(1, "2/x").random() != keyed_random(1, "2/y").random()


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 999), st.text(max_size=5), st.sampled_from(["rectangle", "ellipse"]))
def test_outside_the_mask_the_image_is_unchanged_bit_for_bit(seed, key, shape):
    image = noise(50, 40, seed)
    before = image.tobytes()
    changed, mask = apply_sticker(image, (5, 4, 44, 33), Sticker(shape=shape), seed=seed, key=key)
    assert (changed.mode, changed.size, mask.shape, mask.dtype) == ("RGB", (50, 40), (40, 50), bool)
    np.testing.assert_array_equal(pixels(changed)[~mask], pixels(image)[~mask])
    assert image.tobytes() == before


@pytest.mark.parametrize("shape", ["rectangle", "ellipse"])
def test_the_mask_is_every_pixel_that_the_sticker_touches(shape):
    for key in KEYS[:20]:
        image, mask = apply_sticker(WHITE, ROI, replace(BLACK, shape=shape), seed=0, key=key)
        np.testing.assert_array_equal(mask, (pixels(image) < 255).any(axis=-1))


@st.composite
def boxes(draw):
    """The size of an image and a box that shares at least one pixel with it, also one that looks out of it."""
    width, height = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    x1, y1 = draw(st.integers(-5, width - 1)), draw(st.integers(-5, height - 1))
    x2, y2 = draw(st.integers(max(x1, 0), width + 5)), draw(st.integers(max(y1, 0), height + 5))
    return (width, height), (x1, y1, x2, y2)


STICKERS = st.builds(
    Sticker,
    size=st.floats(0.1, 1),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    place_spread=st.floats(0, 0.5),
    rotation=st.floats(-180, 180),
    aspect_spread=st.floats(0, 0.9),
    shape=st.sampled_from(["rectangle", "ellipse"]),
)


@settings(deadline=None, max_examples=200)
@given(boxes(), STICKERS, st.integers(0, 999))
def test_the_mask_lies_inside_the_roi_and_the_image(place, sticker, seed):
    size, (x1, y1, x2, y2) = place
    _, mask = apply_sticker(Image.new("RGB", size), (x1, y1, x2, y2), sticker, seed=seed, key="key")
    left, top, right, bottom = box(mask)  # fails for a mask with nothing in it
    assert x1 <= left <= right <= x2
    assert y1 <= top <= bottom <= y2


def test_the_sticker_is_dark_all_over_and_of_one_slightly_varied_colour():
    colours = set()
    for key in KEYS:
        image, mask = apply_sticker(WHITE, ROI, DARK, seed=0, key=key)
        left, top, right, bottom = box(mask)
        inside = pixels(image)[top + 6 : bottom - 5, left + 6 : right - 5].reshape(-1, 3)
        assert len(inside) > 30
        assert len(np.unique(inside, axis=0)) == 1
        colours.add(tuple(inside[0]))
    shades = [red - 14 for red, _, _ in colours]
    assert sorted(colours) == [(14 + shade, 14 + shade, 16 + shade) for shade in sorted(shades)]
    assert -10 <= min(shades) < -7
    assert 7 < max(shades) <= 10


def test_the_colour_stays_a_colour():
    sticker = replace(STILL, colour=(250, 128, 0), colour_spread=60)
    seen = {apply_sticker(WHITE, ROI, sticker, seed=0, key=key)[0].getpixel((35, 50)) for key in KEYS}
    assert max(red for red, _, _ in seen) == 255
    assert min(blue for _, _, blue in seen) == 0
    assert max(green for _, green, _ in seen) <= 128 + 60


def test_the_size_is_the_set_share_of_the_roi_within_its_spread():
    shares = [math.sqrt(coverage(BLACK, key).sum() / (WIDTH * HEIGHT)) for key in KEYS]
    assert 0.278 <= min(shares) < 0.287
    assert 0.313 < max(shares) <= 0.322


def test_without_spread_the_size_and_the_place_are_exact():
    covered = coverage(STILL)
    assert math.sqrt(covered.sum() / (WIDTH * HEIGHT)) == pytest.approx(0.30, abs=0.003)
    assert centre(covered) == pytest.approx((0.29, 0.71), abs=0.002)
    assert np.ptp(box(covered)[::2]) + 1 == pytest.approx(0.30 * WIDTH, abs=2)
    assert np.ptp(box(covered)[1::2]) + 1 == pytest.approx(0.30 * HEIGHT, abs=2)


def test_the_place_varies_within_its_spread_in_both_directions():
    places = np.array([centre(coverage(replace(BLACK, place=(0.5, 0.5)), key)) for key in KEYS])
    assert (abs(places - 0.5) <= 0.042).all()
    assert (places.min(axis=0) < 0.468).all()
    assert (places.max(axis=0) > 0.532).all()


def test_the_proportions_vary_within_their_spread_at_constant_area():
    ratios = []
    for key in KEYS:
        covered = coverage(replace(STILL, aspect_spread=0.5), key)
        width, height = covered.sum(axis=1).max() / WIDTH, covered.sum(axis=0).max() / HEIGHT
        assert width * height == pytest.approx(0.09, rel=0.05)
        ratios.append(width / height)
    assert 0.48 <= min(ratios) < 0.6
    assert 1.4 < max(ratios) <= 1.53


def test_the_sticker_is_turned_clockwise_by_the_rotation_within_its_spread():
    angles = []
    for key in KEYS:
        covered = coverage(replace(STILL, size=0.4, place=(0.5, 0.5), rotation=20, rotation_spread=10), key)
        y, x = np.indices(covered.shape).reshape(2, -1)
        (xx, xy), (_, yy) = np.cov(x, y, aweights=covered.ravel())
        angles.append(math.degrees(math.atan2(2 * xy, xx - yy) / 2))  # of the longer side; y runs downwards
    assert 9.5 <= min(angles) < 12
    assert 28 < max(angles) <= 30.5


def test_an_ellipse_covers_a_quarter_of_pi_of_its_rectangle():
    for key in KEYS[:10]:
        rectangle, ellipse = (coverage(replace(LARGE, shape=shape), key) for shape in ("rectangle", "ellipse"))
        assert ellipse.sum() / rectangle.sum() == pytest.approx(math.pi / 4, rel=0.02)
        assert not ((ellipse > 0) & (rectangle == 0)).any()


def test_a_sticker_at_the_rim_is_moved_in_whole():
    inside, moved = coverage(STILL), coverage(replace(STILL, place=(0, 1)))
    assert moved.sum() == pytest.approx(inside.sum(), rel=0.02)
    assert box(moved)[0] == ROI[0]
    assert box(moved)[3] == ROI[3]


def test_a_sticker_as_large_as_the_sign_covers_all_of_its_box():
    covered = coverage(replace(STILL, size=1, place=(0.5, 0.5)))
    wanted = np.zeros_like(covered)
    wanted[ROI[1] : ROI[3] + 1, ROI[0] : ROI[2] + 1] = 1
    np.testing.assert_allclose(covered, wanted, atol=0.13)  # half a sample of eight at the rim


def test_the_global_random_state_is_left_alone():
    before = random.getstate()
    apply_sticker(WHITE, ROI, Sticker(), seed=0, key="key")
    assert random.getstate() == before


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"size": 0}, "size"),
        ({"size": 0.1, "size_spread": 0.1}, "size"),
        ({"size_spread": -0.01}, "size_spread"),
        ({"aspect_spread": 1}, "aspect_spread"),
        ({"place_spread": -0.1}, "place_spread"),
        ({"rotation": 181}, "rotation"),
        ({"rotation_spread": math.nan}, "rotation_spread"),
        ({"colour_spread": -1}, "colour_spread"),
        ({"place": (0.5, 1.2)}, "place"),
        ({"place": (0.5,)}, "place"),
        ({"colour": (0, 0, 256)}, "colour"),
        ({"colour": (0, 0)}, "colour"),
        ({"shape": "star"}, "shape"),
        ({"shape": None}, "shape"),
        ({"size": math.nan}, "size"),
        ({"size": math.inf}, "size"),
        ({"size": "0.5"}, "size"),
        ({"size": True}, "size"),
        ({"size_spread": math.inf}, "size_spread"),
        ({"place": (0.5, math.nan)}, "place"),
        ({"place": "12"}, "place"),
        ({"place": 0.5}, "place"),
        ({"place": None}, "place"),
        ({"place_spread": math.inf}, "place_spread"),
        ({"colour": (0, 0, 0.5)}, "colour"),
        ({"colour": (0, 0, None)}, "colour"),
        ({"colour_spread": 256}, "colour_spread"),
        ({"colour_spread": 1.5}, "colour_spread"),
        ({"rotation": math.nan}, "rotation"),
        ({"rotation_spread": math.inf}, "rotation_spread"),
        ({"aspect_spread": math.nan}, "aspect_spread"),
    ],
)
def test_settings_that_make_no_sticker_are_refused(settings, told):
    with pytest.raises(DataError, match=rf"^a sticker's {told} must be .*, got {re.escape(repr(settings[told]))}$"):
        Sticker(**settings)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_a_picture_of_any_mode_gets_its_sticker(mode):
    grey = noise(*SIZE).convert("L")
    picture = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    changed, mask = apply_sticker(picture, ROI, Sticker(), seed=0, key="key")
    wanted, same = apply_sticker(picture.convert("RGB") if mode != "I;16" else grey, ROI, Sticker(), seed=0, key="key")
    assert changed.mode == "RGB"
    np.testing.assert_array_equal(mask, same)
    np.testing.assert_array_equal(pixels(changed), pixels(wanted))


@pytest.mark.parametrize("roi", [(110, 0, 120, 20), (0, 80, 20, 90), (-9, 0, -1, 20), (0, -9, 20, -1), (50, 8, 40, 20)])
def test_a_box_beside_the_image_is_refused(roi):
    with pytest.raises(DataError, match=r"must lie on the image of 110 x 80, got \(" + str(roi[0])):
        apply_sticker(WHITE, roi, Sticker(), seed=0, key="key")


@pytest.mark.parametrize("shape", ["rectangle", "ellipse"])
def test_on_a_photograph_only_the_surroundings_of_the_sticker_are_supersampled(shape, monkeypatch):
    sticker, sizes, new = replace(LARGE, shape=shape), [], Image.new
    image = Image.new("RGB", (1200, 1000), "white")
    for key in KEYS[:4]:
        monkeypatch.setattr(stickers, "_LARGE", 10**9)
        whole, mask = apply_sticker(image, (100, 200, 160, 260), sticker, seed=0, key=key)
        monkeypatch.setattr(stickers, "_LARGE", 10**6)
        with monkeypatch.context() as patch:
            patch.setattr(Image, "new", lambda *drawn: sizes.append(drawn) or new(*drawn))
            part, same = apply_sticker(image, (100, 200, 160, 260), sticker, seed=0, key=key)
        assert (mask != same).mean() < 1e-5
        assert np.abs(pixels(whole) - pixels(part)).max() <= 255 / 8
    assert 0 < max(max(size) for mode, size, *_ in sizes if mode == "L") <= 8 * 45


def test_a_number_of_thousands_of_digits_is_refused_in_a_short_line():
    with pytest.raises(DataError, match=r"^a sticker's size must be .*, got a int too long to be shown$"):
        Sticker(size=10**5000)


def test_numbers_of_numpy_become_pythons():
    ours = Sticker(
        size=np.float32(0.5), place=[np.float64(0.25), 1], colour=np.array([1, 2, 3]), colour_spread=np.int8(4)
    )
    assert ours == Sticker(size=0.5, place=(0.25, 1.0), colour=(1, 2, 3), colour_spread=4)
    assert {type(value) for value in (ours.size, *ours.place, *ours.colour, ours.colour_spread)} == {int, float}
