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


def linked(path, target):
    """A link at ``path``, or a skipped test."""
    try:
        path.symlink_to(target, target_is_directory=True)
    except OSError:
        pytest.skip("this file system has no links")
    return path


def as_image_folder(data, folder):
    return sorted((str(sample.path), sample.class_id) for sample in data.samples) == sorted(ImageFolder(folder).samples)


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


def test_links_to_folders_and_images_count_as_in_torchvisions_image_folder(animals, tmp_path):
    save(tmp_path / "elsewhere/2.png")
    save(tmp_path / "elsewhere/deep/3.png")
    linked(animals / "train/cat/more", tmp_path / "elsewhere")
    linked(animals / "train/cat/again", tmp_path / "elsewhere/deep")
    linked(animals / "train/dog/2.png", tmp_path / "elsewhere/2.png")
    linked(animals / "train/eel", tmp_path / "elsewhere")
    data = Folders(animals)
    assert as_image_folder(data, animals / "train")
    assert keys(data)[:4] == ["cat/1", "cat/again/3", "cat/more/2", "cat/more/deep/3"]
    assert len(data) == 4 + 2 + 2


@pytest.mark.parametrize("target", ["train/cat", "train", ".", "train/cat/deep", ".."])
def test_a_link_to_a_folder_that_it_lies_in_is_not_followed(animals, target):
    save(animals / "train/cat/deep/2.png")
    linked(animals / "train/cat/deep/round", animals / target)
    assert keys(Folders(animals)) == ["cat/1", "cat/deep/2", "dog/1"]


def test_two_folders_that_are_linked_to_each_other_come_to_an_end(animals, tmp_path):
    for one, other in (("a", "b"), ("b", "a")):
        save(animals / f"train/cat/{one}/{one}.png")
        linked(animals / f"train/cat/{one}/other", animals / f"train/cat/{other}")
    # Each image has two names, as each folder has; ImageFolder would give them forty.
    assert keys(Folders(animals)) == ["cat/1", "cat/a/a", "cat/a/other/b", "cat/b/b", "cat/b/other/a", "dog/1"]


def test_a_class_that_is_a_link_out_of_the_data_may_not_lead_back_to_them(animals, tmp_path):
    save(tmp_path / "elsewhere/2.png")
    linked(tmp_path / "elsewhere/back", animals / "train")
    linked(animals / "train/eel", tmp_path / "elsewhere")
    assert keys(Folders(animals)) == ["cat/1", "dog/1", "eel/2"]


def test_a_split_that_is_a_link_may_not_lead_back_above_where_it_lies(animals, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (animals / "train").rename(tmp_path / "elsewhere/set")
    linked(animals / "train", tmp_path / "elsewhere/set")
    linked(tmp_path / "elsewhere/set/cat/back", tmp_path / "elsewhere")
    assert keys(Folders(animals)) == ["cat/1", "dog/1"]


@pytest.mark.parametrize("place", ["train/cat/2.png", "train/cat/more", "train/eel", "train/cat/round"])
def test_a_link_that_leads_nowhere_is_named(animals, place):
    link = linked(animals / place, "round" if place.endswith("round") else "/nowhere/at/all")
    with pytest.raises(DataError, match=rf"^{link} is a link to nothing, '.*'; bring that back, or delete the link$"):
        Folders(animals)


@pytest.mark.parametrize("name", ["__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found", "System Volume Information"])
def test_what_systems_leave_in_folders_is_no_class_and_no_image(animals, name):
    save(animals / "train" / name / "thumbnail.png")
    save(animals / "train/cat" / name / "thumbnail.png")
    save(animals / "train/cat/._1.png")
    (animals / "train/cat/Thumbs.db").write_bytes(b"")
    assert keys(Folders(animals)) == ["cat/1", "dog/1"]


def test_numbers_are_names_and_come_in_the_order_of_text_as_in_image_folder(tmp_path):
    for number in (0, 1, 2, 10, 11):
        save(tmp_path / f"train/{number}/1.png")
    data = Folders(tmp_path)
    assert data.class_names["en"] == ["0", "1", "10", "11", "2"] == ImageFolder(tmp_path / "train").classes
    assert as_image_folder(data, tmp_path / "train")


def test_the_splits_may_be_written_otherwise_if_only_one_fits(animals):
    (animals / "train").rename(animals / "Train")
    (animals / "test").rename(animals / "TEST")
    assert keys(Folders(animals)) == ["cat/1", "dog/1"]
    assert keys(Folders(animals, "test")) == ["cat/1"]
    (animals / "TRAIN").mkdir()
    if len(list(animals.iterdir())) == 2:
        pytest.skip("this file system does not tell upper from lower case")
    with pytest.raises(DataError, match=rf"^{animals} has (Train and TRAIN|TRAIN and Train) for train; rename one"):
        Folders(animals)
    (animals / "TRAIN").rename(animals / "train")
    with pytest.raises(DataError, match=r"has no folder for a class"):
        Folders(animals)


@pytest.mark.parametrize("name", ["co\x1bw", os.fsdecode(b"c\xffw")])
def test_a_name_above_the_classes_may_be_anything(animals, name):
    try:
        root = animals.rename(animals.with_name(name))
    except (OSError, ValueError):
        pytest.skip("this file system does not take such a name")
    assert keys(Folders(root)) == ["cat/1", "dog/1"]
