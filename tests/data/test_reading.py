"""Pictures as people have them: converted where they can be, refused in one line where not."""

import numpy as np
import pytest
from PIL import Image

from xaisigns.data.preprocessing import read_image
from xaisigns.errors import DataError


def test_16_bits_are_scaled_not_clipped(tmp_path):
    values = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    Image.fromarray(values).save(tmp_path / "deep.png")
    read = np.asarray(read_image(tmp_path / "deep.png"))
    np.testing.assert_array_equal(read, np.rint(values / 257).astype(np.uint8)[..., None].repeat(3, axis=2))


def test_16_bits_of_a_tiff(tmp_path):
    Image.fromarray(np.full((8, 8), 32896, dtype=np.uint16)).save(tmp_path / "deep.tif")
    assert read_image(tmp_path / "deep.tif").getpixel((3, 3)) == (128, 128, 128)


@pytest.mark.parametrize(
    ("name", "options"), [("a.gif", {}), ("a.png", {}), ("a.webp", {"lossless": True}), ("a.tif", {})]
)
def test_of_several_frames_or_pages_the_first(tmp_path, name, options):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
    assert read_image(tmp_path / name).getpixel((3, 3)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("mode", "colour", "wanted", "name"),
    [
        ("CMYK", (0, 255, 255, 0), (255, 0, 0), "a.tif"),
        ("CMYK", (0, 0, 0, 0), (255, 255, 255), "a.jpg"),
        ("L", 77, (77, 77, 77), "a.png"),
        ("1", 1, (255, 255, 255), "a.png"),
        ("RGBA", (255, 0, 0, 0), (255, 255, 255), "a.png"),
        ("RGBA", (0, 0, 0, 128), (127, 127, 127), "a.png"),
        ("LA", (0, 0), (255, 255, 255), "a.png"),
    ],
)
def test_modes_are_converted(mode, colour, wanted, name, tmp_path):
    Image.new(mode, (6, 6), colour).save(tmp_path / name)
    np.testing.assert_allclose(read_image(tmp_path / name).getpixel((2, 2)), wanted, atol=1)


def test_a_palette_with_a_transparent_colour(tmp_path):
    image = Image.new("P", (6, 6), 1)
    image.putpalette([0, 0, 0, 0, 0, 255])
    image.putpixel((0, 0), 0)
    image.save(tmp_path / "palette.png", transparency=0)
    read = read_image(tmp_path / "palette.png")
    assert [read.getpixel(place) for place in ((0, 0), (3, 3))] == [(255, 255, 255), (0, 0, 255)]


def test_one_pixel(tmp_path):
    Image.new("RGB", (1, 1), "red").save(tmp_path / "dot.png")
    assert read_image(tmp_path / "dot.png").size == (1, 1)


def test_a_picture_is_turned_as_its_exif_says(tmp_path):
    image = Image.new("RGB", (4, 2), "black")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    image.save(tmp_path / "turned.png", exif=exif)
    assert read_image(tmp_path / "turned.png").size == (2, 4)


def png(tmp_path, size=(64, 64)):
    path = tmp_path / "whole.png"
    Image.effect_noise(size, 50).save(path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: b"", "cannot be read as an image"),
        (lambda _: b"only text", "cannot be read as an image"),
        (lambda tmp_path: png(tmp_path)[:300], "cannot be read as an image"),
        (
            lambda tmp_path: _bomb(png(tmp_path)),
            "cannot be read as an image: Image size .900000000 pixels. exceeds limit",
        ),
    ],
    ids=["empty", "text", "truncated", "bomb"],
)
def test_what_is_no_picture_is_refused_in_one_line(make, message, tmp_path):
    path = tmp_path / "bad.png"
    path.write_bytes(make(tmp_path))
    with pytest.raises(DataError, match=message) as raised:
        read_image(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def _bomb(data):
    """The header of a picture of 30,000 x 30,000 pixels."""
    from zlib import crc32

    header = b"IHDR" + (30_000).to_bytes(4) * 2 + data[24:29]
    return data[:12] + header + crc32(header).to_bytes(4) + data[33:]
