"""One way in for pictures: what it takes, what it refuses, and that damaged files never do more than that."""

import ast
import io
import math
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets.folder import IMG_EXTENSIONS

from tests.conftest import REPOSITORY
from tests.fuzzing import outcomes
from xaisigns.data import preprocessing
from xaisigns.data.preprocessing import FORMATS, MAX_PIXELS, read_image, resize, rgb, rgb_images
from xaisigns.errors import DataError, ShapeError

COLOUR = np.random.default_rng(0).integers(0, 256, (17, 23, 3), dtype=np.uint8)
MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "I;16", "F"]
IMAGES = 2000  # that are damaged
SUFFIXES = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "BMP": "bmp", "PPM": "ppm", "GIF": "gif", "TIFF": "tif"}


def encoded(kind, image=None, **options):
    buffer = io.BytesIO()
    (image or Image.fromarray(COLOUR)).save(buffer, kind, **options)
    return buffer.getvalue()


def of_mode(mode):
    grey = COLOUR[..., 0]
    made = {"I": grey.astype(np.int32), "I;16": grey.astype(np.uint16) * 257, "F": grey.astype(np.float32) / 255}
    if mode in made:
        return Image.fromarray(made[mode])
    image = Image.fromarray(COLOUR)
    return image.convert("P").convert("PA") if mode == "PA" else image.convert(mode)


@pytest.mark.parametrize("mode", MODES)
def test_a_path_an_image_and_an_array_are_one_picture(mode, tmp_path):
    image = of_mode(mode)
    pictures = [image]
    if mode not in ("PA", "YCbCr", "HSV"):
        path = tmp_path / "picture.tif"
        image.save(path)
        with Image.open(path) as opened:
            opened.load()
        pictures += [path, str(path), opened]
    if mode in ("1", "L", "RGB", "RGBA", "I", "I;16", "F"):
        pictures.append(np.asarray(image))
    before = image.tobytes(), image.mode, dict(image.info)
    first, *others = [np.asarray(rgb(picture)) for picture in pictures]
    assert first.shape == (17, 23, 3)
    assert len(np.unique(first)) > 1
    for other in others:
        np.testing.assert_array_equal(other, first)
    assert (image.tobytes(), image.mode, dict(image.info)) == before


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_from_a_phone_is_turned_once(kind, orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "phone.x"
    path.write_bytes(encoded(kind, exif=exif))
    turned = rgb(path)
    assert turned.size == ((23, 17) if orientation < 5 else (17, 23))
    with Image.open(path) as opened:
        for same in (rgb(opened), rgb(turned), rgb(rgb(opened))):
            np.testing.assert_array_equal(np.asarray(same), np.asarray(turned))
    np.testing.assert_array_equal(rgb(path, longest=7), np.asarray(rgb(turned, longest=7)))


@pytest.mark.parametrize("suffix", IMG_EXTENSIONS)
def test_every_image_that_a_folder_may_hold_is_opened(suffix):
    assert Image.registered_extensions()[suffix] in FORMATS


@pytest.mark.parametrize("kind", FORMATS)
def test_a_documented_format_is_read_whatever_its_name(kind, tmp_path):
    (tmp_path / "picture.eps").write_bytes(encoded(kind))
    assert rgb(tmp_path / "picture.eps").size == (23, 17)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\n{} loop\n%%EOF\n"
PSD = b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\x11\0\0\0\x17\0\x08\0\3" + bytes(50)
OPENED = "PNG, JPEG, WEBP, BMP, PPM, GIF, TIFF"


def of_another_kind(kind):
    grey = Image.fromarray(COLOUR[..., 0])
    given = {"EPS": EPS, "PSD": PSD, "SPIDER": lambda: encoded("SPIDER", grey.convert("F"))}
    content = given.get(kind, lambda: encoded(kind, grey))
    return content if isinstance(content, bytes) else content()


@pytest.mark.parametrize("kind", ["EPS", "PSD", "ICO", "PCX", "SGI", "AVIF", "JPEG2000", "DDS", "TGA", "SPIDER"])
def test_another_format_is_not_opened_but_named(kind, tmp_path, monkeypatch):
    """Those that Pillow tells by their first bytes."""
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *args, **options: pytest.fail("ran Ghostscript"))
    path = tmp_path / "picture.png"
    path.write_bytes(of_another_kind(kind))
    with Image.open(path) as opened, pytest.raises(DataError, match=f"it was opened as {kind}, wanted PNG, "):
        rgb(opened)
    accept = Image.OPEN[kind][1]
    monkeypatch.setitem(Image.OPEN, kind, (lambda *_: pytest.fail("was opened"), accept))
    told = f"it is {kind}, and only {OPENED} are opened; convert it to one of these"
    if kind in ("TGA", "SPIDER"):
        told = f"it is none of {OPENED}; convert it to one of these"
    for read in (rgb, preprocessing.is_large):
        with pytest.raises(DataError) as caught:
            read(path)
        assert str(caught.value) == f"{path} cannot be read as an image: {told}"


