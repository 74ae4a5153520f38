"""Lays strokes and a sticker on a picture, at the picture's own resolution."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from xaisigns.data.stickers import Sticker, apply_sticker
from xaisigns.live.messages import PlacedSticker, Stroke

LONGEST = 512  # pixels on a side of a picture: more would be seen by no network, and take time each time
_SUPERSAMPLING = 4


class Composed(NamedTuple):
    """An RGB image, and the mask ``(H, W)`` of what the sticker covers, None without one."""

    image: Image.Image
    mask: NDArray[np.bool_] | None


def paint(picture: Image.Image, strokes: Sequence[Stroke], on: Image.Image | None = None) -> Image.Image:
    """A copy of the RGB picture with all strokes on it, the last on top; of ``on``, where it is painted already."""
    painted = (on or picture).copy()
    for stroke in strokes:
        painted.paste(picture if stroke.erases else stroke.colour, mask=_line(stroke, picture.size))
    return painted


def lay(picture: Image.Image, sticker: PlacedSticker | None, patches: Sequence[Image.Image] = ()) -> Composed:
    """The RGB picture with the sticker on it, moved as far as it takes to lie inside.

    One of the ``patches`` where the sticker names it; a number that no patch has is the plain sticker.
    """
    if sticker is None:
        return Composed(picture, None)
    if sticker.patch is not None and sticker.patch < len(patches):
        return _lay_patch(picture, sticker, patches[sticker.patch])
    settings = Sticker(
        size=sticker.size,
        size_spread=0,
        place=(sticker.x, sticker.y),
        place_spread=0,
        colour=sticker.colour,
        colour_spread=0,
        rotation=sticker.angle,
        rotation_spread=0,
        aspect_spread=0,
        shape=sticker.shape,
    )
    whole = 0, 0, picture.width - 1, picture.height - 1
    return Composed(*apply_sticker(picture, whole, settings, seed=0, key=""))


def _line(stroke: Stroke, size: tuple[int, int]) -> Image.Image:
    """How much of each pixel a stroke covers, 0..255, with round ends and corners."""
    width, height = (side * _SUPERSAMPLING for side in size)
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    thick = max(1, round(stroke.width * min(width, height)))
    points = [(x * width, y * height) for x, y in stroke.points]
    if len(points) > 1:
        draw.line(points, fill=255, width=thick)
    for x, y in points:
        draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=255)
    return canvas.reduce(_SUPERSAMPLING)


def _lay_patch(picture: Image.Image, sticker: PlacedSticker, patch: Image.Image) -> Composed:
    """Its longer side has the sticker's size; it keeps its shape."""
    longest = sticker.size * min(picture.size) / max(patch.size)
    sides = tuple(max(1, round(side * longest)) for side in patch.size)
    turned = patch.resize((sides[0], sides[1]), Image.Resampling.BILINEAR).convert("RGBA")
    turned = turned.rotate(-sticker.angle, Image.Resampling.BILINEAR, expand=True)
    left, top = (
        math.floor(min(max(share * side - own / 2, 0), max(side - own, 0)) + 0.5)
        for share, side, own in zip((sticker.x, sticker.y), picture.size, turned.size, strict=True)
    )
    image, cover = picture.copy(), Image.new("L", picture.size)
    image.paste(turned, (left, top), turned.getchannel("A"))
    cover.paste(turned.getchannel("A"), (left, top))
    return Composed(image, np.asarray(cover) > 0)
