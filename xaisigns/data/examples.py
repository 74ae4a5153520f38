"""The four signs of the use case as the package draws them: the pictures in examples/signs."""

from PIL import Image, ImageEnhance, ImageFilter

from xaisigns.data.rendered import draw_sign
from xaisigns.data.stickers import Sticker, apply_sticker

_SIZE = 128
_DRAWN = {"stop": (14, 36), "no-overtaking": (9, 13), "speed-50": (2, 10)}  # name: class, seed


def example_signs() -> dict[str, Image.Image]:
    """Stop, no overtaking, 50, and the same 50 with a black sticker: RGB images of 128 pixels, by file name."""
    drawn = {name: draw_sign(class_id, _SIZE, seed) for name, (class_id, seed) in _DRAWN.items()}
    signs = {name: _distant(sign.image) for name, sign in drawn.items()}
    key = "speed-50"
    stickered, _ = apply_sticker(signs[key], drawn[key].roi, Sticker(), seed=0, key=key)
    return {**signs, "speed-50-sticker": stickered}


def _distant(image: Image.Image) -> Image.Image:
    """Softer and paler, as most of GTSRB's pictures are: taken from a moving car, through some air."""
    return ImageEnhance.Contrast(image.filter(ImageFilter.GaussianBlur(1.0))).enhance(0.6)
