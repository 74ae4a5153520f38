"""The heatmaps of a report and the images they belong to, and where their colour scales end."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xaisigns.errors import ShapeError

Pixels = NDArray[np.uint8]
Heatmap = NDArray[np.floating]
Heatmaps = Mapping[str, Heatmap]  # by the method's key


def scale_limit(heatmaps: Sequence[Heatmap]) -> float:
    """Where the symmetric colour scale of these heatmaps ends: below it lie 99.5% of the pixels' absolute values.

    A few pixels of a gradient are many times as strong as all others; up to the largest, the scale would show little
    else. It is the largest value where the share leaves nothing, and 1 where nothing is relevant.
    """
    values = np.concatenate([np.abs(heatmap).ravel() for heatmap in heatmaps]) if heatmaps else np.zeros(1)
    return float(np.quantile(values, 0.995)) or float(values.max()) or 1.0


def scale_limits(rows: Sequence[Heatmaps]) -> dict[str, float]:
    """Where each method's scale ends, one for all rows in which it has a heatmap."""
    keys = dict.fromkeys(key for heatmaps in rows for key in heatmaps)
    return {key: scale_limit([heatmaps[key] for heatmaps in rows if key in heatmaps]) for key in keys}


def check_picture(where: str, image: Pixels, heatmaps: Heatmaps) -> None:
    """Raises ShapeError, saying where, for an image or a heatmap that cannot be shown."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ShapeError(f"{where}: an image (H, W, 3) of uint8 is wanted, got {image.shape} of {image.dtype}")
    for method, heatmap in heatmaps.items():
        if heatmap.ndim != 2 or not heatmap.size:
            raise ShapeError(f"{where}, {method}: a heatmap (h, w) is wanted, got {heatmap.shape}")
        if not np.isfinite(heatmap).all():
            raise ShapeError(f"{where}, {method}: the heatmap has values that are no numbers; leave it out")
