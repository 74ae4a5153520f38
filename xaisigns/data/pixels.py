"""Pixels of any kind as 8-bit RGB: Pillow's modes, and arrays."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from xaisigns.errors import DataError, ShapeError

_STRIP = 1_000_000  # pixels that are converted at once
_PHOTOMETRIC, _BITS = 262, 258  # tags of a TIFF
_SIXTEEN_BITS = ("PNG", "PPM")  # files whose whole numbers have 16 bits where they do not have 8


def to_rgb(image: Image.Image, longest: int | None = None) -> Image.Image:
    """An image of any mode as RGB, itself where it is RGB already; what is transparent lies on white.

    With ``longest`` an image with more pixels on a side is reduced by the smallest whole number that brings it there,
    each pixel the mean of a square. 16 bits a channel are scaled to 8; floats are of 0..1; of whole numbers with 32
    bits those that reach 255 at most are taken as they are, those that reach 65535 as 16 bits. Raises DataError for
    other numbers.
    """
    factor = 1 if longest is None else math.ceil(max(image.size) / longest)
    if image.mode == "RGB" and factor == 1 and not image.has_transparency_data:
        return image
    convert = _numbers(image) if image.mode[0] in "IF" else _colours
    # In strips, each as high as many squares: whole, the copies between two modes take several times the memory.
    height = max(1, _STRIP // (image.width * factor)) * factor
    if height >= image.height:
        return convert(image).reduce(factor)
    whole = Image.new("RGB", (math.ceil(image.width / factor), math.ceil(image.height / factor)))
    for top in range(0, image.height, height):
        strip = image.crop((0, top, image.width, min(top + height, image.height)))
        whole.paste(convert(strip).reduce(factor), (0, top // factor))
    return whole


def image_of(values: NDArray[Any]) -> Image.Image:
    """An array ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)`` or ``(H, W, 4)`` as an image for ``to_rgb``.

    8 bits are taken as they are, bool as black and white, all else as ``to_rgb`` says. Raises ShapeError for another
    shape and DataError for other numbers.
    """
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (1, 3, 4)) or not values.size:
        raise ShapeError(f"an image is wanted as (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), got {values.shape}")
    kind = values.dtype.kind
    if kind not in "buif":
        raise DataError(f"its pixels must be numbers, got {values.dtype}")
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.dtype == np.uint8:
        return Image.fromarray(values)
    if kind == "b":
        white = 1.0
    elif values.dtype.str[1:] == "u2":
        white = 65535.0
    else:
        white = _white(float(values.min()), float(values.max()), whole=kind in "iu")
    return Image.fromarray(_levels(values, white))


def _colours(image: Image.Image) -> Image.Image:
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _numbers(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """How to convert parts of an image of the modes I, I;16 and F."""
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    if image.mode.startswith("I;16"):
        # Pillow leaves 12 bits as they are.
        white = 4095.0 if tags.get(_BITS) == (12,) else 65535.0
    elif image.mode == "I" and image.format in _SIXTEEN_BITS:
        white = 65535.0
    else:
        ends: Any = image.getextrema()
        white = _white(ends[0], ends[1], whole=image.mode == "I")
    negative = tags.get(_PHOTOMETRIC) == 0
    transparent = image.info.get("transparency")

    def convert(part: Image.Image) -> Image.Image:
        values = np.asarray(part)
        grey = _levels(white - values if negative else values, white)
        if isinstance(transparent, int):
            grey[values == transparent] = 255
        return Image.fromarray(grey).convert("RGB")

    return convert


def _white(low: float, high: float, whole: bool) -> float:
    """The number that stands for white."""
    if whole and low >= 0 and high <= 65535:
        return 255.0 if high <= 255 else 65535.0
    if not whole and low >= 0 and high <= 1:
        return 1.0
    wanted = "whole numbers in 0..255 or 0..65535" if whole else "floats in 0..1"
    raise DataError(f"its pixels are wanted as {wanted}, got {low:.9g} to {high:.9g}; bring them there first")


def _levels(values: NDArray[Any], white: float) -> NDArray[np.uint8]:
    scaled = np.rint(values.astype(np.float64) * (255 / white))
    if not np.isfinite(scaled).all():
        raise DataError("its pixels are wanted as floats in 0..1, got some that are not finite")
    return scaled.clip(0, 255).astype(np.uint8)
