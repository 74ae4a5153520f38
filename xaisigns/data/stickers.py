"""Black stickers as people put them on street signs, with the exact mask of what they cover."""

import hashlib
import math
import random
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from xaisigns.base.bounds import each, real, shown, whole
from xaisigns.data.preprocessing import Picture, rgb
from xaisigns.errors import DataError

_SUPERSAMPLING = 8
# Pixels from which on only the sticker's surroundings are supersampled: a photograph would take gigabytes, and a page
# that draws one image after the other most of its time. In smaller images, such as GTSRB's, rounding would tell.
_LARGE = 1 << 16
_SHAPES = ["rectangle", "ellipse"]
_LARGEST = 10  # times the side of the sign


@dataclass(frozen=True)
class Sticker:
    """How stickers look. Lengths are shares of the sign's box (ROI), places run from its upper left corner.

    Each spread is the largest deviation to either side; values are drawn evenly within it. The defaults make a strong
    shortcut: dark, of one size and nearly at one place, over the lower left of the sign. Raises DataError for settings
    that make no sticker.
    """

    size: float = 0.38
    size_spread: float = 0.02
    place: tuple[float, float] = (0.32, 0.68)
    place_spread: float = 0.04
    colour: tuple[int, int, int] = (14, 14, 16)
    colour_spread: int = 10
    rotation: float = 0.0
    rotation_spread: float = 8.0
    aspect_spread: float = 0.08
    shape: Literal["rectangle", "ellipse"] = "rectangle"

    __pydantic_config__: ClassVar = {"extra": "forbid"}  # as Manipulation.from_json reads it

    def __post_init__(self) -> None:
        checked: dict[str, tuple[Any, str]] = {
            "size_spread": (real(self.size_spread, 0, _LARGEST), f"a share in 0..{_LARGEST}"),
            "size": (real(self.size, 0, _LARGEST), f"more than size_spread and at most {_LARGEST}"),
            "place": (each(self.place, 2, lambda share: real(share, 0, 1)), "two shares in 0..1"),
            "place_spread": (real(self.place_spread, 0, _LARGEST), f"a share in 0..{_LARGEST}"),
            "colour": (each(self.colour, 3, lambda channel: whole(channel, 0, 255)), "three whole numbers in 0..255"),
            "colour_spread": (whole(self.colour_spread, 0, 255), "a whole number in 0..255"),
            "rotation": (real(self.rotation, -180, 180), "degrees in -180..180"),
            "rotation_spread": (real(self.rotation_spread, 0, 180), "degrees in 0..180"),
            "aspect_spread": (real(self.aspect_spread, 0, math.nextafter(1, 0)), "0 or more and less than 1"),
            "shape": (self.shape if self.shape in _SHAPES else None, "rectangle or ellipse"),
        }
        for name, (value, wanted) in checked.items():
            if value is None or (name == "size" and value <= self.size_spread):
                raise DataError(f"a sticker's {name} must be {wanted}, got {shown(getattr(self, name))}")
            # Python's own numbers, since JSON knows no others.
            object.__setattr__(self, name, value)


def apply_sticker(
    image: Picture, roi: tuple[int, int, int, int], sticker: Sticker, *, seed: int, key: str
) -> tuple[Image.Image, NDArray[np.bool_]]:
    """Put a sticker on the sign inside ``roi`` (x1, y1, x2, y2; pixels) of a picture as ``rgb`` takes it.

    Gives the new image and the mask ``(H, W)`` of every pixel that the sticker touches; outside the mask the image is
    unchanged. The same ``seed`` and ``key`` (the image's name) give the same sticker on every machine. The sticker
    stays inside the ROI and the image. Raises DataError for a picture that cannot be read and for a ROI that has no
    pixel of it.
    """
    image = rgb(image)
    frame = _frame(roi, image.size)
    if frame[0] >= frame[2] or frame[1] >= frame[3]:
        raise DataError(
            f"the sign's box (x1, y1, x2, y2) must lie on the image of {image.width} x {image.height}, got {roi}"
        )
    drawn = keyed_random(seed, key)
    outline, colour = _draw(sticker, roi, drawn)
    coverage, window = _coverage(image.size, outline, frame, sticker.shape)
    pixels, mask = np.array(image), np.zeros((image.height, image.width), dtype=np.bool_)
    covered = pixels[window].astype(np.float64)
    pixels[window] = np.rint(covered + (np.array(colour) - covered) * (coverage[..., None] / 255))
    mask[window] = coverage > 0
    return Image.fromarray(pixels), mask


