"""Pixels of any kind as 8-bit RGB, against what their definition says."""

import numpy as np
import pytest
from PIL import Image

from xaisigns.data import pixels
from xaisigns.data.pixels import image_of, to_rgb
from xaisigns.errors import DataError, ShapeError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (9, 14), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (9, 14, 3), dtype=np.uint8)
PALETTE = Image.fromarray(COLOUR).quantize(16)


def rgb_of(image, **options):
    converted = to_rgb(image, **options)
    assert converted.mode == "RGB"
    return np.asarray(converted)


def grey_rgb(levels):
    return np.asarray(levels, dtype=np.uint8)[..., None].repeat(3, axis=-1)


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        (Image.fromarray(COLOUR), COLOUR),
        (Image.fromarray(GREY), grey_rgb(GREY)),
        (Image.fromarray(GREY > 99), grey_rgb((GREY > 99) * 255)),
        (PALETTE, np.asarray(PALETTE.convert("RGB"))),
        (Image.fromarray(GREY.astype(np.uint16) * 257), grey_rgb(GREY)),
        (Image.fromarray((GREY.astype(np.uint16) * 257).astype(">u2")), grey_rgb(GREY)),
        (Image.fromarray(GREY.astype(np.int32)), grey_rgb(GREY)),
        (Image.fromarray(GREY.astype(np.int32) * 257), grey_rgb(GREY)),
        (Image.fromarray(GREY.astype(np.float32) / 255), grey_rgb(GREY)),
    ],
    ids=["RGB", "L", "1", "P", "I;16", "I;16B", "I of 8 bits", "I of 16 bits", "F"],
)
def test_levels_are_what_the_mode_says(image, wanted):
    np.testing.assert_array_equal(rgb_of(image), wanted)


@pytest.mark.parametrize("mode", ["RGBX", "CMYK", "YCbCr", "LAB", "HSV", "RGBA", "RGBa", "PA"])
def test_modes_that_hold_colours_keep_them(mode):
    plain = Image.new("RGB", (5, 4), (204, 51, 51))
    # Pillow has no way to some modes but by another.
    image = plain.convert({"RGBa": "RGBA", "PA": "P"}.get(mode, mode)).convert(mode) if mode != "LAB" else lab(plain)
    assert image.mode == mode
    np.testing.assert_allclose(rgb_of(image), np.asarray(plain), atol=4)


def lab(image):
    from PIL import ImageCms

    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.profileToProfile(image, *profiles, outputMode="LAB")


@pytest.mark.parametrize("mode", ["LA", "La", "RGBA", "RGBa", "PA"])
def test_what_is_transparent_lies_on_white(mode):
    image = Image.new(mode, (3, 3))  # all zero: nothing of it is seen
    np.testing.assert_array_equal(rgb_of(image), 255)


@pytest.mark.parametrize(
    ("mode", "transparent"), [("L", 7), ("I;16", 7), ("RGB", (7, 7, 7)), ("P", 7), ("1", 0)], ids=str
)
def test_a_transparent_colour_lies_on_white(mode, transparent):
    image = Image.new(mode, (3, 3), transparent)
    image.info["transparency"] = transparent
    np.testing.assert_array_equal(rgb_of(image), 255)


