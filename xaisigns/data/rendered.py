"""Drawn German traffic signs in a small natural scene: no download, and every sign pixel is known."""

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from xaisigns.data.classes import CLASSES
from xaisigns.errors import DataError

_SMALLEST = 16
_SUPERSAMPLING = 8
_RED, _WHITE, _BLACK, _EDGE = (172, 29, 31), (229, 230, 228), (26, 26, 28), (150, 152, 154)

_Point = tuple[float, float]
_Colour = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class RenderedSign:
    """A drawn sign: the RGB image, its class and where the sign is.

    ``mask`` is ``(H, W)`` bool, true where the sign covers at least half of the pixel. ``roi`` is the box
    around it (x1, y1, x2, y2) in pixels, both corners inside.
    """

    image: Image.Image
    class_id: int
    roi: tuple[int, int, int, int]
    mask: NDArray[np.bool_]


def draw_sign(class_id: int, size: int = 128, seed: int = 0) -> RenderedSign:
    """Draw a sign as GTSRB would show it, ``size`` pixels high and wide, the sign on about 80 % of both.

    The seed decides on background, position, light and blur, the same for every class and on every machine
    (pixels to within 2 levels). Raises DataError for a class without a drawing and for a size below 16.
    """
    if class_id not in _FACES:
        known = ", ".join(f"{number} ({CLASSES[number].english})" for number in sorted(_FACES))
        raise DataError(f"a sign of class {class_id} cannot be drawn yet; choose one of {known}")
    if size < _SMALLEST:
        raise DataError(f"a drawn sign needs at least {_SMALLEST} pixels, got size {size}; ask for more")
    drawn = random.Random(seed)  # noqa: S311 (draws pictures, keeps no secrets)
    pen = _Pen(size * _SUPERSAMPLING)
    _FACES[class_id](pen)
    face, coverage = _placed(pen, size, drawn)
    scenery = _scenery(size, drawn)
    image = Image.composite(_lit(face, drawn), scenery, coverage)
    mask = np.asarray(coverage) >= 128
    return RenderedSign(_photographed(image, drawn), class_id, _box(mask), mask)


class _Pen:
    """Draws a sign upright and flat; lengths from its centre, in units of its half width, y downwards."""

    def __init__(self, pixels: int) -> None:
        self.face = Image.new("RGB", (pixels, pixels), _EDGE)
        self.coverage = Image.new("L", (pixels, pixels))
        self._half = pixels / 2

    def sheet(self, outline: list[_Point]) -> None:
        """The metal itself; everything else is paint on it."""
        ImageDraw.Draw(self.coverage).polygon(self._pixels(outline), fill=255)

    def fill(self, outline: list[_Point], colour: _Colour) -> None:
        ImageDraw.Draw(self.face).polygon(self._pixels(outline), fill=colour)

    def stroke(self, line: list[_Point], width: float, colour: _Colour) -> None:
        """A smooth line of even width with flat ends."""
        # Pillow's own wide lines leave cracks between short pieces.
        points = np.array(line)
        along = np.gradient(points, axis=0)
        across = along[:, ::-1] * (-1, 1) * width / 2 / np.hypot(*along.T)[:, None]
        edges = zip((points - across).tolist(), (points + across).tolist(), strict=True)
        for (a, b), (c, d) in itertools.pairwise(edges):
            self.fill([a, b, d, c], colour)

    def _pixels(self, points: list[_Point]) -> list[_Point]:
        return [((x + 1) * self._half - 0.5, (y + 1) * self._half - 0.5) for x, y in points]


def _stop(pen: _Pen) -> None:
    pen.sheet(_octagon(1.0))
    pen.fill(_octagon(0.985), _WHITE)
    pen.fill(_octagon(0.905), _RED)
    _letters_stop(pen)


def _no_overtaking(pen: _Pen) -> None:
    _prohibition(pen)
    _car(pen, -0.325, _RED)
    _car(pen, 0.325, _BLACK)