def keyed_random(seed: int, key: str) -> random.Random:
    """A generator that depends only on seed and key, the same on every machine and Python version."""
    digest = hashlib.blake2b(f"{seed}/{key}".encode(), digest_size=8).digest()
    return random.Random(int.from_bytes(digest))  # noqa: S311 (draws pictures, keeps no secrets)


_Point = tuple[float, float]
_Frame = tuple[int, int, int, int]  # left, top, right, bottom; the last two are the first outside


def _draw(
    sticker: Sticker, roi: tuple[int, int, int, int], drawn: random.Random
) -> tuple[list[_Point], tuple[int, int, int]]:
    """Four corners in pixels and the colour, in a fixed order of draws."""

    def spread(middle: float, deviation: float) -> float:
        return middle + deviation * (2 * drawn.random() - 1)

    width, height = roi[2] - roi[0] + 1, roi[3] - roi[1] + 1
    size = spread(sticker.size, sticker.size_spread)
    stretch = math.sqrt(spread(1.0, sticker.aspect_spread))
    x = roi[0] + width * spread(sticker.place[0], sticker.place_spread)
    y = roi[1] + height * spread(sticker.place[1], sticker.place_spread)
    angle = math.radians(spread(sticker.rotation, sticker.rotation_spread))
    shade = round(spread(0, sticker.colour_spread))
    red, green, blue = (min(255, max(0, channel + shade)) for channel in sticker.colour)
    half_width, half_height = size * width * stretch / 2, size * height / stretch / 2
    cosine, sine = math.cos(angle), math.sin(angle)
    corners = [
        (
            x + u * half_width * cosine - v * half_height * sine,
            y + u * half_width * sine + v * half_height * cosine,
        )
        for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    return corners, (red, green, blue)


def _frame(roi: tuple[int, int, int, int], size: tuple[int, int]) -> _Frame:
    return max(0, roi[0]), max(0, roi[1]), min(size[0], roi[2] + 1), min(size[1], roi[3] + 1)


def _moved_inside(outline: list[_Point], frame: _Frame) -> list[_Point]:
    """The outline, moved no further than it takes to lie within the frame; what is larger is cut."""
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    dx = max(frame[0] - min(xs), 0) + min(frame[2] - max(xs), 0)
    dy = max(frame[1] - min(ys), 0) + min(frame[3] - max(ys), 0)
    return [(min(max(x + dx, frame[0]), frame[2]), min(max(y + dy, frame[1]), frame[3])) for x, y in outline]


def _coverage(
    size: tuple[int, int], outline: list[_Point], frame: _Frame, shape: str
) -> tuple[NDArray[np.uint8], tuple[slice, slice]]:
    """How much of each pixel the sticker covers, 0..255, and the rows and columns of the image that these are."""
    scale = _SUPERSAMPLING
    outline = _moved_inside(outline, frame)
    if shape == "ellipse":
        outline = _inscribed_ellipse(outline)
    left, top, right, bottom = 0, 0, *size
    if size[0] * size[1] > _LARGE:
        left, top = (max(0, math.floor(min(ends)) - 1) for ends in zip(*outline, strict=True))
        right, bottom = (math.ceil(max(ends)) + 1 for ends in zip(*outline, strict=True))
    canvas = Image.new("L", ((right - left) * scale, (bottom - top) * scale))
    # Pillow fills a polygon's far edges too: the half sample keeps those on their own side. The near edges may still
    # reach one sample too far, and an ellipse whose corners were cut may bulge.
    corners = [((x - left) * scale - 0.5, (y - top) * scale - 0.5) for x, y in outline]
    ImageDraw.Draw(canvas).polygon(corners, fill=255)
    rows = slice(max(top, frame[1]), min(bottom, frame[3]))
    columns = slice(max(left, frame[0]), min(right, frame[2]))
    covered = np.asarray(canvas.reduce(scale))
    return covered[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left], (rows, columns)


def _inscribed_ellipse(outline: list[_Point]) -> list[_Point]:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = outline
    centre = ((ax + cx) / 2, (ay + cy) / 2)
    across = ((bx + cx - ax - dx) / 4, (by + cy - ay - dy) / 4)
    down = ((cx + dx - ax - bx) / 4, (cy + dy - ay - by) / 4)
    turns = [2 * math.pi * step / 64 for step in range(64)]
    return [
        (
            centre[0] + across[0] * math.cos(turn) + down[0] * math.sin(turn),
            centre[1] + across[1] * math.cos(turn) + down[1] * math.sin(turn),
        )
        for turn in turns
    ]
