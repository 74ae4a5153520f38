import math
import random
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.data.golden import FILE, golden_sheet
from xaisigns.data.drawn import sign
from xaisigns.data.drawn.scene import draw_scene
from xaisigns.data.drawn.sign import draw_sign
from xaisigns.data.stickers import Sticker, apply_sticker
from xaisigns.errors import DataError

STOP, NO_OVERTAKING, SPEED_50, SPEED_70, CLOSED, NO_ENTRY = 14, 9, 2, 4, 15, 17


def pixels(image):
    return np.asarray(image, dtype=int)


def test_every_class_is_drawn_as_it_was_when_people_looked_at_it():
    with Image.open(FILE) as stored:
        assert abs(pixels(stored) - pixels(golden_sheet())).max() <= 2


@pytest.mark.parametrize("class_id", [STOP, SPEED_50])
def test_the_same_seed_draws_the_same_pixels(class_id):
    first, second = draw_sign(class_id, 64, seed=3), draw_sign(class_id, 64, seed=3)
    assert first.image.tobytes() == second.image.tobytes()
    assert first.roi == second.roi
    np.testing.assert_array_equal(first.sign_mask, second.sign_mask)
    np.testing.assert_array_equal(first.pictogram_mask, second.pictogram_mask)


def test_another_seed_draws_another_scene():
    first, second = pixels(draw_sign(STOP, 64, seed=0).image), pixels(draw_sign(STOP, 64, seed=1).image)
    assert abs(first - second).mean() > 10


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_the_seed_sets_the_same_scene_for_every_class(seed):
    fifty, seventy = draw_sign(SPEED_50, seed=seed), draw_sign(SPEED_70, seed=seed)
    assert fifty.roi == seventy.roi
    np.testing.assert_array_equal(fifty.sign_mask, seventy.sign_mask)
    far = slice(0, 8)  # further from the digits than blur and the file format carry anything
    np.testing.assert_array_equal(pixels(fifty.image)[far], pixels(seventy.image)[far])


@pytest.mark.parametrize("size", [16, 47, 128, 200])
def test_the_size_is_kept(size):
    sign = draw_sign(NO_OVERTAKING, size)
    assert sign.image.mode == "RGB"
    assert sign.image.size == (size, size)
    assert sign.sign_mask.shape == sign.pictogram_mask.shape == (size, size)
    assert sign.sign_mask.dtype == sign.pictogram_mask.dtype == bool
    assert sign.sticker_mask is None


@pytest.mark.parametrize("class_id", range(43))
def test_the_roi_is_the_box_around_the_sign_and_the_pictogram_is_on_it(class_id):
    for seed in (class_id, 100 + class_id):
        sign = draw_sign(class_id, 64, seed)
        assert sign.class_id == class_id
        rows, columns = np.nonzero(sign.sign_mask)
        box = columns.min(), rows.min(), columns.max(), rows.max()
        assert sign.roi == box or draw_scene(seed).leaves
        assert np.greater_equal(box, sign.roi)[:2].all()
        assert np.less_equal(box, sign.roi)[2:].all()
        assert sign.pictogram_mask.any()
        assert not (sign.pictogram_mask & ~sign.sign_mask).any()


def test_the_sign_stands_in_the_middle_with_a_border_around_it():
    for seed in range(60):
        x1, y1, x2, y2 = draw_sign(STOP, 100, seed).roi
        assert 55 <= x2 - x1 + 1 <= 92
        assert 65 <= y2 - y1 + 1 <= 92
        assert min(x1, y1, 99 - x2, 99 - y2) >= 3


def seen(outline, seed, size, frame=0):
    """Places on the face in units of its drawing, as a camera six half widths away sees them: pixels."""
    pose = draw_scene(seed, frame).pose
    yaw, pitch, roll = (math.radians(angle) for angle in (pose.yaw, pose.pitch, pose.roll))
    x, y, z = outline[:, 0] / 100, outline[:, 1] / 100, np.zeros(len(outline))
    y, z = y * math.cos(pitch) - z * math.sin(pitch), y * math.sin(pitch) + z * math.cos(pitch)
    x, z = x * math.cos(yaw) + z * math.sin(yaw), -x * math.sin(yaw) + z * math.cos(yaw)
    x, y = x * math.cos(roll) - y * math.sin(roll), x * math.sin(roll) + y * math.cos(roll)
    nearer = 1 + z / 6
    return np.column_stack([pose.x + x / nearer * pose.size / 2, pose.y + y / nearer * pose.size / 2]) * size


def covered(outline, size, fine=16):
    """The share of each pixel inside a convex outline, by looking at its sub-pixels."""
    places = (np.arange(size * fine) + 0.5) / fine
    x, y = np.meshgrid(places, places)
    inside = np.ones(x.shape, dtype=bool)
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        inside &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0
    return inside.reshape(size, fine, size, fine).mean(axis=(1, 3))


def circle(radius):
    turns = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    return radius * np.column_stack([np.cos(turns), np.sin(turns)])


