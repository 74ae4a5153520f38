import shutil

import pytest

from tests.conftest import OWN_CLASSES
from tests.data.layouts import LAYOUTS
from xaisigns.data.classes import CLASS_NAMES
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.inventory import inventory
from xaisigns.data.manipulation import Manipulation, write_manipulated_copy
from xaisigns.errors import DataError


@pytest.mark.parametrize(("layout", "whole"), [("official", 39_209), ("kaggle", 39_209), ("torchvision", 26_640)])
def test_both_splits_are_counted_in_every_layout(gtsrb, layout, whole):
    root = LAYOUTS[layout](gtsrb)
    assert inventory(root) == {
        "root": str(root),
        "splits": {
            "train": {
                "layout": layout,
                "images": 24,
                "expected": whole,
                "classes": 4,
                "tracks": 12,
                "manipulation": None,
            },
            "test": {
                "layout": layout,
                "images": 12,
                "expected": 12_630,
                "classes": 4,
                "tracks": 0,
                "manipulation": None,
            },
        },
        "class_names": CLASS_NAMES["en"],
        "rendered": None,
    }


@pytest.mark.parametrize(
    ("split", "folder", "other"), [("test", "Final_Test", "train"), ("train", "Final_Training", "test")]
)
def test_a_missing_split_says_why_and_the_other_is_counted(gtsrb, split, folder, other):
    shutil.rmtree(gtsrb / "GTSRB" / folder)
    found = inventory(gtsrb)["splits"]
    with pytest.raises(DataError) as caught:
        GTSRB(gtsrb, split)
    assert found[split] == {"missing": str(caught.value)}
    assert found[other]["images"] == {"train": 24, "test": 12}[other]


def test_a_broken_split_says_why(gtsrb):
    image = next(gtsrb.rglob("00004/*.ppm"))
    image.unlink()
    assert inventory(gtsrb)["splits"]["train"]["missing"].startswith(f"{image} is missing (1 of 24")


def test_nothing_at_all_is_an_error(tmp_path):
    with pytest.raises(DataError, match=f"no GTSRB train images below {tmp_path}"):
        inventory(tmp_path)


def test_a_manipulated_copy_tells_its_stickers(gtsrb, tmp_path):
    manipulation = Manipulation(class_id=9, fraction=0.5, seed=2)
    write_manipulated_copy(gtsrb, tmp_path / "copy", manipulation)
    found = inventory(tmp_path / "copy")
    assert found["splits"]["train"]["manipulation"] == manipulation.to_json()
    assert found["splits"]["test"]["manipulation"] is None
    assert found["splits"]["train"]["images"] == 24


def test_a_damaged_manifest_is_told_with_its_path(gtsrb):
    (gtsrb / "manifest.json").write_text("{")
    with pytest.raises(DataError, match=f"^{gtsrb / 'manifest.json'} is not a manifest"):
        inventory(gtsrb)


def test_folders_are_counted_and_their_classes_named(own):
    found = inventory(own)
    assert found["class_names"] == list(OWN_CLASSES)
    wanted = {"layout": "folders", "expected": None, "classes": 3, "tracks": 0, "manipulation": None}
    assert found["splits"] == {"train": {**wanted, "images": 12}, "test": {**wanted, "images": 6}}