def _speed_limit(*digits: Callable[[_Pen, float], None]) -> Callable[[_Pen], None]:
    def face(pen: _Pen) -> None:
        _prohibition(pen)
        for place, digit in enumerate(digits):
            digit(pen, (place - (len(digits) - 1) / 2) * _DIGIT_STEP)

    return face


def _prohibition(pen: _Pen) -> None:
    """The white disc with the red ring."""
    pen.sheet(_disc(1.0))
    pen.fill(_disc(0.985), _WHITE)
    pen.fill(_disc(0.94), _RED)
    pen.fill(_disc(0.69), _WHITE)


def _car(pen: _Pen, x: float, colour: _Colour) -> None:
    """A car seen from behind."""

    def mirrored(right: list[_Point]) -> list[_Point]:
        return [(x + u, v) for u, v in right] + [(x - u, v) for u, v in reversed(right)]

    body = [(0.19, -0.225), (0.205, -0.215), (0.275, -0.085), (0.275, 0.10), (0.26, 0.115)]
    pen.fill(mirrored(body), colour)
    pen.fill(mirrored([(0.175, -0.188), (0.225, -0.09)]), _WHITE)
    for wheel in (x - 0.205, x + 0.205):
        pen.stroke([(wheel, 0.10), (wheel, 0.15)], 0.056, colour)
        pen.fill(_arc(wheel, 0.165, 0.048, 0, 360), colour)


# Letters and digits after DIN 1451: narrow, strokes of one width, arcs joined by straight lines.
_DIGIT_HEIGHT, _DIGIT_WIDTH, _DIGIT_STEP, _STROKE = 0.78, 0.44, 0.545, 0.115


def _zero(pen: _Pen, x: float) -> None:
    bottom = (_DIGIT_HEIGHT - _STROKE) / 2
    pen.stroke(_stadium(x, _DIGIT_WIDTH - _STROKE, -bottom, bottom), _STROKE, _BLACK)


def _five(pen: _Pen, x: float) -> None:
    left, right, half = x - _DIGIT_WIDTH / 2, x + _DIGIT_WIDTH / 2, _DIGIT_HEIGHT / 2
    bar, radius = -half + _STROKE / 2, (_DIGIT_WIDTH - _STROKE) / 2
    pen.stroke([(left, bar), (right - 0.03, bar)], _STROKE, _BLACK)
    stem = left + _STROKE
    pen.fill([(left, -half), (stem, -half), (stem, 0), (x - 0.08, 0.05), (left, 0.05)], _BLACK)
    bowl = _arc(x, 0.12, radius, -140, 0) + _arc(x, half - _STROKE / 2 - radius, radius, 0, 160)
    pen.stroke(bowl, _STROKE, _BLACK)


def _seven(pen: _Pen, x: float) -> None:
    left, right, half = x - _DIGIT_WIDTH / 2, x + _DIGIT_WIDTH / 2, _DIGIT_HEIGHT / 2
    slanted, foot, knee = 1.08 * _STROKE, left + 0.10, -half + _STROKE
    outline = [(left, -half), (right, -half), (right, knee + 0.02), (foot + slanted, half), (foot, half)]
    pen.fill([*outline, (right - slanted, knee), (left, knee)], _BLACK)


def _letters_stop(pen: _Pen) -> None:
    top, bottom, radius = -0.335, 0.335, 0.11
    first, last = top + _STROKE / 2, bottom - _STROKE / 2
    upper, lower = first + radius, last - radius
    turns = [math.pi * step / 24 for step in range(25)]
    waist = [(-0.575 - radius * math.cos(t), upper + (lower - upper) * t / math.pi) for t in turns]
    s = _arc(-0.575, upper, radius, -5, -175) + waist + _arc(-0.575, lower, radius, 5, 175)
    bend = _arc(0.56, first + 0.142, 0.142, -90, 90)
    p = [(0.45, first), *bend, (0.45, bend[-1][1])]
    o = _stadium(0.205, 2 * radius, first, last)
    bars = [(-0.36, first), (-0.02, first)], [(-0.19, top), (-0.19, bottom)], [(0.50, top), (0.50, bottom)]
    for line in (s, o, p, *bars):
        pen.stroke(line, _STROKE, _WHITE)


