"""A folder for each class: as torchvision's ImageFolder reads it, with what it would not refuse."""

import os
import unicodedata

import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from tests.conftest import OWN_CLASSES
from xaisigns.data.folders import Folders, is_folders
from xaisigns.errors import DataError


def save(path, size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "navy").save(path)
    return path


@pytest.fixture
def animals(tmp_path):
    for name in ("train/cat/1.png", "train/dog/1.png", "test/cat/1.png"):
        save(tmp_path / "animals" / name)
    return tmp_path / "animals"


def keys(data):
    return [sample.key for sample in data.samples]


@pytest.mark.parametrize("split", ["train", "test"])
def test_images_and_classes_are_those_of_torchvisions_image_folder(own, split):
    save(own / split / OWN_CLASSES[0] / "deeper" / "still" / "9.JPG")
    (own / split / OWN_CLASSES[1] / "notes.txt").write_text("mine")
    data, wanted = Folders(own, split), ImageFolder(own / split)
    assert sorted((str(sample.path), sample.class_id) for sample in data.samples) == sorted(wanted.samples)
    assert data.class_names == {"de": wanted.classes, "en": wanted.classes}
    assert wanted.classes == list(OWN_CLASSES)
    assert (data.layout, data.split, len(data)) == ("folders", split, len(wanted))


def test_keys_name_class_and_place_and_neither_box_nor_track_is_known(animals):
    save(animals / "train/dog/more/2.jpg")
    data = Folders(animals)
    assert keys(data) == ["cat/1", "dog/1", "dog/more/2.jpg"]
    assert {(sample.roi, sample.track) for sample in data.samples} == {(None, None)}
    assert not data.has_boxes


def test_the_box_of_an_item_is_the_upright_image(animals):
    path = animals / "train/cat/1.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.new("RGB", (20, 10)).save(path, exif=exif)
    item = next(item for item in Folders(animals) if item.path == path)
    assert item.image.size == (10, 20)
    assert item.roi == (0, 0, 9, 19)


def test_hidden_folders_and_files_are_left_out(animals):
    for name in (".cache/1.png", "cat/.1.png", "cat/.thumbnails/1.png"):
        save(animals / "train" / name)
    save(animals / "train" / "loose.png")
    assert keys(Folders(animals)) == ["cat/1", "dog/1"]


@pytest.mark.parametrize("name", ["val", "valid"])
def test_validation_stands_in_for_a_missing_test(animals, name):
    save(animals / name / "dog/7.png")
    assert keys(Folders(animals, "test")) == ["cat/1"]
    (animals / "test").rename(animals / "elsewhere")
    assert keys(Folders(animals, "test")) == ["dog/7"]


def test_ids_are_those_of_training_even_where_test_lacks_a_class(animals):
    (animals / "test/cat").rename(animals / "test/dog")
    data = Folders(animals, "test")
    assert [sample.class_id for sample in data.samples] == [1]
    assert data.class_names["en"] == ["cat", "dog"]


def test_test_images_alone_have_classes_of_their_own(animals):
    (animals / "train").rename(animals / "elsewhere")
    assert Folders(animals, "test").class_names["en"] == ["cat"]
    with pytest.raises(DataError, match=rf"^{animals} has no train images: put them into {animals / 'train'}/CLASS, "):
        Folders(animals)


def test_a_test_class_that_training_lacks_is_refused_by_name(animals):
    (animals / "test/cat").rename(animals / "test/cow")
    message = rf"^{animals / 'test/cow'} is a class that training does not have; it has cat, dog$"
    with pytest.raises(DataError, match=message):
        Folders(animals, "test")


def test_a_class_without_training_images_is_refused_by_name(animals):
    (animals / "train/eel").mkdir()
    with pytest.raises(DataError, match=rf"^{animals / 'train/eel'} has no image; put some into it, or delete it"):
        Folders(animals)


def test_folders_without_classes_or_images_are_refused(tmp_path):
    (tmp_path / "test").mkdir()
    assert is_folders(tmp_path)
    with pytest.raises(DataError, match=rf"^{tmp_path / 'test'} has no folder for a class; put its images into"):
        Folders(tmp_path, "test")
    (tmp_path / "test/cat").mkdir()
    with pytest.raises(DataError, match=rf"^no image in the folders of {tmp_path / 'test'}; wanted one of \.jpg, "):
        Folders(tmp_path, "test")


def test_two_images_that_a_copy_could_not_tell_apart_are_refused(animals):
    save(animals / "train/cat/a.jpg")
    save(animals / "train/cat/a.jpg.png")
    with pytest.raises(DataError, match=r"a\.jpg(\.png)? and .*a\.jpg(\.png)? would have one name in a copy; rename"):
        Folders(animals)


@pytest.mark.parametrize("name", ["train/co\x1bw/1.png", "train/cat/new\nline.png", os.fsdecode(b"train/c\xffw/1.png")])
def test_names_that_are_no_text_are_refused_in_one_line(animals, name):
    try:
        save(animals / name)
    except (OSError, ValueError):
        pytest.skip("this file system does not take such a name")
    with pytest.raises(DataError, match=r"has characters in its name that are no text; rename it$") as caught:
        Folders(animals)
    assert str(caught.value).encode().isascii()
    assert len(str(caught.value).splitlines()) == 1


def test_a_name_is_the_same_however_a_system_composes_its_letters(animals):
    for split, form in (("train", "NFC"), ("test", "NFD")):
        save(animals / split / unicodedata.normalize(form, "Übel") / "1.png")
    assert Folders(animals).class_names["en"] == ["cat", "dog", unicodedata.normalize("NFC", "Übel")]
    assert [sample.class_id for sample in Folders(animals, "test").samples] == [0, 2]
    assert keys(Folders(animals, "test"))[1] == keys(Folders(animals))[2]


def test_a_broken_image_is_named_when_it_is_asked_for(animals):
    path = animals / "train/dog/1.png"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DataError, match=rf"^{path} cannot be read as an image"):
        Folders(animals)[1]
