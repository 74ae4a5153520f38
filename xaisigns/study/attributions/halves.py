"""Heatmaps as float16, each with a scale of its own, so that nothing overflows and little is lost."""

import numpy as np
from numpy.typing import NDArray

_LARGEST = 15  # the largest value of a heatmap is below 2 to the power of this; float16 ends at 65,504
_SMALLEST = -126  # exponent of the smallest normal float32


def to_halves(heatmaps: NDArray[np.float32]) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """Finite heatmaps ``(N, H, W)`` as float16, and the scales ``(N,)`` by which they are to be multiplied.

    A scale is a power of two, so dividing by it is exact and only float16 rounds: a value is off by at most 2**-11 of
    itself, or, where it is below 2**-28 of the heatmap's largest, by at most 2**-39 of that.
    """
    peaks = np.abs(heatmaps).max(axis=(1, 2), initial=0)
    exponents = np.clip(np.frexp(peaks)[1] - _LARGEST, _SMALLEST, None)
    scales = np.ldexp(np.float32(1), exponents).astype(np.float32)
    return (heatmaps / scales[:, None, None]).astype(np.float16), scales


def from_halves(halves: NDArray[np.float16], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """What ``to_halves`` was given, ``(N, H, W)`` float32, but for its rounding; also of one heatmap and its scale."""
    found: NDArray[np.float32] = halves.astype(np.float32) * scales[..., None, None]
    return found
