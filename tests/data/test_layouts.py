import shutil

import pytest
from PIL import Image

from tests.data.layouts import LAYOUTS, kaggle
from xaisigns.data.drawn import sign_set
from xaisigns.data.folders import Folders
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.layouts import open_images
from xaisigns.errors import DataError


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_gtsrb_is_opened_in_each_of_its_layouts(gtsrb, layout, split):
    root = LAYOUTS[layout](gtsrb)
    data = open_images(root, split)
    assert isinstance(data, GTSRB)
    assert (data.layout, data.samples) == (layout, GTSRB(root, split).samples)
    assert data.class_names["en"][14] == "Stop"
    assert data.has_boxes


def test_folders_are_opened(own):
    data = open_images(str(own), "test")
    assert isinstance(data, Folders)
    assert data.samples == Folders(own, "test").samples


def test_gtsrb_comes_before_folders_and_lends_it_no_split(gtsrb):
    (gtsrb / "test/cat").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(gtsrb / "test/cat/1.png")
    assert open_images(gtsrb, "test").layout == "official"
    (gtsrb / "GTSRB/Final_Test").rename(gtsrb / "elsewhere")
    with pytest.raises(DataError, match="no GTSRB test images"):
        open_images(gtsrb, "test")


def test_where_nothing_is_both_kinds_are_told(tmp_path):
    with pytest.raises(DataError, match=r"looked for GTSRB/Final_Training.* or name a folder of your own with train/"):
        open_images(tmp_path)
    with pytest.raises(DataError, match="nowhere is not a folder"):
        open_images(tmp_path / "nowhere")


def beside(gtsrb, own):
    """Own folders and GTSRB in one root."""
    for split in ("train", "test"):
        (own / split).rename(gtsrb / split)
    return gtsrb


def test_gtsrb_with_images_comes_before_folders_with_images(gtsrb, own):
    assert open_images(beside(gtsrb, own)).layout == "official"


@pytest.mark.parametrize("gone", ["GTSRB/Final_Training/Images", "GTSRB/Final_Test/Images"])
def test_a_part_of_gtsrbs_images_is_enough(gtsrb, own, gone):
    root = beside(gtsrb, own)
    shutil.rmtree(root / gone)
    (root / gone).mkdir()
    assert isinstance(open_images(root, "train" if "Test" in gone else "test"), GTSRB)


def test_folders_count_where_gtsrbs_are_empty(gtsrb, own):
    root = beside(gtsrb, own)
    for image in gtsrb.rglob("*.ppm"):
        image.unlink()
    for split in ("train", "test"):
        assert open_images(root, split).layout == "folders"


def test_where_neither_has_an_image_gtsrb_is_told(gtsrb, own):
    root = beside(gtsrb, own)
    for image in (*root.rglob("*.ppm"), *root.rglob("*.png")):
        image.unlink()
    with pytest.raises(DataError, match=r"\.ppm is missing \(24 of 24 annotated images are\)"):
        open_images(root)


STRAY = {
    "a table of something else": "id,label\n1.png,cat\n",
    "a table of Kaggle's without its images": "Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path\n"
    "32,32,3,3,28,28,4,Train/4/00004_00000_00000.png\n",
    "a table of Kaggle's without rows": "Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path\n",
}


@pytest.mark.parametrize("content", STRAY.values(), ids=STRAY.keys())
def test_folders_count_beside_a_stray_table(own, content):
    (own / "Train.csv").write_text(content)
    for split in ("train", "test"):
        assert isinstance(open_images(own, split), Folders)


@pytest.mark.parametrize("damage", [lambda text: text.replace("Path", "Pth"), lambda text: "\0" + text])
def test_a_damaged_table_of_kaggles_is_told_and_no_folders_taken_for_it(gtsrb, damage):
    root = kaggle(gtsrb)
    for name in ("Train.csv", "Test.csv"):
        (root / name).write_text(damage((root / name).read_text()))
    with pytest.raises(DataError, match=rf"^{root / 'Train.csv'} cannot be "):
        open_images(root)


def test_kaggles_folders_of_numbers_without_their_table_are_folders(gtsrb):
    """As ImageFolder would take them: a model of GTSRB's classes is refused with them."""
    root = kaggle(gtsrb)
    for name in ("Train.csv", "Test.csv"):
        (root / name).unlink()
    data = open_images(root)
    assert (data.layout, data.class_names["en"]) == ("folders", ["14", "2", "4", "9"])


@pytest.mark.parametrize("split", ["training", "", None, 0])
def test_another_split_is_refused(own, split):
    with pytest.raises(DataError, match=f"^images are of the split train or test, got {split!r}$"):
        open_images(own, split)


def test_without_a_root_signs_are_drawn(gtsrb, monkeypatch):
    heard = []
    monkeypatch.setattr(sign_set, "default_rendered_set", lambda progress: heard.append(progress) or gtsrb)
    assert open_images(split="test", progress=print).samples == GTSRB(gtsrb, "test").samples
    assert heard == [print]
