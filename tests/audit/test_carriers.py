"""What each carrier takes from a source, and what it leaves of the target."""

import numpy as np
import pytest

from xaisigns.audit.carriers import CARRIERS, carried
from xaisigns.errors import ShapeError

BOX = (3, 5, 9, 10)


@pytest.fixture
def source():
    return np.random.default_rng(0).integers(60, 200, (16, 16, 3), dtype=np.uint8)


@pytest.fixture
def targets():
    return np.random.default_rng(1).integers(90, 160, (4, 16, 16, 3), dtype=np.uint8)


def test_a_window_is_pasted_where_it_was(source, targets):
    wanted = targets.copy()
    wanted[:, 5:10, 3:9] = source[5:10, 3:9]
    assert (carried("window", source, targets, BOX) == wanted).all()


def test_a_frame_leaves_the_middle(source, targets):
    wanted = np.broadcast_to(source, targets.shape).copy()
    wanted[:, 2:-2, 2:-2] = targets[:, 2:-2, 2:-2]
    assert (carried("frame", source, targets, BOX) == wanted).all()


def test_colour_gives_the_sources_mean_and_deviation(source, targets):
    found = carried("colour", source, targets, BOX)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), np.tile(source.mean(axis=(0, 1)), (4, 1)), atol=1)
    np.testing.assert_allclose(found.std(axis=(1, 2)), np.tile(source.std(axis=(0, 1)), (4, 1)), rtol=0.05)


def test_colour_of_a_plain_target_is_finite(source):
    plain = np.full((1, 16, 16, 3), 80, dtype=np.uint8)
    assert (carried("colour", source, plain, BOX) == source.mean(axis=(0, 1)).round()).all()


def test_texture_changes_the_amplitudes_of_fine_frequencies_alone():
    waves = np.indices((16, 16))[1]
    coarse = 128 + 40 * np.cos(2 * np.pi * waves / 16)
    fine = 128 + 30 * np.cos(2 * np.pi * 6 * waves / 16)
    picture = [np.repeat(wave.round().astype(np.uint8)[..., None], 3, axis=2) for wave in (fine, coarse)]
    found = carried("texture", picture[0], picture[1][None], BOX)[0]
    spectrum = np.abs(np.fft.fft2(found[..., 0]))[0] / 256
    assert spectrum[[1, 6]] == pytest.approx([20, 15], abs=1)


def test_texture_leaves_the_phases():
    waves = 2 * np.pi * 6 * np.indices((16, 16))[1] / 16
    strong, weak = (128 + 40 * np.cos(waves)), (128 + 10 * np.sin(waves))
    source, target = (np.repeat(wave.round().astype(np.uint8)[..., None], 3, axis=2) for wave in (strong, weak))
    found = carried("texture", source, target[None], BOX)[0, ..., 0]
    assert np.abs(found - (128 + 40 * np.sin(waves))).max() < 3


@pytest.mark.parametrize("carrier", CARRIERS)
def test_an_image_takes_nothing_new_from_itself(carrier, source):
    found = carried(carrier, source, source[None], BOX)
    assert np.abs(found[0].astype(int) - source).max() <= 1


@pytest.mark.parametrize("carrier", CARRIERS)
def test_two_sizes_are_refused(carrier, source, targets):
    with pytest.raises(ShapeError, match=r"one size, got \(16, 16, 3\) and \(8, 8, 3\)"):
        carried(carrier, source, targets[:, :8, :8], BOX)
