"""The pictures of a report: square tiles of one size, images and coloured heatmaps alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xaisigns.pictures.figures import coloured, overlay
from xaisigns.report.content import Heatmaps, Highlight, Pixels, Report, Section, scale_limit

_DEFAULT_SIDE = 64
_LARGEST_SIDE = 128
_MISSING = 238  # the grey of a tile without a heatmap

Tiles = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Grid:
    """The tiles of a section, one row for each example and the last for the mean, if any.

    ``images`` is ``(rows, S, S, 3)``, ``heatmaps`` ``(rows, methods, S, S, 3)``; ``limits`` are where the examples'
    scales end, by method.
    """

    images: Tiles
    heatmaps: Tiles
    limits: dict[str, float]


def tile_side(report: Report) -> int:
    """Pixels on a side of every tile: those of the largest heatmap, 128 at most."""
    sides = [
        max(heatmap.shape)
        for section in report.sections
        for one in section.examples
        for heatmap in one.heatmaps.values()
    ]
    sides += [max(highlight.heatmap.shape) for highlight in report.highlights]
    return min(max(sides, default=_DEFAULT_SIDE), _LARGEST_SIDE)


def section_grid(section: Section, methods: Sequence[str], side: int) -> Grid:
    """Tiles of all examples, each method's on one scale, and of the mean on scales of its own."""
    by_method = {key: [one.heatmaps[key] for one in section.examples if key in one.heatmaps] for key in methods}
    limits = {key: scale_limit(heatmaps) for key, heatmaps in by_method.items() if heatmaps}
    images = [_image(one.image, side) for one in section.examples]
    rows = [_row(one.heatmaps, limits, methods, side) for one in section.examples]
    if section.mean:
        own = {key: scale_limit([heatmap]) for key, heatmap in section.mean.heatmaps.items()}
        images.append(_image(section.mean.image, side))
        rows.append(_row(section.mean.heatmaps, own, methods, side))
    shape = (len(rows), len(methods), side, side, 3)
    return Grid(_stacked(images, (len(rows), side, side, 3)), _stacked(rows, shape), limits)


def highlight_tiles(highlight: Highlight, side: int) -> Tiles:
    """Image, heatmap, and both overlaid: ``(3, S, S, 3)``."""
    limit = scale_limit([highlight.heatmap])
    image, heatmap = _image(highlight.image, side), _heatmap(highlight.heatmap, side)
    both = overlay(Image.fromarray(image), heatmap, limit)
    return np.stack([image, coloured(heatmap, limit), (both * 255).round().astype(np.uint8)])


def _row(heatmaps: Heatmaps, limits: dict[str, float], methods: Sequence[str], side: int) -> Tiles:
    missing = np.full((side, side, 3), _MISSING, np.uint8)
    tiles = [coloured(_heatmap(heatmaps[key], side), limits[key]) if key in heatmaps else missing for key in methods]
    return _stacked(tiles, (len(methods), side, side, 3))


def _stacked(tiles: Sequence[Tiles], shape: tuple[int, ...]) -> Tiles:
    return np.array(tiles, dtype=np.uint8).reshape(shape)


def _image(pixels: Pixels, side: int) -> Pixels:
    if pixels.shape[:2] == (side, side):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR))


def _heatmap(heatmap: NDArray[np.floating], side: int) -> NDArray[np.float32]:
    """Values stay as they are where there are fewer than the tile has pixels, and are averaged where there are more."""
    values = np.asarray(heatmap, dtype=np.float32)
    if values.shape == (side, side):
        return values
    way = Image.Resampling.BOX if max(values.shape) > side else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(values).resize((side, side), way))
