import numpy as np
import pytest
import torch

from xaisigns.data.tensors import normalise, pixel_bounds

MEAN, STD = (0.3337, 0.3064, 0.3171), (0.2672, 0.2564, 0.2629)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_normalising_follows_its_definition():
    pixels = np.stack([noise(3, 5, seed) for seed in range(2)])
    normal = normalise(pixels, MEAN, STD)
    assert (normal.shape, normal.dtype) == ((2, 3, 3, 5), torch.float32)
    for n, channel, y, x in np.ndindex(2, 3, 3, 5):
        wanted = (pixels[n, y, x, channel] / 255 - MEAN[channel]) / STD[channel]
        assert normal[n, channel, y, x].item() == pytest.approx(wanted, abs=1e-6)


def test_the_channels_keep_their_order():
    red = np.broadcast_to(np.array([255, 0, 0], dtype=np.uint8), (1, 2, 2, 3))
    assert normalise(red, (0, 0, 0), (1, 1, 1))[0, :, 0, 0].tolist() == [1, 0, 0]


def test_the_result_is_in_channels_last_order():
    pixels = np.stack([noise(6, 5)] * 2)
    assert normalise(pixels, MEAN, STD).is_contiguous(memory_format=torch.channels_last)


def test_pixels_of_a_memory_map_are_left_as_they_are(tmp_path):
    np.save(tmp_path / "pixels.npy", np.stack([noise(4, 4, seed) for seed in range(3)]))
    stored = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    normal = normalise(stored[1:], MEAN, STD)  # torch warns of memory that cannot be written: here that is an error
    normal.zero_()
    np.testing.assert_array_equal(stored, np.stack([noise(4, 4, seed) for seed in range(3)]))


def test_the_bounds_are_what_black_and_white_become():
    low, high = pixel_bounds(MEAN, STD)
    assert low.shape == high.shape == (1, 3, 1, 1)
    ends = np.array([0, 255], dtype=np.uint8)[:, None, None, None].repeat(3, axis=-1)
    torch.testing.assert_close(torch.cat([low, high]), normalise(ends, MEAN, STD))
    assert (low < high).all()


def test_bounds_need_as_many_means_as_deviations():
    with pytest.raises(ValueError, match="zip"):
        pixel_bounds(MEAN, STD[:2])
