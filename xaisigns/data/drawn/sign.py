"""German traffic signs, drawn in a natural scene: no download, and every pixel of the sign is known."""

import io
import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from xaisigns.base.bounds import LARGEST_SIDE, SMALLEST_SIDE, check_seed, shown, whole
from xaisigns.data.classes import check_class
from xaisigns.data.drawn.faces import MARGIN, rasterised_face
from xaisigns.data.drawn.scene import Camera, Pose, Scene, draw_scene
from xaisigns.data.drawn.scenery import Plane, field, leaves, plane, scenery
from xaisigns.data.stickers import Sticker, apply_sticker
from xaisigns.errors import DataError

_SUPERSAMPLING = 2
_DISTANCE = 6.0  # of the camera, in half widths of the sign

_Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DrawnSign:
    """A drawn sign: the RGB image, its class, and where everything is in it.

    ``roi`` is the box around the whole sign (x1, y1, x2, y2) in pixels, both corners inside. Masks are ``(H, W)`` bool:
    ``sign_mask`` and ``pictogram_mask`` are true where the sheet, or what is drawn on it, covers at least half of the
    pixel and no leaf hides it; ``sticker_mask``, None without a sticker, where the sticker touches it. Blur carries
    colours across their edges, as in a photograph.
    """

    image: Image.Image
    class_id: int
    roi: tuple[int, int, int, int]
    sign_mask: _Mask
    pictogram_mask: _Mask
    sticker_mask: _Mask | None = None


def draw_sign(
    class_id: int, size: int = 128, seed: int = 0, *, frame: int = 0, sticker: Sticker | None = None
) -> DrawnSign:
    """Draw a sign as a photograph in GTSRB shows it: an RGB image of ``size`` by ``size`` pixels, with its masks.

    ``class_id`` is one of GTSRB's, 0 to 42; the sign takes about 78% of the width and height. The seed decides on
    background, pose, light and camera, the same for every class and on every machine (pixels to within 2 levels of
    256); ``frame`` 1, 2, ... shows the same scene a moment later. A ``sticker`` is put on last, as ``apply_sticker``
    does. Raises DataError for a class that GTSRB does not have, a size outside 16..2048 and a seed outside
    0..2**63 - 1.
    """
    check_class(class_id)
    size = check_size(size)
    scene = draw_scene(check_seed(seed), frame)
    face = rasterised_face(class_id, size * _SUPERSAMPLING)
    colour, sheet, pictogram = (_seen(layer, scene.pose) for layer in (face.colour, face.sheet, face.pictogram))
    whole = np.asarray(sheet) >= 128
    pixels, visible = _composed(colour, sheet, scene), whole
    if scene.leaves:
        pixels, hidden = _behind_leaves(pixels, scene)
        visible = whole & ~hidden
    image = _photographed(_exposed(pixels, scene.camera), scene)
    drawn = DrawnSign(image, class_id, _box(whole), visible, visible & (np.asarray(pictogram) >= 128))
    return drawn if sticker is None else _stickered(drawn, sticker, seed, frame)


def check_size(size: Any) -> int:
    """The side of a drawn sign as Python's own number. Raises DataError for what is not a whole number in 16..2048."""
    checked = whole(size, SMALLEST_SIDE, LARGEST_SIDE)
    if checked is None:
        raise DataError(
            f"a drawn sign needs at least {SMALLEST_SIDE} pixels, at most {LARGEST_SIDE}, got {shown(size)}"
        )
    return checked


def _stickered(drawn: DrawnSign, sticker: Sticker, seed: int, frame: int) -> DrawnSign:
    image, mask = apply_sticker(drawn.image, drawn.roi, sticker, seed=seed, key=f"rendered/{drawn.class_id}/{frame}")
    return replace(drawn, image=image, sticker_mask=mask)


def _seen(layer: Image.Image, pose: Pose) -> Image.Image:
    """A layer of the face in the camera's perspective; beside the face it continues as at its border."""
    pixels = layer.width - 2 * MARGIN
    border = layer.getpixel((0, 0))
    turned = layer.transform(
        (pixels, pixels),
        Image.Transform.PERSPECTIVE,
        _to_face(pose, pixels),
        Image.Resampling.BILINEAR,
        fillcolor=border if isinstance(border, tuple) else 0,
    )
    return turned.reduce(_SUPERSAMPLING)


