import pytest
from PIL import Image

from tests.data.layouts import LAYOUTS
from xaisigns.data.folders import Folders
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.opening import open_images
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
