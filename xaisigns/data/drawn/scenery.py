"""What is around a drawn sign: sky, foliage, a facade or a road behind it, its post, and leaves before it."""

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Plane = NDArray[np.floating[Any]]
_Colour = tuple[int, int, int]


def scenery(size: int, drawn: random.Random) -> Image.Image:
    """What is behind the sign, out of focus: RGB, ``size`` pixels on each side, at random by ``drawn``."""
    canvas = _sky(size, drawn)
    place = drawn.random()
    if place < 0.45:
        _foliage(canvas, drawn, top=drawn.uniform(-0.6, 0.5))
    elif place < 0.65:
        _facade(canvas, drawn)
        _foliage(canvas, drawn, top=drawn.uniform(0.6, 1.1))
    elif place < 0.85:
        _foliage(canvas, drawn, top=drawn.uniform(0.1, 0.6))
        _road(canvas, drawn)
    else:
        _foliage(canvas, drawn, top=drawn.uniform(0.75, 1.1))
    canvas = canvas.filter(ImageFilter.GaussianBlur(size * drawn.uniform(0.004, 0.025)))
    _post(canvas, drawn)
    return canvas


def leaves(size: int, drawn: random.Random) -> tuple[Image.Image, Plane]:
    """Leaves that reach into the picture from one side, before the sign: RGB, and their cover ``(H, W)`` in 0..1."""
    across, down = plane(size)
    side, reach = drawn.uniform(0, 2 * math.pi), drawn.uniform(0.45, 0.65)
    outwards = across * math.cos(side) + down * math.sin(side) - reach
    cover = np.clip(12 * (outwards + 0.5 * (field(size, drawn, (6, 14)) - 0.5)), 0, 1)
    return _leafage(size, drawn), cover


def field(size: int, drawn: random.Random, grains: Sequence[int]) -> Plane:
    """Random light and dark, ``(H, W)`` in 0..1: smooth fields of that many grains across, the last weighs most."""
    mixed = _grains(size, drawn, grains[0])
    for grain in grains[1:]:
        mixed = (mixed + _grains(size, drawn, grain)) / 2
    stretched: Plane = np.clip(0.5 + 1.8 * (mixed - 0.5), 0, 1)
    return stretched


def plane(size: int) -> tuple[Plane, Plane]:
    """Places across ``(1, W)`` and down ``(H, 1)``, from -1 to 1."""
    line = np.linspace(-1, 1, size, dtype=np.float32)
    return line[None, :], line[:, None]


def _grains(size: int, drawn: random.Random, grain: int) -> Plane:
    flat = Image.frombytes("L", (grain, grain), drawn.randbytes(grain * grain))
    smooth = flat.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(smooth, dtype=np.float32) / 255


def _sky(size: int, drawn: random.Random) -> Image.Image:
    blue, clouds = drawn.random(), drawn.uniform(0, 0.5) * field(size, drawn, (3, 6))
    high, low = _mixed((196, 204, 214), (96, 140, 205), blue), _mixed((240, 241, 242), (190, 212, 236), blue)
    _, down = plane(size)
    return _ramp(np.clip((down + 1) / 2 + clouds, 0, 1), (high, low))


def _foliage(canvas: Image.Image, drawn: random.Random, top: float) -> None:
    """Leaves and twigs from the ground up to about ``top`` (0 is the upper edge, 1 the lower), with gaps."""
    size = canvas.width
    _, down = plane(size)
    crown = (down + 1) / 2 + field(size, drawn, (5, 13, 28)) - 0.5
    cover = np.clip(7 * (crown - top), 0, 1)
    canvas.paste(_leafage(size, drawn), mask=Image.fromarray(np.rint(255 * cover).astype(np.uint8)))


def _leafage(size: int, drawn: random.Random) -> Image.Image:
    season = drawn.random() ** 2
    dark, light = _mixed((14, 20, 14), (30, 24, 20), season), _mixed((120, 146, 84), (176, 136, 88), season)
    return _ramp(field(size, drawn, (7, 16, 32)), (dark, _mixed(dark, light, 0.4), light))


