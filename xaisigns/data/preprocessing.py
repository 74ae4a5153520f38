"""From an image file, a PIL image or an array to RGB pixels, stretched to a square."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from xaisigns.base.files import is_file
from xaisigns.base.quiet import Quiet
from xaisigns.data.pixels import image_of, to_rgb
from xaisigns.errors import DataError, ShapeError

RGB = tuple[float, float, float]
Picture = Path | str | Image.Image | NDArray[Any]

# What Pillow calls them. It would open 30 more, EPS by running a program on it.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "PPM", "GIF", "TIFF")
_OPENED = ", ".join(FORMATS)
_FIRST = 16  # bytes, by which Pillow tells a format
MAX_PIXELS = 50_000_000
LONGEST = 2048
_LARGE = 2_000_000

_QUIET = Quiet("PIL")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(path: Path) -> Image.Image:
    """An image file at its full size, as ``rgb`` gives it."""
    return rgb(path)


def is_large(path: Path) -> bool:
    """Whether an image file has more than 2 megapixels, by its first bytes. Raises DataError as ``rgb`` does."""
    with _failures_named(path), Image.open(path, formats=FORMATS) as opened:
        return math.prod(opened.size) > _LARGE


def rgb(picture: Picture, *, longest: int | None = None, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The one way in for pictures: a file, an image of any mode or an array, as an upright RGB image.

    A file is PNG, JPEG, WebP, BMP, PPM (PGM, PBM, PFM), GIF or TIFF, and so was an image that Pillow opened. Turned as
    its EXIF says; of an animation the first frame; what is transparent lies on white; 16 bits a channel are scaled to
    8, floats are of 0..1, and ``to_rgb`` says what other whole numbers stand for. An array is ``(H, W)``,
    ``(H, W, 1)``, ``(H, W, 3)`` or ``(H, W, 4)``, of whole numbers, bool or floats. ``longest`` bounds the pixels on a
    side: what has more is reduced by a whole number.

    The caller's image stays as it is. Raises DataError, with the path, when there is no file, it is none of these or
    damaged, its pixels cannot be told for levels, or it has more than ``max_pixels`` (half of them in a WebP,
    which takes twice the memory); ShapeError for anything that is no picture.
    """
    if isinstance(picture, np.ndarray):
        with _failures_named("the array"):
            image = image_of(picture)
            return _upright(image, longest, max_pixels)
    if isinstance(picture, Image.Image):
        with _failures_named(getattr(picture, "filename", "") or "the image"):
            return _upright(picture, longest, max_pixels)
    if isinstance(picture, Path | str):
        with _failures_named(picture), Image.open(picture, formats=FORMATS) as opened:
            return _upright(opened, longest, max_pixels)
    raise ShapeError(f"a picture is wanted: a path, a PIL image or an array (H, W, 3), got {type(picture).__name__}")


def rgb_images(pictures: Iterable[Picture], *, longest: int | None = None) -> list[Image.Image]:
    """Each picture as ``rgb`` gives it; an array ``(N, H, W, C)`` holds N of them.

    Raises as ``rgb`` does, and ShapeError for a single picture.
    """
    single = isinstance(pictures, Path | str | Image.Image) or (isinstance(pictures, np.ndarray) and pictures.ndim != 4)
    if single or not isinstance(pictures, Iterable):
        raise ShapeError(f"a list of pictures is wanted, got {type(pictures).__name__}; put a single one into a list")
    return [rgb(picture, longest=longest) for picture in pictures]


@contextmanager
def _failures_named(name: Path | str) -> Iterator[None]:
    """Turn whatever goes wrong into one sentence that begins with the picture's name."""
    try:
        with _QUIET:
            yield
    except ShapeError:
        raise
    except Exception as error:  # a decoder raises whatever damaged bytes lead it to
        raise DataError(f"{name} cannot be read as an image: {_reason(name, error)}") from error


def _reason(name: Path | str, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return f"it is a folder; name the images in it, such as {Path(name) / '*.png'}"
    if isinstance(error, UnidentifiedImageError):
        return _unidentified(Path(name))
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__


def _unidentified(path: Path) -> str:
    """Why a file is not opened, by its first bytes alone: no decoder of another format sees it."""
    first = b""
    if is_file(path):
        with path.open("rb") as file:
            first = file.read(_FIRST)
        if not first:
            return "the file is empty"
    Image.init()
    tellers = Image.OPEN if len(first) == _FIRST else {}  # which take less for an error of their own
    kinds = [kind for kind, (_, accepts) in tellers.items() if accepts and accepts(first) is True]
    if any(kind in FORMATS for kind in kinds):
        return f"it is {kinds[0]}, and damaged or of a kind that Pillow cannot read; save it again, as an 8-bit PNG"
    told = f"it is {kinds[0]}, and only {_OPENED} are opened" if kinds else f"it is none of {_OPENED}"
    return f"{told}; convert it to one of these"


def _upright(image: Image.Image, longest: int | None, max_pixels: int) -> Image.Image:
    # Pillow's JPEG files of several pictures are MPO.
    if image.format not in (None, *FORMATS, "MPO"):
        raise DataError(f"it was opened as {image.format}, wanted {_OPENED}; hand over a copy() of it")
    _check_size(image, max_pixels)
    image.load()
    turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    if turn is None:
        return to_rgb(image, longest)
    turned = to_rgb(image).transpose(turn)
    turned.info = {}  # which still says that it is to be turned
    return to_rgb(turned, longest)


def _check_size(image: Image.Image, max_pixels: int) -> None:
    wanted, most = f"1 to {max_pixels:,}", max_pixels
    if image.format == "WEBP":  # which Pillow decodes by four copies
        most = max_pixels // 2
        wanted = f"1 to {most:,}, half of {max_pixels:,} for a WebP"
    if not 0 < math.prod(image.size) <= most:
        raise DataError(
            f"it has {' x '.join(map(str, image.size))} pixels, wanted {wanted}; make it smaller, or raise the bound "
            "by --max-pixels"
        )


def resize(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """The whole RGB image as ``(size, size, 3)`` uint8, stretched to a square (GTSRB's crops nearly are).

    One with more than LONGEST pixels on a side is reduced first, as ``rgb`` does it: so a photograph gives the same
    numbers whether it was read whole or not.
    """
    image = to_rgb(image, LONGEST)
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=None))


def resize_mask(mask: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """A mask ``(H, W)`` brought to ``(size, size)`` like its image: a pixel belongs to it when half of it does."""
    coverage = Image.fromarray(mask.astype(np.uint8) * 255).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(coverage) >= 128
