"""The pictures of a report: square tiles of one size, images and coloured heatmaps alike."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xaisigns.pictures.figures import coloured
from xaisigns.report.heatmaps import Heatmap, Heatmaps, Pixels

_DEFAULT_SIDE = 64
_LARGEST_SIDE = 128
_MISSING = 238  # the grey of a tile without a heatmap

Tiles = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Grid:
    """Tiles in rows: ``images`` ``(rows, S, S, 3)``, photographs, and ``heatmaps`` ``(rows, columns, S, S, 3)``.

    Without photographs ``images`` is None.
    """

    images: Tiles | None
    heatmaps: Tiles

    @property
    def side(self) -> int:
        """Pixels on a side of every tile."""
        return int(self.heatmaps.shape[-2])


def tile_side(heatmaps: Iterable[Heatmap]) -> int:
    """Pixels on a side of the tiles that show these: those of the largest heatmap, 128 at most."""
    return min(max((max(heatmap.shape) for heatmap in heatmaps), default=_DEFAULT_SIDE), _LARGEST_SIDE)


def heatmap_row(
    heatmaps: Heatmaps, limits: Mapping[str, float], methods: Sequence[str], side: int, controls: Container[str] = ()
) -> Tiles:
    """A tile for each method, ``(methods, S, S, 3)``, grey where it has no heatmap; each scale ends at its limit.

    Those of ``controls`` are drawn in grey, so that they do not take the eye.
    """
    missing = np.full((side, side, 3), _MISSING, np.uint8)
    tiles = [
        coloured(heatmap_tile(heatmaps[key], side), limits[key], control=key in controls)
        if key in heatmaps
        else missing
        for key in methods
    ]
    return stacked(tiles, (len(methods), side, side, 3))


def stacked(tiles: Sequence[Tiles], shape: tuple[int, ...]) -> Tiles:
    """Tiles as one array of the shape, which none would not tell."""
    return np.array(tiles, dtype=np.uint8).reshape(shape)


def image_tile(pixels: Pixels, side: int) -> Pixels:
    """An image of any size as a square."""
    if pixels.shape[:2] == (side, side):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR))


def heatmap_tile(heatmap: Heatmap, side: int) -> NDArray[np.float32]:
    """Values stay as they are where there are fewer than the tile has pixels, and are averaged where there are more."""
    values = np.asarray(heatmap, dtype=np.float32)
    if values.shape == (side, side):
        return values
    way = Image.Resampling.BOX if max(values.shape) > side else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(values).resize((side, side), way))
