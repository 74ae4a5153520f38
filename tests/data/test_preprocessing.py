import contextlib
import errno
import io
import random
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from torch.nn.functional import interpolate

from xaisigns.data.preprocessing import read_image, resize, resize_mask, rgb
from xaisigns.errors import DataError


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def refused(path):
    with pytest.raises(DataError) as caught:
        read_image(path)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["png", "ppm", "webp"])
def test_reading_gives_the_stored_pixels(tmp_path, kind):
    pixels = noise(7, 11)
    path = tmp_path / f"sign.{kind}"
    path.write_bytes(encoded(Image.fromarray(pixels), kind, lossless=True))
    image = read_image(path)
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK"])
def test_every_kind_of_pixel_becomes_rgb(tmp_path, mode):
    path = tmp_path / "sign.tif"
    Image.new("RGB", (5, 4), "white").convert(mode).save(path)
    image = read_image(path)
    assert (image.mode, image.size) == ("RGB", (5, 4))
    np.testing.assert_array_equal(np.asarray(image), 255)


TURNS = {1: lambda p: p, 3: lambda p: np.rot90(p, 2), 6: lambda p: np.rot90(p, -1), 8: np.rot90, 2: np.fliplr}


@pytest.mark.parametrize("orientation", TURNS)
def test_the_image_is_turned_upright_as_its_exif_says(tmp_path, orientation):
    pixels = noise(6, 9)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "phone.png"
    path.write_bytes(encoded(Image.fromarray(pixels), "png", exif=exif))
    np.testing.assert_array_equal(np.asarray(read_image(path)), TURNS[orientation](pixels))


def test_a_missing_file_is_told(tmp_path):
    path = tmp_path / "none.png"
    assert refused(path) == f"{path} cannot be read as an image: there is no such file"


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"P6 8 8 255 " + bytes(10), b"P6 x"])
def test_what_is_no_image_is_told(tmp_path, content):
    path = tmp_path / "sign.png"
    path.write_bytes(content)
    message = refused(path)
    assert message.startswith(f"{path} cannot be read as an image: ")
    assert "\n" not in message


def test_a_folder_is_no_image(tmp_path):
    told = f"it is a folder; name the images in it, such as {tmp_path}/*.png"
    assert refused(tmp_path) == f"{tmp_path} cannot be read as an image: {told}"


def test_an_empty_file_is_told_for_one(tmp_path):
    path = tmp_path / "sign.png"
    path.touch()
    assert refused(path) == f"{path} cannot be read as an image: the file is empty"


def test_what_the_system_refuses_is_told_in_its_words(tmp_path, monkeypatch):
    def closed(path, **_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Image, "open", closed)
    path = tmp_path / "sign.png"
    assert refused(path) == f"{path} cannot be read as an image: Permission denied"


def float_rgb_tiff():
    """A TIFF of one pixel with three floats, which Pillow does not know."""
    short, size = 3, 8 + 2 + 10 * 12 + 4
    tags = [(256, 1, 1), (257, 1, 1), (258, 3, size), (259, 1, 1), (262, 1, 2), (273, 1, size + 12), (277, 1, 3)]
    tags += [(278, 1, 1), (279, 1, 12), (339, 3, size + 6)]
    entries = b"".join(struct.pack("<HHII", tag, short, count, value) for tag, count, value in tags)
    values = struct.pack("<6H3f", 32, 32, 32, 3, 3, 3, 0.1, 0.2, 0.3)
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + values


def test_a_tiff_of_a_kind_that_pillow_cannot_read_is_not_told_to_be_none(tmp_path):
    path = tmp_path / "float.tif"
    path.write_bytes(float_rgb_tiff())
    told = "it is TIFF, and damaged or of a kind that Pillow cannot read; save it again, as an 8-bit PNG"
    assert refused(path) == f"{path} cannot be read as an image: {told}"


