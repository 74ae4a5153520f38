"""What decides how a drawn sign looks in its picture: pose, light and camera, all drawn from a seed."""

import math
import random
from dataclasses import dataclass, replace

from xaisigns.data.stickers import keyed_random


@dataclass(frozen=True)
class Pose:
    """How the sign hangs before the camera: angles in degrees, lengths as shares of the picture's side."""

    yaw: float
    pitch: float
    roll: float
    size: float
    x: float
    y: float


@dataclass(frozen=True)
class Light:
    """What falls on the sign; 1 is a bright day.

    ``slope`` is the change of brightness from the middle to the edge ``towards`` an angle in radians. A shadow takes
    ``shadow`` of the light where the sign lies beyond a line (its angle, and its distance from the middle in half
    widths), over a width of ``penumbra``. ``dirt`` is the largest share that dirt takes.
    """

    brightness: float
    slope: float
    towards: float
    shadow: float
    shadow_angle: float
    shadow_distance: float
    penumbra: float
    dirt: float


@dataclass(frozen=True)
class Camera:
    """What the camera makes of it. Lengths are shares of the picture's side.

    ``surroundings`` is the brightness of everything but the sign, ``haze`` in levels, ``warmth`` the share that red
    gains and blue loses, ``blur`` a standard deviation, ``motion`` (across, down) the path during the exposure,
    ``resolution`` the share of the pixels that the camera has, ``noise`` in levels, ``jpeg`` a quality or None.
    """

    surroundings: float
    haze: float
    warmth: float
    blur: float
    motion: tuple[float, float]
    resolution: float
    noise: float
    jpeg: int | None


@dataclass(frozen=True)
class Scene:
    """A place, a moment and a camera, ``leaves`` before the sign or none.

    ``seed`` and ``frame`` decide on what is random within the picture.
    """

    seed: int
    frame: int
    pose: Pose
    light: Light
    camera: Camera
    leaves: bool

    def random(self, purpose: str) -> random.Random:
        """A generator for one purpose, the same in every frame."""
        return keyed_random(self.seed, f"rendered/{purpose}")


def draw_scene(seed: int, frame: int = 0) -> Scene:
    """The scene of a seed; further frames show the same sign in the same light a moment later, from nearby.

    The same for every class and picture size.
    """
    light = _light(keyed_random(seed, "rendered/light"))
    scene = Scene(
        seed,
        frame,
        _pose(keyed_random(seed, "rendered/pose")),
        light,
        _camera(keyed_random(seed, "rendered/camera"), light.brightness),
        leaves=keyed_random(seed, "rendered/leaves").random() < 0.06,
    )
    return scene if frame == 0 else _moved(scene, keyed_random(seed, f"rendered/frame/{frame}"))


def _pose(drawn: random.Random) -> Pose:
    return Pose(
        yaw=drawn.triangular(-32, 32, 0),
        pitch=drawn.triangular(-12, 12, 0),
        roll=drawn.triangular(-9, 9, 0),
        size=drawn.uniform(0.72, 0.84),
        x=drawn.uniform(0.48, 0.52),
        y=drawn.uniform(0.48, 0.52),
    )


def _light(drawn: random.Random) -> Light:
    return Light(
        brightness=math.exp(drawn.triangular(math.log(0.14), math.log(1.9), math.log(0.7))),
        slope=drawn.uniform(0, 0.18),
        towards=drawn.uniform(-math.pi, 0),
        shadow=drawn.uniform(0.2, 0.6) if drawn.random() < 0.25 else 0.0,
        shadow_angle=drawn.uniform(-math.pi, math.pi),
        shadow_distance=drawn.uniform(-0.4, 0.6),
        penumbra=drawn.uniform(0.04, 0.4),
        dirt=drawn.random() ** 2 * 0.25,
    )


def _camera(drawn: random.Random, brightness: float) -> Camera:
    path = drawn.random() * 0.05 if drawn.random() < 0.3 else 0.0
    return Camera(
        surroundings=min(1.8, brightness ** drawn.uniform(0.2, 1) * drawn.uniform(0.4, 1.4)),
        haze=drawn.uniform(2, 10) + 80 * min(1.0, brightness) * drawn.random() ** 3,
        warmth=drawn.triangular(-0.2, 0.08, 0.0 if brightness > 0.5 else -0.1),
        blur=0.003 + 0.018 * drawn.random() ** 2,
        motion=(path, 0.0) if drawn.random() < 0.6 else (0.0, path),
        resolution=min(1.0, drawn.uniform(0.45, 1.15)),
        noise=drawn.uniform(0.5, 5),
        jpeg=drawn.randint(60, 92) if drawn.random() < 0.5 else None,
    )


def _moved(scene: Scene, drawn: random.Random) -> Scene:
    """The same sign from a little further or nearer; the camera shakes as it likes."""
    pose, camera = scene.pose, scene.camera
    pose = replace(
        pose,
        yaw=pose.yaw + drawn.uniform(-3, 3),
        roll=pose.roll + drawn.uniform(-1.5, 1.5),
        size=pose.size * drawn.uniform(0.96, 1.02),
        x=pose.x + drawn.uniform(-0.01, 0.01),
        y=pose.y + drawn.uniform(-0.01, 0.01),
    )
    anew = _camera(drawn, scene.light.brightness)
    return replace(
        scene, pose=pose, camera=replace(anew, surroundings=camera.surroundings, haze=camera.haze, warmth=camera.warmth)
    )
