from pathlib import Path

import pytest
from PIL import Image

from xaisigns.data.image_set import Sample, fingerprint
from xaisigns.data.layouts import open_images
from xaisigns.errors import DataError

SAMPLE = Sample(Path(), 4, (5, 6, 26, 27), 1, "00004_00001_00010")


def test_the_fingerprint_of_gtsrbs_samples_never_changes():
    other = Sample(Path("elsewhere"), 14, (0, 0, 9, 9), None, "00000")
    wanted = "aba67fb2d961452d703f610aa98495cf9baa01f08d72f6e47530112c770dbd36"
    assert fingerprint([SAMPLE, other]) == fingerprint([other, SAMPLE]) == wanted


def test_a_box_is_the_annotated_one_or_the_whole_image():
    image = Image.new("RGB", (40, 30))
    assert SAMPLE.box(image) == (5, 6, 26, 27)
    assert Sample(Path(), 4, None, None, "cat/1").box(image) == (0, 0, 39, 29)


@pytest.mark.parametrize("class_id", [-1, 3])
def test_a_class_that_is_not_there_is_refused(own, class_id):
    data = open_images(own)
    for known in (None, 0, 2):
        data.check_class(known)
    with pytest.raises(
        DataError, match=rf"^class {class_id} does not exist; {own} has 0 to 2, as 'xaisigns data info'"
    ):
        data.check_class(class_id)


@pytest.mark.parametrize("size", [(40, 31), (20, 30)])
def test_the_box_of_an_image_that_was_resized_is_refused(size):
    sample = Sample(Path("a.ppm"), 4, (0, 0, 9, 9), None, "cat/1", size)
    assert sample.box(Image.new("RGB", size)) == (0, 0, 9, 9)
    told = rf"^a\.ppm has 40 x 30 pixels, and its table tells {size[0]} x {size[1]} for the box of its sign; bring back"
    with pytest.raises(DataError, match=told):
        sample.box(Image.new("RGB", (40, 30)))


@pytest.mark.parametrize("box", [(0, 0, 40, 29), (0, 0, 39, 30)])
def test_a_box_that_leaves_its_image_is_refused(box):
    with pytest.raises(DataError, match=r"^a\.ppm has 40 x 30 pixels, and its table tells the box \(0, 0, "):
        Sample(Path("a.ppm"), 4, box, None, "cat/1").box(Image.new("RGB", (40, 30)))
