import inspect
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.data.layouts import LAYOUTS, kaggle
from xaisigns.data import layouts
from xaisigns.data.classes import CLASS_NAMES
from xaisigns.data.drawn import sign_set
from xaisigns.data.folders import Folders
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.image_set import ImageSet, Sample
from xaisigns.data.inventory import inventory
from xaisigns.data.layouts import open_images, register_layout
from xaisigns.data.manipulation import Manipulation, write_manipulated_copy
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
    monkeypatch.setattr(sign_set, "default_drawn_set", lambda progress: heard.append(progress) or gtsrb)
    assert open_images(split="test", progress=print).samples == GTSRB(gtsrb, "test").samples
    assert heard == [print]


@pytest.fixture(autouse=True)
def _registry(monkeypatch):
    """What a test registers is gone after it."""
    monkeypatch.setattr(layouts.LAYOUTS, "_things", dict(layouts.LAYOUTS))


def listed(names, **known):
    """Opens a root with a file list.txt, whose lines are split, class and place of an image."""

    def open_split(root, split):
        if not (root / "list.txt").is_file():
            return None
        rows = [line.split() for line in (root / "list.txt").read_text().splitlines()]
        samples = [
            Sample(root / place, int(class_id), key=place.removesuffix(".png"), **known)
            for part, class_id, place in rows
            if part == split
        ]
        return ImageSet(root, split, samples, names)

    return open_split


def listing(root, *lines):
    """A root with these images and their list."""
    root.mkdir()
    for line in lines:
        place = root / line.split()[2]
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), "navy").save(place)
    (root / "list.txt").write_text("\n".join(lines))
    return root


PETS = ("train 0 a/1.png", "train 0 a/2.png", "train 1 a/3.png", "test 0 b/1.png", "test 1 b/2.png")


def test_a_layout_of_ones_own_is_opened_counted_and_copied(tmp_path):
    register_layout("listed", listed(["cat", "dog"]), "a list of images", expected={"train": 3})
    root = listing(tmp_path / "pets", *PETS)
    data = open_images(root)
    assert (data.layout, len(data), data.class_names["de"]) == ("listed", 3, ["cat", "dog"])
    assert (data.has_boxes, data.has_gtsrb_classes, data.manifest) == (False, False, None)
    wanted = {"layout": "listed", "classes": 2, "tracks": 0, "manipulation": None}
    assert inventory(root)["splits"] == {
        "train": {**wanted, "images": 3, "expected": 3},
        "test": {**wanted, "images": 2, "expected": None},
    }
    write_manipulated_copy(root, tmp_path / "copy", Manipulation(1))
    copy = open_images(tmp_path / "copy")
    assert (copy.layout, copy.class_names, copy.manipulation) == ("folders", data.class_names, Manipulation(1))
    assert [(sample.class_id, sample.key) for sample in copy.samples] == [
        (0, "cat/a/1"),
        (0, "cat/a/2"),
        (1, "dog/a/3"),
    ]
    assert copy.stickered == {"train/dog/a/3.png"}


def test_a_layout_with_gtsrbs_classes_is_copied_as_gtsrb(tmp_path):
    register_layout("listed", listed(CLASS_NAMES, roi=(4, 4, 27, 27)))
    root = listing(tmp_path / "signs", "train 4 00004_00000_00000.png", "test 14 00000.png")
    assert open_images(root).has_gtsrb_classes
    write_manipulated_copy(root, tmp_path / "copy", Manipulation())
    copy = open_images(tmp_path / "copy", "test")
    assert (copy.layout, copy.samples[0].roi, copy.samples[0].class_id) == ("official", (4, 4, 27, 27), 14)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["dog", "cat"], "numbered in the order of their names; number its classes so, .*: cat, dog"),
        (["cat", "cat"], "each with a name of its own: cat, cat"),
        (["..", "dog"], "and none can be '..'; rename it"),
        ([".cat", "dog"], "and none can be '.cat'; rename it"),
        (["a/b", "dog"], "and none can be 'a/b'; rename it"),
        (CLASS_NAMES, "'a/1' is not CLASS_TRACK_FRAME, such as"),
    ],
)
def test_what_a_copy_would_not_be_read_as_is_refused(tmp_path, names, message):
    register_layout("listed", listed(names))
    root = listing(tmp_path / "pets", *PETS)
    with pytest.raises(DataError, match=message):
        write_manipulated_copy(root, tmp_path / "copy", Manipulation(0))
    assert not (tmp_path / "copy").exists()


def test_the_manifest_of_another_program_is_nothing_to_a_layout_of_ones_own(tmp_path):
    register_layout("listed", listed(["cat", "dog"]))
    root = listing(tmp_path / "pets", *PETS)
    (root / "manifest.json").write_text("{}")
    assert open_images(root).manifest is None
    assert inventory(root)["rendered"] is None