def _stadium(x: float, width: float, top: float, bottom: float) -> list[_Point]:
    """The middle line of the 0 and the O, its start repeated so that it closes."""
    radius = width / 2
    ring = _arc(x, top + radius, radius, -180, 0) + _arc(x, bottom - radius, radius, 0, 180)
    return [*ring, *ring[:2]]


def _disc(radius: float) -> list[_Point]:
    return _arc(0, 0, radius, 0, 360)


def _octagon(half_width: float) -> list[_Point]:
    corner, turns = half_width / math.cos(math.pi / 8), [math.pi * (side + 0.5) / 4 for side in range(8)]
    return [(corner * math.cos(turn), corner * math.sin(turn)) for turn in turns]


def _arc(x: float, y: float, radius: float, start: float, end: float) -> list[_Point]:
    """Points from start to end in degrees; 0 is to the right, 90 down."""
    steps = max(8, round(abs(end - start) / 3))
    turns = [math.radians(start + (end - start) * step / steps) for step in range(steps + 1)]
    return [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns]


def _placed(pen: _Pen, size: int, drawn: random.Random) -> tuple[Image.Image, Image.Image]:
    """Face and coverage as the camera sees them: a little turned, seen a little from the side."""
    turn = math.radians(drawn.uniform(-4, 4))
    height = drawn.uniform(0.78, 0.82)
    width = height * drawn.uniform(0.95, 1.0)
    pixels, cosine, sine = size * _SUPERSAMPLING, math.cos(turn), math.sin(turn)
    x, y = (pixels * drawn.uniform(0.49, 0.51) for _ in range(2))
    a, b, d, e = cosine / width, sine / width, -sine / height, cosine / height
    inverse = (a, b, pixels / 2 - a * x - b * y, d, e, pixels / 2 - d * x - e * y)

    def seen(flat: Image.Image, beside: int | _Colour) -> Image.Image:
        smooth = Image.Resampling.BILINEAR
        turned = flat.transform(flat.size, Image.Transform.AFFINE, inverse, smooth, fillcolor=beside)
        return turned.reduce(_SUPERSAMPLING)

    return seen(pen.face, _EDGE), seen(pen.coverage, 0)


def _scenery(size: int, drawn: random.Random) -> Image.Image:
    """Sky, trees or a house with bushes, all out of focus, and the sign's post."""
    pixels = size * 2
    canvas = _sky(pixels, drawn)
    draw = ImageDraw.Draw(canvas)
    if drawn.random() < 0.35:
        _house(draw, pixels, drawn)
        _foliage(draw, pixels, drawn, drawn.uniform(0.15, 0.3))
    else:
        _foliage(draw, pixels, drawn, drawn.uniform(0.4, 1.1))
    canvas = canvas.filter(ImageFilter.GaussianBlur(pixels * drawn.uniform(0.003, 0.010)))
    _post(ImageDraw.Draw(canvas), pixels, drawn)
    return canvas.reduce(2)


def _sky(pixels: int, drawn: random.Random) -> Image.Image:
    blue = drawn.random()
    high, low = _mixed((205, 212, 220), (112, 152, 205), blue), _mixed((236, 238, 240), (205, 220, 236), blue)
    column = Image.new("RGB", (1, 32))
    column.putdata([_mixed(high, low, row / 31) for row in range(32)])
    return column.resize((pixels, pixels), Image.Resampling.BICUBIC)


def _house(draw: ImageDraw.ImageDraw, pixels: int, drawn: random.Random) -> None:
    wall = _mixed((196, 182, 158), (158, 104, 82), drawn.random())
    left = -0.1 if drawn.random() < 0.5 else drawn.uniform(0.55, 0.75)
    right, top = left + drawn.uniform(0.35, 0.55), drawn.uniform(0.1, 0.35)
    outline = [(left, 1.0), (left, top), ((left + right) / 2, top - 0.16), (right, top), (right, 1.0)]
    draw.polygon([(x * pixels, y * pixels) for x, y in outline], fill=wall)
    for row, column in itertools.product(range(3), repeat=2):
        x, y = left + 0.05 + column * 0.17, top + 0.06 + row * 0.25
        draw.rectangle([v * pixels for v in (x, y, x + 0.09, y + 0.14)], fill=(74, 80, 88))