def test_every_image_that_the_package_opens_is_of_formats_that_it_names():
    """Those of FORMATS, or the one that it has just written itself."""
    calls = [
        (path.name, call)
        for path in (REPOSITORY / "xaisigns").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Image.open"
    ]
    options = [(name, {one.arg: ast.unparse(one.value) for one in call.keywords}) for name, call in calls]
    assert sorted((name, given["formats"]) for name, given in options) == [
        ("faces.py", "['PNG']"),
        ("findings.py", "['PNG']"),
        ("preprocessing.py", "FORMATS"),
        ("preprocessing.py", "FORMATS"),
        ("sign.py", "['JPEG']"),
        ("visitor.py", "FORMATS"),
    ]


def test_a_photograph_of_several_pictures_is_its_first(tmp_path):
    other = Image.new("RGB", (23, 17), "blue")
    (tmp_path / "phone.jpg").write_bytes(encoded("MPO", save_all=True, append_images=[other]))
    wanted = np.asarray(Image.open(io.BytesIO(encoded("JPEG"))))
    with Image.open(tmp_path / "phone.jpg") as opened:
        assert opened.format == "MPO"
        for picture in (tmp_path / "phone.jpg", opened):
            np.testing.assert_array_equal(np.asarray(rgb(picture)), wanted)


def test_a_dark_picture_of_16_bits_stays_dark(tmp_path):
    (tmp_path / "dark.pgm").write_bytes(b"P5 2 1 65535 " + bytes([0, 200, 0, 255]))
    np.testing.assert_array_equal(np.asarray(rgb(tmp_path / "dark.pgm"))[..., 0], [[1, 1]])


def test_an_image_that_was_cut_off_is_refused_however_it_comes(tmp_path):
    (tmp_path / "cut.png").write_bytes(encoded("PNG")[:-200])
    with Image.open(tmp_path / "cut.png") as opened:
        for picture in (tmp_path / "cut.png", opened):
            with pytest.raises(DataError, match=rf"^{tmp_path / 'cut.png'} cannot be read as an image: "):
                rgb(picture)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 2049)])
def test_a_thin_picture_is_read(size):
    assert max(rgb(Image.new("L", size), longest=2048).size) <= 2048
    assert resize(Image.new("RGB", size, "red"), 8).tolist() == [[[255, 0, 0]] * 8] * 8


@pytest.mark.parametrize("picture", [Image.new("RGB", (0, 5)), Image.new("L", (5, 0))])
def test_a_picture_without_pixels_is_refused(picture):
    with pytest.raises(DataError, match="pixels, wanted 1 to "):
        rgb(picture)


@pytest.mark.parametrize("picture", [None, 3, [COLOUR], b"bytes", object()])
def test_what_is_no_picture_is_refused_by_its_type(picture):
    with pytest.raises(ShapeError, match=f"a picture is wanted: .*, got {type(picture).__name__}"):
        rgb(picture)


