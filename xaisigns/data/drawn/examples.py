"""Pictures that the package draws of its own signs: examples/signs and the gallery of the README."""

import itertools
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from xaisigns.base.cache_folder import PICTURE_MARK, PICTURES, cache_folder
from xaisigns.base.files import whole_file
from xaisigns.data.classes import CLASSES
from xaisigns.data.drawn.scene import Scene, draw_scene
from xaisigns.data.drawn.sign import draw_sign
from xaisigns.data.stickers import Sticker, apply_sticker

_SIZE = 128
_DRAWN = {"stop": (14, 126), "no-overtaking": (9, 151), "speed-50": (2, 1132)}  # name: class, seed
_COLUMNS = 9
_LABEL = 22  # pixels below each sign of the gallery


def example_signs() -> dict[str, Image.Image]:
    """Stop, no overtaking, 50, and the same 50 with a black sticker: RGB images of 128 pixels, by file name."""
    signs = {name: draw_sign(class_id, _SIZE, seed) for name, (class_id, seed) in _DRAWN.items()}
    fifty = signs["speed-50"]
    stickered, _ = apply_sticker(fifty.image, fifty.roi, Sticker(), seed=0, key="speed-50")
    return {**{name: sign.image for name, sign in signs.items()}, "speed-50-sticker": stickered}


def example_files() -> list[Path]:
    """The example signs as PNG files in the cache, drawn at each call.

    Raises OutputError when the folder cannot be written.
    """
    files, mark = [], PngInfo()
    mark.add_text(*PICTURE_MARK)
    for name, image in example_signs().items():
        path = cache_folder() / PICTURES / f"{name}.png"
        with whole_file(path) as temporary:
            image.save(temporary, "PNG", pnginfo=mark)
        files.append(path)
    return files


def gallery(size: int = 112) -> Image.Image:
    """All 43 classes in good light, each ``size`` pixels wide and high with its number below (RGB).

    Raises DataError for a size outside 16..2048.
    """
    rows = -(-len(CLASSES) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * size, rows * (size + _LABEL)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(0.7 * _LABEL)
    for class_id in range(len(CLASSES)):
        row, column = divmod(class_id, _COLUMNS)
        corner = column * size, row * (size + _LABEL)
        sheet.paste(draw_sign(class_id, size, _seed_of_a_clear_scene(class_id)).image, corner)
        draw.text((corner[0] + size / 2, corner[1] + size + _LABEL / 2), str(class_id), "black", font, "mm")
    return sheet


def _seed_of_a_clear_scene(class_id: int) -> int:
    return next(seed for seed in itertools.count(10_000 * class_id) if _is_clear(draw_scene(seed)))


def _is_clear(scene: Scene) -> bool:
    light, camera = scene.light, scene.camera
    bright = 0.75 < light.brightness < 1.05 and not light.shadow and not scene.leaves and camera.haze < 20
    sharp = camera.blur < 0.008 and not any(camera.motion) and camera.resolution == 1
    return bright and sharp and camera.noise < 2
