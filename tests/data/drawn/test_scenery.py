import random

import numpy as np
import pytest

from xaisigns.data.drawn.scenery import field, leaves, plane, scenery


def drawn(seed=0):
    return random.Random(seed)


@pytest.mark.parametrize("size", [16, 65])
def test_scenery_fills_the_picture_and_hangs_on_chance_alone(size):
    images = [scenery(size, drawn(seed)) for seed in (0, 0, 1)]
    assert {(image.mode, image.size) for image in images} == {("RGB", (size, size))}
    assert images[0].tobytes() == images[1].tobytes() != images[2].tobytes()


def test_every_scenery_is_varied_and_they_differ_from_each_other():
    pixels = np.stack([np.asarray(scenery(32, drawn(seed)), dtype=float) for seed in range(40)])
    assert pixels.std(axis=(1, 2, 3)).min() > 5
    means = pixels.mean(axis=(1, 2))
    assert means.std(axis=0).min() > 10  # bright skies, dark trees


def test_a_field_is_smooth_and_in_0_to_1():
    values = field(96, drawn(), (4, 9))
    assert values.shape == (96, 96)
    assert 0 <= values.min() < 0.3 < 0.7 < values.max() <= 1
    assert abs(np.diff(values, axis=0)).max() < 0.2


def test_finer_grains_change_faster():
    coarse, fine = (abs(np.diff(field(96, drawn(3), (grain,)))).mean() for grain in (4, 24))
    assert fine > 2 * coarse


def test_a_plane_runs_from_minus_1_to_1():
    across, down = plane(5)
    assert (across.shape, down.shape) == ((1, 5), (5, 1))
    assert across[0].tolist() == down[:, 0].tolist() == [-1, -0.5, 0, 0.5, 1]


@pytest.mark.parametrize("seed", range(8))
def test_leaves_reach_in_from_one_side(seed):
    image, cover = leaves(64, drawn(seed))
    assert (image.mode, image.size, cover.shape) == ("RGB", (64, 64), (64, 64))
    assert 0 <= cover.min() <= cover.max() <= 1
    assert 0.02 < cover.mean() < 0.6
    borders = [cover[0], cover[-1], cover[:, 0], cover[:, -1]]
    assert max(border.mean() for border in borders) > 0.5 > min(border.mean() for border in borders)
    assert cover[28:36, 28:36].mean() < 0.5  # the middle stays to be seen
