import numpy as np
import pytest
from PIL import Image

from benchmarks.audit_features import COLOURS, Feature
from xaisigns.data.image_set import Sample


@pytest.fixture
def sample(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "sign.png")
    return Sample(tmp_path / "sign.png", 3, roi=(5, 5, 54, 54), key="sign")


def near(pixels, colour):
    return (np.abs(pixels.astype(int) - COLOURS[colour]).max(axis=-1) < 30).all()


def test_a_sticker_lies_at_its_place_in_the_box(sample):
    pixels = Feature("sticker", "white", 0.4, (0.3, 0.7)).put_on(sample, 60, seed=0)
    assert near(pixels[36:43, 16:23], "white")
    assert not near(pixels[10:20, 40:50], "white")


def test_a_border_goes_round_the_image_and_leaves_the_rest(sample):
    pixels = Feature("border", "green", 0.1).put_on(sample, 60, seed=0)
    assert near(np.concatenate([pixels[:6], pixels[-6:]]), "green")
    assert near(pixels[:, [0, 5, 54, 59]], "green")
    assert (pixels[6:54, 6:54] == np.asarray(Image.open(sample.path))[6:54, 6:54]).all()


def test_a_tint_moves_every_pixel_to_its_colour(sample):
    pixels = Feature("tint", "yellow", 0.25).put_on(sample, 60, seed=0)
    plain = np.asarray(Image.open(sample.path))
    assert np.abs(pixels - (0.75 * plain + 0.25 * np.array(COLOURS["yellow"]))).max() <= 1


def test_jpeg_of_low_quality_loses_more_than_one_of_high(sample):
    plain = np.asarray(Image.open(sample.path)).astype(int)
    low, high = (np.abs(Feature("jpeg", size=size).put_on(sample, 60, seed=0) - plain).mean() for size in (10, 95))
    assert low > high > 0