OCTAGON = np.array(
    [(-41.4, -100), (41.4, -100), (100, -41.4), (100, 41.4), (41.4, 100), (-41.4, 100), (-100, 41.4), (-100, -41.4)]
)
BAR = np.array([(-85, -17.5), (85, -17.5), (85, 17.5), (-85, 17.5)])


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("class_id", "kind", "shape"),
    [
        (SPEED_50, "sign_mask", circle(100)),
        (STOP, "sign_mask", OCTAGON),
        (CLOSED, "pictogram_mask", circle(71.5)),
        (NO_ENTRY, "pictogram_mask", BAR),
    ],
)
def test_masks_are_exact(class_id, kind, shape, seed):
    """Against the shape's outline, projected here: other only where about half of the pixel is covered."""
    cover = covered(seen(shape, seed, 40), 40)
    mask = getattr(draw_sign(class_id, 40, seed), kind)
    clear = abs(cover - 0.5) > 0.08
    np.testing.assert_array_equal(mask[clear], cover[clear] > 0.5)
    assert clear.mean() > 0.95


@pytest.mark.parametrize("class_id", [0, 12, 25, 29, 41])
def test_masks_are_the_same_at_every_size(class_id):
    small, large = draw_sign(class_id, 64, seed=9), draw_sign(class_id, 256, seed=9)
    for kind in ("sign_mask", "pictogram_mask"):
        share = getattr(large, kind).reshape(64, 4, 64, 4).mean(axis=(1, 3))
        clear = abs(share - 0.5) > 0.3
        assert (getattr(small, kind)[clear] == (share[clear] > 0.5)).mean() > 0.999


def test_the_picture_shows_what_the_masks_say():
    """Digits are darker than the field around them, whatever the light."""
    for seed in range(20):
        sign = draw_sign(SPEED_70, 128, seed)
        grey = pixels(sign.image).sum(axis=2)
        field = np.zeros_like(sign.sign_mask)
        field[48:80, 40:88] = True
        assert grey[sign.pictogram_mask].mean() < 0.85 * grey[field & ~sign.pictogram_mask].mean()


def test_frames_show_the_same_sign_a_moment_later():
    first, later = draw_sign(SPEED_50, 64, seed=4), draw_sign(SPEED_50, 64, seed=4, frame=3)
    other = draw_sign(SPEED_50, 64, seed=5)
    assert draw_sign(SPEED_50, 64, seed=4, frame=0).image.tobytes() == first.image.tobytes()
    assert first.image.tobytes() != later.image.tobytes()
    assert abs(pixels(first.image) - pixels(later.image)).mean() < abs(pixels(first.image) - pixels(other.image)).mean()
    both, either = first.sign_mask & later.sign_mask, first.sign_mask | later.sign_mask
    assert both.sum() > 0.85 * either.sum()


def test_frames_share_light_and_nearly_the_pose():
    scenes = [draw_scene(11, frame) for frame in range(5)]
    assert {scene.light for scene in scenes} == {scenes[0].light}
    for scene in scenes[1:]:
        assert scene.pose != scenes[0].pose
        assert abs(scene.pose.yaw - scenes[0].pose.yaw) <= 3
        assert abs(scene.pose.roll - scenes[0].pose.roll) <= 1.5


def test_leaves_hide_a_part_of_some_signs_and_of_their_masks(monkeypatch):
    seed = next(seed for seed in range(1000) if draw_scene(seed).leaves)
    hidden = draw_sign(SPEED_50, 64, seed)
    monkeypatch.setattr(sign, "draw_scene", lambda *scene: replace(draw_scene(*scene), leaves=False))
    whole = draw_sign(SPEED_50, 64, seed)
    gone = whole.sign_mask & ~hidden.sign_mask
    assert hidden.roi == whole.roi
    assert 0.02 < gone.sum() / whole.sign_mask.sum() < 0.4
    np.testing.assert_array_equal(hidden.pictogram_mask, whole.pictogram_mask & ~gone)
    assert abs(pixels(hidden.image) - pixels(whole.image))[gone].mean() > 10
    assert 0.03 < np.mean([draw_scene(seed).leaves for seed in range(2000)]) < 0.09


def test_a_sticker_is_put_on_as_on_any_image():
    plain, stickered = draw_sign(SPEED_50, 64, seed=8), draw_sign(SPEED_50, 64, seed=8, sticker=Sticker(size=0.3))
    image, mask = apply_sticker(plain.image, plain.roi, Sticker(size=0.3), seed=8, key="rendered/2/0")
    assert stickered.image.tobytes() == image.tobytes()
    np.testing.assert_array_equal(stickered.sticker_mask, mask)
    changed = (pixels(stickered.image) != pixels(plain.image)).any(axis=2)
    assert not (changed & ~stickered.sticker_mask).any()
    assert stickered.roi == plain.roi
    np.testing.assert_array_equal(stickered.sign_mask, plain.sign_mask)
    np.testing.assert_array_equal(stickered.pictogram_mask, plain.pictogram_mask)


@pytest.mark.parametrize("class_id", [43, -1, "4"])
def test_an_unknown_class_is_refused(class_id):
    with pytest.raises(DataError, match=rf"^class {class_id!r} does not exist; GTSRB's classes are 0 to 42$"):
        draw_sign(class_id)


def test_a_size_too_small_to_show_anything_is_refused():
    with pytest.raises(DataError, match="at least 16 pixels, at most 2048, got 15"):
        draw_sign(STOP, size=15)


def test_the_global_random_state_is_left_alone():
    before, numpy_before = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    draw_sign(STOP, 32)
    assert random.getstate() == before
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
