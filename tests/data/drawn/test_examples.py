from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xaisigns.data.drawn.examples import example_files, example_signs, gallery

FOLDER = Path(__file__).parents[3] / "examples" / "signs"
NAMES = ["no-overtaking", "speed-50", "speed-50-sticker", "stop"]


@pytest.fixture(scope="module")
def drawn():
    return {name: np.asarray(image, dtype=int) for name, image in example_signs().items()}


def test_every_picture_of_the_folder_is_drawn_and_no_other(drawn):
    assert sorted(drawn) == sorted(path.stem for path in FOLDER.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_in_the_folder_is_what_the_module_draws(drawn, name):
    with Image.open(FOLDER / f"{name}.png") as stored:
        assert stored.mode == "RGB"
        assert not stored.info
        assert abs(np.asarray(stored, dtype=int) - drawn[name]).max() <= 2


def test_the_files_hold_what_is_drawn(drawn):
    files = example_files()
    assert [path.stem for path in files] == list(drawn)
    for path in files:
        with Image.open(path) as stored:
            np.testing.assert_array_equal(np.asarray(stored, dtype=int), drawn[path.stem])
    assert example_files() == files


def test_the_stickered_fifty_is_the_other_fifty_under_a_dark_patch(drawn):
    changed = (drawn["speed-50"] != drawn["speed-50-sticker"]).any(axis=-1)
    rows, columns = np.nonzero(changed)
    assert 0.03 < changed.mean() < 0.15
    assert columns.mean() < 54  # on the lower left
    assert rows.mean() > 74
    assert drawn["speed-50-sticker"][changed].mean() < 60 < drawn["speed-50"][changed].mean()


def test_the_gallery_of_the_readme_shows_every_class_as_it_is_drawn():
    drawn = np.asarray(gallery(), dtype=int)
    with Image.open(FOLDER.parents[1] / "docs" / "images" / "gallery.png") as stored:
        shown = np.asarray(stored, dtype=int)
    assert shown.shape == drawn.shape == (5 * 134, 9 * 112, 3)
    signs = np.arange(len(drawn)) % 134 < 112  # what is below is a number in whatever font Pillow brings
    assert abs(shown - drawn)[signs].max() <= 2
    assert (shown[~signs] < 128).any()
