"""From an image file to the numbers that a network takes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from xaisigns.errors import DataError

RGB = tuple[float, float, float]


def read_image(path: Path) -> Image.Image:
    """Decode an image file to RGB, turned upright as its EXIF says; of an animation the first frame.

    16 bits a channel are scaled to 8, and what is transparent lies on white. Raises DataError, with the path, when
    there is no file, it is no image, or it has more pixels than Pillow thinks safe.
    """
    try:
        with Image.open(path) as image:
            return _to_rgb(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read as an image: {error}") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow would clip at 255.
        return Image.fromarray((np.asarray(image).clip(0, 65535) / 257).round().astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def resize(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """The whole RGB image as ``(size, size, 3)`` uint8, stretched to a square (GTSRB's crops nearly are)."""
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=None))


def resize_mask(mask: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """A mask ``(H, W)`` brought to ``(size, size)`` like its image: a pixel belongs to it when half of it does."""
    coverage = Image.fromarray(mask.astype(np.uint8) * 255).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(coverage) >= 128


def normalise(pixels: NDArray[np.uint8], mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Pixels ``(N, H, W, 3)`` in 0..255 as float32 ``(N, 3, H, W)``, each channel less ``mean`` and over ``std``.

    ``mean`` and ``std`` are in units of 0..1, as torchvision gives them. The result is in channels_last order.
    """
    shift, scale = (torch.tensor(value, dtype=torch.float32, device="cpu") for value in (mean, std))
    scaled = torch.from_numpy(pixels.astype(np.float32)).div_(255).sub_(shift).div_(scale)
    return scaled.permute(0, 3, 1, 2)


def pixel_bounds(mean: Sequence[float], std: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Lowest and highest normalised pixel of each channel, ``(1, 3, 1, 1)``: what black and white become."""
    low, high = (
        torch.tensor(
            [(value - m) / s for m, s in zip(mean, std, strict=True)], dtype=torch.float32, device="cpu"
        ).reshape(1, 3, 1, 1)
        for value in (0.0, 1.0)
    )
    return low, high