def _foliage(draw: ImageDraw.ImageDraw, pixels: int, drawn: random.Random, height: float) -> None:
    """Leaves from the ground to about ``height``: large dark clumps first, small bright ones over them."""
    autumn, wave = drawn.random() ** 2, drawn.uniform(0, 6)
    dark, light = _mixed((24, 36, 22), (46, 36, 22), autumn), _mixed((140, 168, 92), (190, 146, 84), autumn)
    count = 1800
    for step in range(count):
        x, late = drawn.random(), step / count
        top = 1 - height + 0.10 * math.sin(5 * x + wave) + 0.04 * math.sin(17 * x + 2 * wave)
        y = top + (1.05 - top) * drawn.random()
        wide, high = (drawn.uniform(0.5, 1) * (0.007 + 0.065 * (1 - late) ** 4) for _ in range(2))
        colour = _mixed(dark, light, drawn.random() ** 1.5 * (0.15 + 0.85 * late))
        draw.ellipse([v * pixels for v in (x - wide, y - high, x + wide, y + high)], fill=colour)


def _post(draw: ImageDraw.ImageDraw, pixels: int, drawn: random.Random) -> None:
    middle = 0.5 + drawn.uniform(-0.01, 0.01)
    for stripe in range(9):
        light = math.sin(math.pi * (stripe + 1) / 10)
        x = middle - 0.035 + 0.07 * stripe / 9
        colour = _mixed((84, 88, 92), (178, 180, 182), light)
        draw.rectangle([x * pixels, 0.5 * pixels, (x + 0.07 / 9) * pixels, pixels], fill=colour)


def _mixed(first: _Colour, second: _Colour, share: float) -> _Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _lit(face: Image.Image, drawn: random.Random) -> Image.Image:
    """Light that falls from one side, and a little dirt."""
    towards, strength = drawn.uniform(-math.pi, 0), drawn.uniform(0.05, 0.16)
    spots = Image.frombytes("L", (7, 7), drawn.randbytes(49)).resize(face.size, Image.Resampling.BICUBIC)
    y, x = np.mgrid[-1 : 1 : face.height * 1j, -1 : 1 : face.width * 1j]
    light = 1 + strength * (x * math.cos(towards) + y * math.sin(towards))
    light += (np.asarray(spots, dtype=np.float64) - 128) / 128 * 0.035
    return _image(np.asarray(face, dtype=np.float64) * light[..., None])


def _photographed(image: Image.Image, drawn: random.Random) -> Image.Image:
    """Exposure, colour cast, slight blur and sensor noise."""
    exposure, warmth, haze = drawn.uniform(0.78, 1.06), drawn.uniform(-0.04, 0.04), drawn.uniform(2, 16)
    image = image.filter(ImageFilter.GaussianBlur(image.width * drawn.uniform(0.003, 0.006)))
    pixels = np.asarray(image, dtype=np.float64) * exposure * np.array([1 + warmth, 1, 1 - warmth])
    pixels = haze + pixels * (1 - haze / 255)
    grain = np.frombuffer(drawn.randbytes(pixels.size * 2), dtype=np.uint8).reshape(2, *pixels.shape)
    return _image(pixels + (grain.astype(np.float64).sum(axis=0) - 255) / 255 * 5)


def _image(pixels: NDArray[np.float64]) -> Image.Image:
    return Image.fromarray(np.rint(pixels.clip(0, 255)).astype(np.uint8))


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


_FACES: dict[int, Callable[[_Pen], None]] = {
    2: _speed_limit(_five, _zero),
    4: _speed_limit(_seven, _zero),
    9: _no_overtaking,
    14: _stop,
}