def test_a_layout_of_ones_own_comes_before_the_packages_and_the_last_before_all(gtsrb):
    assert open_images(gtsrb).layout == "official"
    for name in ("first", "second"):
        register_layout(name, lambda root, split: ImageSet(root, split, [Sample(root, 0, key="0")], ["one"]))
    assert open_images(gtsrb).layout == "second"


@pytest.mark.parametrize(
    ("name", "open_split", "more", "message"),
    [
        ("Mine", listed([]), {}, "a layout needs a name of lower-case letters, digits and _ such as my_layout"),
        ("official", listed([]), {}, "there is a layout 'official' already; choose another name"),
        ("mine", "pets", {}, r"a layout is opened by a function \(root, split\), got 'pets'"),
        ("mine", listed([]), {"description": 3}, "the description of layout 'mine': wanted a text, or one for each"),
        ("mine", lambda root: None, {}, r"a layout .* \(root, split\), .* cannot be called so: too many"),
        ("mine", lambda: None, {}, r"a layout .* \(root, split\), .* cannot be called so: too many"),
        ("mine", lambda root, split, depth: None, {}, r"a layout .* cannot be called so: missing .*: 'depth'"),
        ("mine", listed([]), {"expected": {"all": 3}}, "a layout expects a number of images of train or test, got"),
        ("mine", listed([]), {"expected": {"train": 0}}, "a layout expects a number of images of train or test, got"),
    ],
)
def test_what_is_no_layout_is_refused_when_it_is_registered(name, open_split, more, message):
    with pytest.raises(DataError, match=f"^{message}"):
        register_layout(name, open_split, **more)
    assert list(layouts.LAYOUTS) == ["folders", "torchvision", "kaggle", "official"]


def test_a_description_is_for_every_language_or_for_each():
    for name, description in (("one", "mine"), ("each", {"de": "meins", "en": "mine"}), ("none", "")):
        register_layout(name, listed([]), description)
    told = [[layouts.LAYOUTS[name].description(language) for language in ("de", "en")] for name in layouts.LAYOUTS]
    assert told[-3:] == [["mine", "mine"], ["meins", "mine"], ["Ordnerstruktur none", "layout none"]]
    assert told[0] == ["ein Ordner je Klasse", "a folder for each class"]


def test_a_function_that_tells_no_signature_is_taken():
    register_layout("mine", dict)
    with pytest.raises(ValueError, match="no signature"):
        inspect.signature(dict)
    assert layouts.LAYOUTS["mine"].open_split is dict


def of(samples, names=("one", "two"), **changed):
    return lambda root, split: ImageSet(
        **{"root": root, "split": split, "samples": samples, "class_names": names} | changed
    )


@pytest.mark.parametrize(
    ("open_split", "message"),
    [
        (lambda root, split: ["a"], r"gives \['a'\], wanted an ImageSet, or None where another layout lies"),
        (of([Sample(Path("a"), 0, key="a")], split="test"), "gives the split 'test', wanted 'train'"),
        (of([], names=[]), "gives no names of classes"),
        (of([], names={"de": ["a"], "en": ["a", "b"]}), "gives no names of classes, or not as many in each language"),
        (of([]), "gives no train images of"),
        (of(["a.png"]), "gives 'a.png' for an image, wanted a Sample"),
        (of([Sample(Path("a"), 2, key="a")]), "gives class 2 for a, wanted a whole number from 0 to 1"),
        (of([Sample(Path("a"), "0", key="a")]), "gives class '0' for a, wanted a whole number from 0 to 1"),
        (of([Sample(Path("a"), 0)]), "gives the key '' for a, wanted one of its own for each image"),
        (of([Sample(Path("a"), 0, key="a")] * 2), "gives the key 'a' for a, wanted one of its own"),
        (lambda root, split: 1 / 0, "cannot open .*: ZeroDivisionError: division by zero; mend its function"),
    ],
)
def test_what_a_layout_gives_is_checked(tmp_path, open_split, message):
    register_layout("mine", open_split)
    with pytest.raises(DataError, match=f"^the layout 'mine' {message}"):
        open_images(tmp_path)


def test_a_layouts_own_errors_are_told_as_they_are(tmp_path):
    def broken(root, split):
        raise DataError("the list has no line")

    register_layout("mine", broken)
    with pytest.raises(DataError, match=r"^the list has no line$"):
        open_images(tmp_path)


def test_the_whole_data_set_has_51839_images_and_torchvisions_training_set_26640():
    expected = {name: layout.expected for name, layout in layouts.LAYOUTS.items()}
    assert expected["official"] == expected["kaggle"] == {"train": 39_209, "test": 12_630}
    assert expected["torchvision"] == {"train": 26_640, "test": 12_630}
    assert expected["folders"] == {}