@pytest.mark.parametrize("single", [Image.fromarray(COLOUR), COLOUR, COLOUR[..., 0], "a.png", Path("a.png"), None])
def test_a_single_picture_is_no_list_of_them(single):
    with pytest.raises(ShapeError, match=r"a list of pictures is wanted, got .*; put a single one into a list"):
        rgb_images(single)


def test_a_batch_of_arrays_is_a_list_of_pictures():
    for image, wanted in zip(rgb_images(np.stack([COLOUR, COLOUR[::-1]])), (COLOUR, COLOUR[::-1]), strict=True):
        np.testing.assert_array_equal(np.asarray(image), wanted)
    assert rgb_images([]) == []


def test_more_pixels_than_the_bound_are_refused_however_they_come(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    told = r"it has 23 x 17 pixels, wanted 1 to 390; make it smaller, or raise the bound by --max-pixels"
    for picture in (tmp_path / "a.png", Image.fromarray(COLOUR), COLOUR):
        with pytest.raises(DataError, match=told):
            rgb(picture, max_pixels=390)
        assert rgb(picture, max_pixels=391).size == (23, 17)
    (tmp_path / "a.webp").write_bytes(encoded("WEBP"))
    with pytest.raises(DataError, match="wanted 1 to 390, half of 781 for a WebP;"):
        rgb(tmp_path / "a.webp", max_pixels=781)


def test_pillows_warning_of_bombs_does_not_escape(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(DataError, match="wanted 1 to 200;"):
            rgb(tmp_path / "a.png", max_pixels=200)
        assert rgb(tmp_path / "a.png").size == (23, 17)
    assert told == []


def test_threads_read_at_once_and_leave_the_warnings_as_they_were(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    before = list(warnings.filters)
    threads = [threading.Thread(target=lambda: [rgb(tmp_path / "a.png") for _ in range(40)]) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before


MEMORY = """
import sys
from pathlib import Path
from xaisigns.data.preprocessing import rgb
from xaisigns.errors import DataError

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM:")).split()[1]) / 1024

before = peak()
try:
    rgb(Path(sys.argv[1]), longest=2048, max_pixels=int(sys.argv[2]))
except DataError as error:
    print(error, file=sys.stderr)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(("side", "bound", "megabytes"), [(13312, MAX_PIXELS, 50), (7000, MAX_PIXELS, 160)])
def test_memory_stays_bounded(side, bound, megabytes, tmp_path):
    """More than 700 MB for the first and 240 for the second without the bound, or when the whole becomes RGB."""
    Image.new("L", (side, side), 90).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 250_000
    command = [sys.executable, "-c", MEMORY, tmp_path / "bomb.png", str(bound)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(told.stdout) < megabytes
    assert ("make it smaller" in told.stderr) == (side == 13312)


def damaged(content, drawn):
    """The file after what happens to files: bits flipped, bytes lost, parts swapped, repeated or cut off."""
    content = bytearray(content)
    for _ in range(drawn.randint(1, 4)):
        start, size = drawn.randrange(len(content)), drawn.randint(1, 60)
        match drawn.randrange(6):
            case 0:
                for _ in range(drawn.randint(1, 20)):
                    place = drawn.randrange(min(len(content), drawn.choice([40, 200, len(content)])))
                    content[place] ^= 1 << drawn.randrange(8)
            case 1:
                del content[start + 1 :]
            case 2:
                del content[start : min(start + size, len(content) - 1)]
            case 3:
                content[start:start] = content[drawn.randrange(len(content)) :][:size]
            case 4:
                content[start : start + 4] = drawn.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"])
            case 5:
                content[start : start + size] = drawn.randbytes(size)
    return bytes(content)


def wholes():
    """A small file of each format, and of those that have several kinds one of each."""
    image = Image.fromarray(COLOUR)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "told"
    frames = {"save_all": True, "append_images": [Image.new("RGB", (23, 17), "blue")]}
    grey16 = Image.fromarray(COLOUR[..., 0].astype(np.uint16) * 257)
    return {
        "png": encoded("PNG", exif=exif),
        "png palette": encoded("PNG", image.quantize(16), transparency=3),
        "png 16": encoded("PNG", grey16),
        "apng": encoded("PNG", **frames),
        "jpeg": encoded("JPEG", exif=exif),
        "jpeg progressive": encoded("JPEG", progressive=True),
        "jpeg cmyk": encoded("JPEG", image.convert("CMYK")),
        "mpo": encoded("MPO", **frames),
        "webp": encoded("WEBP", exif=exif),
        "webp lossless": encoded("WEBP", lossless=True, **frames),
        "bmp": encoded("BMP"),
        "bmp palette": encoded("BMP", image.quantize(16)),
        "ppm": encoded("PPM"),
        "pgm": b"P2 3 2 15 0 1 2 3 4 15",
        "gif": encoded("GIF", **frames),
        "tiff": encoded("TIFF", exif=exif),
        "tiff pages": encoded("TIFF", save_all=True, append_images=[Image.new("RGB", (23, 17), "blue")]),
        "tiff lzw": encoded("TIFF", compression="tiff_lzw"),
        "tiff deflate": encoded("TIFF", compression="tiff_adobe_deflate"),
        "tiff jpeg": encoded("TIFF", compression="jpeg"),
        "tiff group 4": encoded("TIFF", image.convert("1"), compression="group4"),
        "tiff 16": encoded("TIFF", grey16),
        "tiff float": encoded("TIFF", of_mode("F")),
    }


WHOLES = wholes()


def outcome(path, content):
    """ "read" or "refused"; anything else than these two is raised."""
    path.write_bytes(content)
    try:
        image = rgb(path, longest=64, max_pixels=2_000_000)
    except DataError as error:
        told = str(error)
    else:
        assert image.mode == "RGB"
        assert np.asarray(image).shape == (image.height, image.width, 3)
        assert max(image.size) <= 64
        return "read"
    assert told.startswith(f"{path} cannot be read as an image: ")
    assert "\n" not in told
    return "refused"


@pytest.mark.parametrize("kind", sorted(WHOLES))
def test_a_damaged_file_is_read_or_refused(kind, tmp_path):
    path = tmp_path / "picture"
    assert outcome(path, WHOLES[kind]) == "read"
    count = math.ceil(IMAGES / len(WHOLES))
    assert outcomes(count, kind, lambda drawn: outcome(path, damaged(WHOLES[kind], drawn)))["refused"]


@pytest.mark.parametrize("error", [IndexError, OverflowError, MemoryError, KeyError("a"), RuntimeError("b\nc")])
def test_whatever_a_decoder_raises_is_told_with_the_path(error, tmp_path, monkeypatch):
    def fail(*_):
        raise error

    path = tmp_path / "a.png"
    path.write_bytes(encoded("PNG"))
    monkeypatch.setattr(preprocessing, "to_rgb", fail)
    with pytest.raises(DataError, match=rf"^{path} cannot be read as an image: \S.*$"):
        read_image(path)


def test_to_stop_is_no_damage(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(preprocessing, "to_rgb", stop)
    with pytest.raises(KeyboardInterrupt):
        rgb(COLOUR)


def test_a_photograph_gives_the_same_numbers_whole_or_reduced(tmp_path):
    values = np.random.default_rng(1).integers(0, 256, (600, 2500, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "large.png", compress_level=1)
    whole, reduced = read_image(tmp_path / "large.png"), rgb(tmp_path / "large.png", longest=2048)
    assert (whole.size, reduced.size) == ((2500, 600), (1250, 300))
    np.testing.assert_array_equal(resize(whole, 32), resize(reduced, 32))
