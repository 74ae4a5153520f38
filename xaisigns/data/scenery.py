"""What is behind a drawn sign, out of focus: sky, foliage, a facade or a road, and the sign's own post."""

import random
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

_Colour = tuple[int, int, int]


def scenery(size: int, drawn: random.Random) -> Image.Image:
    """An RGB image of ``size`` pixels on each side, by chance as ``drawn`` has it."""
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


def field(size: int, drawn: random.Random, grains: Sequence[int]) -> Image.Image:
    """Random light and dark (L): the mean of smooth fields of so many grains across, its range stretched."""
    layers = [_grains(size, drawn, grain) for grain in grains]
    mixed = layers[0]
    for layer in layers[1:]:
        mixed = ImageChops.add(mixed, layer, scale=2)
    return mixed.point(_STRETCHED)


_STRETCHED = [min(255, max(0, round(128 + 1.8 * (level - 128)))) for level in range(256)]


def _grains(size: int, drawn: random.Random, grain: int) -> Image.Image:
    grain = min(grain, size)
    flat = Image.frombytes("L", (grain, grain), drawn.randbytes(grain * grain))
    return flat.resize((size, size), Image.Resampling.BICUBIC)


def _sky(size: int, drawn: random.Random) -> Image.Image:
    blue, clouds = drawn.random(), field(size, drawn, (3, 6))
    high, low = _mixed((196, 204, 214), (96, 140, 205), blue), _mixed((240, 241, 242), (190, 212, 236), blue)
    sky = _ramp(_height(size), (high, low))
    return Image.blend(sky, _ramp(clouds, ((176, 184, 196), (250, 250, 250))), drawn.uniform(0, 0.5))


def _foliage(canvas: Image.Image, drawn: random.Random, top: float) -> None:
    """Leaves and twigs from the ground up to about ``top`` (0 is the upper edge, 1 the lower), with gaps."""
    size = canvas.width
    season = drawn.random() ** 2
    dark, light = _mixed((14, 20, 14), (30, 24, 20), season), _mixed((120, 146, 84), (176, 136, 88), season)
    leaves = _ramp(field(size, drawn, (7, 16, 32)), (dark, _mixed(dark, light, 0.4), light))
    crown = ImageChops.add(_height(size), field(size, drawn, (5, 13, 28)), scale=2)
    edge = round(127 * top + 64)
    canvas.paste(leaves, mask=crown.point([min(255, max(0, 14 * (level - edge))) for level in range(256)]))


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


@lru_cache(maxsize=8)
def _height(size: int) -> Image.Image:
    """0 at the upper edge, 255 at the lower (L)."""
    return Image.linear_gradient("L").resize((size, size), Image.Resampling.BILINEAR)


def _ramp(levels: Image.Image, colours: Sequence[_Colour]) -> Image.Image:
    """Levels (L) as colours (RGB), evenly from the first colour to the last."""
    places = np.linspace(0, 255, len(colours))
    tables = [np.rint(np.interp(range(256), places, band)).tolist() for band in zip(*colours, strict=True)]
    return Image.merge("RGB", [levels.point(table) for table in tables])


def _mixed(first: _Colour, second: _Colour, share: float) -> _Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue
