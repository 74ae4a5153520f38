"""From pixels to the tensors that a network takes; the only module of this package that needs torch."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


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
