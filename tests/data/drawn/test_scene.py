import math
from dataclasses import replace

import pytest

from xaisigns.data.drawn.scene import draw_scene

SCENES = [draw_scene(seed) for seed in range(400)]


def test_a_seed_gives_one_scene_and_another_seed_another():
    assert draw_scene(3, 2) == draw_scene(3, 2)
    assert len({scene.pose for scene in SCENES}) == len({scene.light for scene in SCENES}) == len(SCENES)


RANGES = {
    "pose": {"yaw": (-32, 32), "pitch": (-12, 12), "roll": (-9, 9), "size": (0.72, 0.84), "x": (0.48, 0.52)},
    "light": {
        "brightness": (0.14, 1.9),
        "slope": (0, 0.18),
        "shadow": (0, 0.6),
        "penumbra": (0.04, 0.4),
        "dirt": (0, 0.25),
    },
    "camera": {
        "surroundings": (0, 1.8),
        "haze": (2, 90),
        "warmth": (-0.2, 0.08),
        "blur": (0.003, 0.021),
        "resolution": (0.45, 1),
        "noise": (0.5, 5),
    },
}


@pytest.mark.parametrize(("part", "name"), [(part, name) for part, names in RANGES.items() for name in names])
def test_what_is_drawn_lies_in_its_range_and_fills_it(part, name):
    low, high = RANGES[part][name]
    values = [getattr(getattr(scene, part), name) for scene in SCENES]
    assert low <= min(values) < max(values) <= high
    assert max(values) - min(values) > (high - low) / 2


def test_every_kind_of_scene_comes():
    cameras = [scene.camera for scene in SCENES]
    assert {camera.jpeg is None for camera in cameras} == {True, False}
    assert {60 <= camera.jpeg <= 92 for camera in cameras if camera.jpeg} == {True}
    assert {(bool(across), bool(down)) for across, down in (camera.motion for camera in cameras)} == {
        (False, False),
        (True, False),
        (False, True),
    }
    assert 0.15 < sum(scene.light.shadow > 0 for scene in SCENES) / len(SCENES) < 0.35
    assert {scene.leaves for scene in SCENES} == {True, False}


@pytest.mark.parametrize("seed", range(5))
def test_further_frames_show_the_same_sign_in_the_same_light_from_nearby(seed):
    first = draw_scene(seed)
    frames = [draw_scene(seed, frame) for frame in range(1, 6)]
    assert len({scene.pose for scene in frames}) == 5
    for scene in frames:
        assert (scene.seed, scene.light, scene.leaves) == (seed, first.light, first.leaves)
        assert (scene.camera.haze, scene.camera.warmth) == (first.camera.haze, first.camera.warmth)
        assert scene.camera.surroundings == first.camera.surroundings
        assert abs(scene.pose.yaw - first.pose.yaw) <= 3
        assert scene.pose.pitch == first.pose.pitch
        assert math.isclose(scene.pose.size, first.pose.size, rel_tol=0.05)


def test_what_is_random_in_a_picture_hangs_on_seed_and_purpose_alone():
    scene = draw_scene(7)
    assert scene.random("dirt").random() == draw_scene(7, 3).random("dirt").random()
    assert scene.random("dirt").random() != scene.random("scenery").random()
    assert scene.random("dirt").random() != replace(scene, seed=8).random("dirt").random()