def _facade(canvas: Image.Image, drawn: random.Random) -> None:
    size, draw = canvas.width, ImageDraw.Draw(canvas)
    wall = _mixed(_mixed((206, 196, 176), (158, 96, 76), drawn.random()), (235, 235, 232), drawn.random() ** 2)
    left, width = drawn.uniform(-0.5, 0.6), drawn.uniform(0.5, 1.2)
    top, storey, column = drawn.uniform(-0.3, 0.35), drawn.uniform(0.3, 0.5), drawn.uniform(0.25, 0.45)
    draw.rectangle(_box(size, left, top, left + width, 1.1), fill=wall)
    draw.rectangle(_box(size, left - 0.03, top - 0.07, left + width + 0.03, top), fill=(92, 66, 58))
    glass = _mixed((48, 54, 64), (120, 134, 150), drawn.random())
    for row in range(int((1 - top) / storey) + 1):
        for window in range(int(width / column)):
            x, y = left + (window + 0.28) * column, top + (row + 0.25) * storey
            draw.rectangle(_box(size, x - 0.02, y - 0.02, x + 0.5 * column, y + 0.6 * storey), fill=(238, 238, 236))
            draw.rectangle(_box(size, x, y, x + 0.5 * column - 0.02, y + 0.6 * storey - 0.02), fill=glass)


def _road(canvas: Image.Image, drawn: random.Random) -> None:
    """Asphalt that runs towards the horizon, with a verge and a broken white line."""
    size, draw = canvas.width, ImageDraw.Draw(canvas)
    horizon, bend = drawn.uniform(0.5, 0.85), drawn.uniform(-0.2, 1.2)
    grey = drawn.randint(84, 140)
    draw.rectangle(_box(size, 0, horizon, 1, 1), fill=_mixed((64, 82, 44), (132, 122, 78), drawn.random()))
    left, right = drawn.uniform(-0.8, 0.2), drawn.uniform(0.9, 1.8)
    outline = [(bend - 0.04, horizon), (bend + 0.04, horizon), (right, 1.0), (left, 1.0)]
    draw.polygon([(x * size, y * size) for x, y in outline], fill=(grey, grey, grey + 4))
    for near, far in ((0.0, 0.3), (0.5, 0.7)):
        # Between the road's middle at the lower edge (0) and its end at the horizon (1).
        ends = [((left + right) / 2 * (1 - way) + bend * way, 1 - (1 - horizon) * way) for way in (near, far)]
        draw.line([(x * size, y * size) for x, y in ends], fill=(226, 226, 220), width=max(1, size // 24))


def _post(canvas: Image.Image, drawn: random.Random) -> None:
    """The post, sometimes with another sign above or a plate below."""
    size, draw = canvas.width, ImageDraw.Draw(canvas)
    middle, half, grey = drawn.uniform(0.48, 0.52), drawn.uniform(0.02, 0.035), drawn.randint(70, 150)
    above = drawn.random() < 0.3
    draw.rectangle(_box(size, middle - half, 0 if above else 0.5, middle + half, 1), fill=(grey, grey, grey + 3))
    draw.rectangle(_box(size, middle - half, 0 if above else 0.5, middle - half / 3, 1), fill=(grey + 40,) * 3)
    beside = drawn.random()
    if beside < 0.15:
        draw.rectangle(_box(size, 0.1, 0.935, 0.9, 1.2), fill=(28, 28, 30))
        draw.rectangle(_box(size, 0.125, 0.96, 0.875, 1.2), fill=(226, 227, 224))
    elif beside < 0.22:
        draw.ellipse(_box(size, 0.1, -0.74, 0.9, 0.06), fill=(226, 227, 224))
        draw.ellipse(_box(size, 0.11, -0.73, 0.89, 0.05), fill=drawn.choice([(172, 28, 32), (18, 72, 150)]))


def _box(size: int, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
    return left * size, top * size, right * size, bottom * size


def _ramp(levels: Plane, colours: Sequence[_Colour]) -> Image.Image:
    """Levels in 0..1 as colours (RGB), evenly from the first colour to the last."""
    places = np.linspace(0, 255, len(colours))
    bands = [np.interp(range(256), places, band) for band in zip(*colours, strict=True)]
    table = np.rint(np.stack(bands, axis=1)).astype(np.uint8)
    return Image.fromarray(table[np.rint(255 * levels).astype(np.uint8)])


def _mixed(first: _Colour, second: _Colour, share: float) -> _Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue
