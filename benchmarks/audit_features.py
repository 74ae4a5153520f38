"""What the audit's bench plants: stickers, and three features of the whole image that no window explains."""

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from xaisigns.data.image_set import Sample
from xaisigns.data.preprocessing import read_image, resize
from xaisigns.data.stickers import Sticker, apply_sticker

RGB = tuple[int, int, int]
COLOURS: dict[str, RGB] = {
    "black": (14, 14, 16),
    "white": (238, 238, 234),
    "yellow": (238, 202, 28),
    "blue": (28, 62, 190),
    "green": (40, 150, 62),
    "orange": (240, 120, 20),
    "magenta": (200, 30, 140),
    "grey": (128, 128, 130),
}


@dataclass(frozen=True)
class Feature:
    """What is put on images: of what kind, and in what colour.

    A sticker has a shape, a ``place`` and a ``size`` in shares of the sign's box. Of a tint ``size`` is how far each
    pixel goes to the colour, of a border its width as a share of the image's side, of JPEG the quality.
    """

    kind: Literal["sticker", "tint", "border", "jpeg"]
    colour: str = "black"
    size: float = 0.3
    place: tuple[float, float] = (0.32, 0.68)
    shape: Literal["rectangle", "ellipse"] = "rectangle"

    def put_on(self, sample: Sample, size: int, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """The sample's image with the feature, drawn at full size and then brought to ``(size, size, 3)`` uint8."""
        image = read_image(sample.path)
        if self.kind == "sticker":
            look = Sticker(size=self.size, place=self.place, colour=COLOURS[self.colour], shape=self.shape)
            image, _ = apply_sticker(image, sample.box(image), look, seed=seed, key=sample.key)
        elif self.kind == "tint":
            image = Image.blend(image, Image.new("RGB", image.size, COLOURS[self.colour]), self.size)
        elif self.kind == "border":
            image = _framed(image, COLOURS[self.colour], self.size)
        else:
            image = _compressed(image, round(self.size))
        return resize(image, size)


def _framed(image: Image.Image, colour: RGB, share: float) -> Image.Image:
    across, down = (max(1, round(share * side)) for side in image.size)
    framed = Image.new("RGB", image.size, colour)
    framed.paste(image.crop((across, down, image.width - across, image.height - down)), (across, down))
    return framed


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")