@pytest.mark.parametrize(("bits", "photometric", "wanted"), [(12, 1, 85), (16, 1, 85), (16, 0, 170)])
def test_a_tiff_of_12_or_16_bits_has_their_white_and_may_count_from_it(tmp_path, bits, photometric, wanted):
    white = 2**bits - 1
    values = np.array([[0, white, white // 3]], dtype=np.uint16)
    path = tmp_path / "deep.tif"
    Image.fromarray(values).save(path, tiffinfo={262: photometric})
    if bits == 12:
        path.write_bytes(twelve_bits(path.read_bytes(), values[0]))
    with Image.open(path) as image:
        ends = [0, 255] if photometric else [255, 0]
        np.testing.assert_array_equal(rgb_of(image), grey_rgb([[*ends, wanted]]))


def twelve_bits(tiff, values):
    """The file with 12 bits a sample: its pixels are the last bytes, BitsPerSample and the strip's length told anew."""
    packed = int("".join(f"{value:012b}" for value in values) + "0000", 2).to_bytes(5)
    start = int.from_bytes(tiff[4:8], "little")
    changed = bytearray(tiff)
    for number in range(int.from_bytes(tiff[start : start + 2], "little")):
        entry = start + 2 + 12 * number
        tag = int.from_bytes(tiff[entry : entry + 2], "little")
        if tag == 258:
            changed[entry + 8 : entry + 10] = (12).to_bytes(2, "little")
        if tag == 273:
            offset = int.from_bytes(tiff[entry + 8 : entry + 12], "little")
        if tag == 279:
            changed[entry + 8 : entry + 12] = (5).to_bytes(4, "little")
    changed[offset : offset + 5] = packed
    return bytes(changed)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.array([[-0.5, 1]], dtype=np.float32), "-0.5 to 1"),
        (np.array([[0, 255]], dtype=np.float32), "0 to 255"),
        (np.array([[0, np.inf]], dtype=np.float32), "0 to inf"),
        (np.array([[np.nan, 0.5]], dtype=np.float32), "nan|not finite"),
        (np.array([[0.5, np.nan]], dtype=np.float32), "nan|not finite"),
        (np.array([[-1, 5]], dtype=np.int32), "-1 to 5"),
        (np.array([[0, 65536]], dtype=np.int32), "0 to 65536"),
    ],
)
def test_numbers_that_are_no_levels_are_refused_with_their_range(values, told):
    for make in (lambda: to_rgb(Image.fromarray(values)), lambda: image_of(values)):
        with pytest.raises(DataError, match=told):
            make()


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (GREY, grey_rgb(GREY)),
        (GREY[..., None], grey_rgb(GREY)),
        (COLOUR, COLOUR),
        (COLOUR / 255, COLOUR),
        ((COLOUR / 255).astype(np.float16), COLOUR),
        (COLOUR.astype(np.float32) / 255, COLOUR),
        (COLOUR.astype(np.int64), COLOUR),
        (COLOUR.astype(np.uint16) * 257, COLOUR),
        (COLOUR.astype(">u2") * 257, COLOUR),
        (np.zeros((2, 2), np.uint16) + 200, grey_rgb(np.full((2, 2), 1))),
        (GREY > 99, grey_rgb((GREY > 99) * 255)),
        (np.dstack([COLOUR, np.full_like(GREY, 255)]), COLOUR),
        (np.dstack([COLOUR, np.zeros_like(GREY)]), np.full_like(COLOUR, 255)),
        (np.dstack([COLOUR, np.zeros_like(GREY)]) / 255, np.full_like(COLOUR, 255)),
        (COLOUR[::-1, ::2], COLOUR[::-1, ::2]),
    ],
)
def test_arrays_are_taken_by_their_type(values, wanted):
    before = values.copy()
    np.testing.assert_array_equal(rgb_of(image_of(values)), wanted)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("shape", [(5,), (3, 8, 9), (8, 9, 2), (1, 8, 9, 3), (0, 9, 3), ()])
def test_an_array_of_another_shape_is_refused(shape):
    with pytest.raises(ShapeError, match=r"wanted as \(H, W\), .*, got \("):
        image_of(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize("values", [np.full((2, 2), 1j), np.array([["a"]]), np.array([[None]])])
def test_an_array_of_no_numbers_is_refused(values):
    with pytest.raises(DataError, match="its pixels must be numbers, got "):
        image_of(values)


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "I;16", "F"])
def test_strips_give_what_the_whole_gives(mode, monkeypatch):
    values = RNG.integers(0, 256, (53, 31, 3), dtype=np.uint8)
    image = {
        "P": lambda: Image.fromarray(values).quantize(16),
        "I;16": lambda: Image.fromarray(values[..., 0].astype(np.uint16) * 250),
        "F": lambda: Image.fromarray(values[..., 0].astype(np.float32) / 255),
    }.get(mode, lambda: Image.fromarray(values).convert(mode))()
    whole, reduced = rgb_of(image), rgb_of(image, longest=20)
    monkeypatch.setattr(pixels, "_STRIP", 100)
    np.testing.assert_array_equal(rgb_of(image), whole)
    np.testing.assert_array_equal(rgb_of(image, longest=20), reduced)
    np.testing.assert_array_equal(rgb_of(Image.fromarray(whole), longest=20), reduced)


@pytest.mark.parametrize(
    ("size", "wanted"), [((20, 20), (20, 20)), ((21, 20), (11, 10)), ((1, 5000), (1, 20)), ((60, 7), (20, 3))]
)
def test_an_image_is_reduced_by_a_whole_number(size, wanted):
    assert to_rgb(Image.new("L", size), longest=20).size == wanted


def test_a_reduced_pixel_is_the_mean_of_a_square():
    reduced = rgb_of(Image.fromarray(COLOUR[:8, :12]), longest=4)
    for row in range(2):
        for column in range(4):
            square = COLOUR[3 * row : min(3 * row + 3, 8), 3 * column : 3 * column + 3]
            np.testing.assert_allclose(reduced[row, column], square.mean(axis=(0, 1)), atol=1)