def test_a_webp_may_have_half_the_pixels(tmp_path):
    path = tmp_path / "sign.webp"
    path.write_bytes(encoded(Image.new("RGB", (10, 10)), "webp"))
    assert rgb(path, max_pixels=200).size == (10, 10)
    with pytest.raises(DataError, match=r"it has 10 x 10 pixels, wanted 1 to 99, half of 199 for a WebP; make it"):
        rgb(path, max_pixels=199)


def test_an_image_too_large_for_the_memory_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    (tmp_path / "bomb.png").write_bytes(encoded(Image.new("RGB", (10, 10)), "png"))
    assert "exceeds limit" in refused(tmp_path / "bomb.png")


WHOLE = {kind: encoded(Image.fromarray(noise(24, 24)), kind) for kind in ("png", "ppm", "jpeg")}


@settings(deadline=None, max_examples=60)
@given(kind=st.sampled_from(sorted(WHOLE)), share=st.floats(0, 0.97))
def test_a_truncated_image_is_never_half_read(tmp_path_factory, kind, share):
    path = tmp_path_factory.getbasetemp() / f"truncated.{kind}"
    path.write_bytes(WHOLE[kind][: int(share * len(WHOLE[kind]))])
    assert refused(path).startswith(f"{path} cannot be read as an image: ")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@settings(deadline=None, max_examples=60)
@given(kind=st.sampled_from(sorted(WHOLE)), seed=st.integers(0, 2**32))
def test_a_damaged_image_is_read_or_refused_but_breaks_nothing(tmp_path_factory, kind, seed):
    drawn = random.Random(seed)
    content = bytearray(WHOLE[kind])
    for _ in range(drawn.randint(1, 8)):
        content[drawn.randrange(len(content) if drawn.random() < 0.3 else 60)] = drawn.randrange(256)
    path = tmp_path_factory.getbasetemp() / f"damaged.{kind}"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(DataError):
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)  # a damaged header may ask for gigabytes
        assert read_image(path).mode == "RGB"


def peer(pixels, size):
    """torch's antialiased bilinear interpolation, in float64."""
    x = torch.from_numpy(pixels.astype(np.float64)).reshape(1, *pixels.shape[:2], -1).permute(0, 3, 1, 2)
    return interpolate(x, (size, size), mode="bilinear", antialias=True)[0].permute(1, 2, 0).numpy()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 60), st.integers(0, 9))
def test_resizing_is_bilinear_and_without_aliasing(height, width, size, seed):
    pixels = noise(height, width, seed)
    resized = resize(Image.fromarray(pixels), size)
    assert (resized.shape, resized.dtype) == ((size, size, 3), np.uint8)
    assert abs(resized - peer(pixels, size)).max() <= 1.01


def test_an_image_of_the_right_size_is_kept():
    pixels = noise(13, 13)
    np.testing.assert_array_equal(resize(Image.fromarray(pixels), 13), pixels)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
def test_a_mask_is_resized_like_its_image_and_cut_at_one_half(height, width, size, seed):
    mask = np.random.default_rng(seed).random((height, width)) < 0.6
    resized, coverage = resize_mask(mask, size), peer(mask, size)[..., 0]
    assert (resized.shape, resized.dtype) == ((size, size), bool)
    clear = abs(coverage - 0.5) > 0.01
    np.testing.assert_array_equal(resized[clear], coverage[clear] > 0.5)


@pytest.mark.parametrize("edge", range(5, 35))
def test_a_pixel_that_the_mask_covers_by_half_belongs_to_it(edge):
    mask = np.zeros((40, 40), dtype=bool)
    mask[:, :edge] = True
    np.testing.assert_array_equal(resize_mask(mask, 20).sum(axis=1), (edge + 1) // 2)


def test_a_masks_area_and_orientation_are_kept():
    canvas = Image.new("1", (90, 60))
    ImageDraw.Draw(canvas).ellipse((10, 30, 50, 56), fill=1)
    mask = np.asarray(canvas)
    small = resize_mask(mask, 30)
    assert small.mean() == pytest.approx(mask.mean(), rel=0.05)
    assert small[20, 10]
    assert not small[10, 20]
