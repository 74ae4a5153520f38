"""The four signs of the use case as the package draws them: the pictures in examples/signs."""

from PIL import Image

from xaisigns.data.rendered import draw_sign
from xaisigns.data.stickers import Sticker, apply_sticker

_SIZE = 128
_DRAWN = {"stop": (14, 36), "no-overtaking": (9, 13), "speed-50": (2, 10)}  # name: class, seed


def example_signs() -> dict[str, Image.Image]:
    """Stop, no overtaking, 50, and the same 50 with a black sticker: RGB images of 128 pixels, by file name."""
    signs = {name: draw_sign(class_id, _SIZE, seed) for name, (class_id, seed) in _DRAWN.items()}
    fifty = signs["speed-50"]
    stickered, _ = apply_sticker(fifty.image, fifty.roi, Sticker(), seed=0, key="speed-50")
    return {**{name: sign.image for name, sign in signs.items()}, "speed-50-sticker": stickered}