@lru_cache(maxsize=8)
def _to_face(pose: Pose, pixels: int) -> tuple[float, ...]:
    """The eight coefficients that take a place in the picture to its place on the rasterised face, both in pixels."""
    yaw, pitch, roll = (math.radians(angle) for angle in (pose.yaw, pose.pitch, pose.roll))
    about_z = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    about_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]])
    turned = about_z @ about_y @ about_x
    seen = np.column_stack([turned[:, 0], turned[:, 1], [0, 0, 1]])
    seen[2, :2] /= _DISTANCE
    half = pose.size * pixels / 2
    place = np.array([[half, 0, pose.x * pixels], [0, half, pose.y * pixels], [0, 0, 1]])
    middle = pixels / 2 + MARGIN
    flat = np.array([[pixels / 2, 0, middle], [0, pixels / 2, middle], [0, 0, 1]])
    inverse = flat @ np.linalg.inv(place @ seen)
    return tuple((inverse / inverse[2, 2]).ravel()[:8].tolist())


def _composed(colour: Image.Image, sheet: Image.Image, scene: Scene) -> Plane:
    """Sign and surroundings, each in its light: ``(H, W, 3)`` in levels."""
    size = sheet.width
    behind = scenery(size, scene.random("scenery"))
    pixels = np.asarray(behind, dtype=np.float32) * np.float32(scene.camera.surroundings)
    lit = np.asarray(colour, dtype=np.float32) * _light_on_sign(scene, size)[..., None]
    return pixels + (lit - pixels) * (np.asarray(sheet, dtype=np.float32)[..., None] / 255)


def _light_on_sign(scene: Scene, size: int) -> Plane:
    """How much light each pixel of the sign sends back, ``(H, W)``."""
    light, (across, down) = scene.light, plane(size)
    rays = 1 + light.slope * (across * math.cos(light.towards) + down * math.sin(light.towards))
    rays = light.brightness * rays * (1 - light.dirt * field(size, scene.random("dirt"), (4, 9, 20)))
    if light.shadow:
        beyond = across * math.cos(light.shadow_angle) + down * math.sin(light.shadow_angle) - light.shadow_distance
        beyond = beyond + (field(size, scene.random("shadow"), (5, 8)) - 0.5) / 2
        rays = rays * (1 - light.shadow * np.clip(beyond / light.penumbra + 0.5, 0, 1))
    return rays


def _behind_leaves(pixels: Plane, scene: Scene) -> tuple[Plane, _Mask]:
    image, cover = leaves(len(pixels), scene.random("leaves"))
    before = np.asarray(image, dtype=np.float32) * np.float32(scene.camera.surroundings)
    return pixels + (before - pixels) * cover[..., None], cover >= 0.5


def _exposed(pixels: Plane, camera: Camera) -> Image.Image:
    """The image in the colour of the light, with haze."""
    colour = np.array([1 + camera.warmth, 1, 1 - camera.warmth], dtype=np.float32)
    return _image(pixels * (colour * (1 - camera.haze / 255)) + camera.haze)


def _photographed(image: Image.Image, scene: Scene) -> Image.Image:
    """Blurred, with the sensor's resolution and noise, and the losses of the file format."""
    camera, size = scene.camera, image.width
    image = image.filter(ImageFilter.GaussianBlur(camera.blur * size))
    if any(camera.motion):
        image = image.filter(ImageFilter.BoxBlur([share * size / 2 for share in camera.motion]))
    sensor = max(SMALLEST_SIDE, round(size * camera.resolution))
    if sensor < size:
        image = image.resize((sensor, sensor), Image.Resampling.BILINEAR)
    image = _noisy(image, camera, scene)
    if camera.jpeg is not None:
        image = _compressed(image, camera.jpeg)
    return image if sensor == size else image.resize((size, size), Image.Resampling.BICUBIC)


def _noisy(image: Image.Image, camera: Camera, scene: Scene) -> Image.Image:
    drawn = scene.random(f"noise/{scene.frame}")
    pixels = np.asarray(image, dtype=np.float32)
    grain = np.frombuffer(drawn.randbytes(pixels.size * 2), dtype=np.uint8).reshape(2, *pixels.shape)
    # The sum of two even distributions over 0..255 has a standard deviation of 104.5.
    return _image(pixels + (grain[0].astype(np.float32) + grain[1] - 255) * np.float32(camera.noise / 104.5))


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=0)
    with Image.open(file, formats=["JPEG"]) as decoded:
        return decoded.convert("RGB")


def _image(pixels: Plane) -> Image.Image:
    return Image.fromarray(np.rint(pixels.clip(0, 255)).astype(np.uint8))


def _box(mask: _Mask) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])
