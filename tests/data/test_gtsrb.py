import csv
import gc
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from torch.utils.data import DataLoader

from tests.data.layouts import LAYOUTS, SPLITS, kaggle, torchvision
from xaisigns.data.gtsrb import GTSRB, find_layout
from xaisigns.data.image_set import Sample, fingerprint
from xaisigns.errors import DataError

TABLE = "GTSRB/Final_Training/Images/00004/GT-00004.csv"
IMAGE = "GTSRB/Final_Training/Images/00004/00001_00000.ppm"
HEADER = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"


@pytest.fixture
def annotated(gtsrb):
    """(key, class, ROI, track) of every image, as the fixture's tables have it."""
    found = {"train": [], "test": []}
    for table in gtsrb.rglob("GT-*.csv"):
        with table.open(newline="") as file:
            for row in csv.DictReader(file, delimiter=";"):
                stem, class_id = row["Filename"].removesuffix(".ppm"), int(row["ClassId"])
                roi = tuple(int(row[f"Roi.{corner}"]) for corner in ("X1", "Y1", "X2", "Y2"))
                if table.name == "GT-final_test.csv":
                    found["test"].append((stem, class_id, roi, None))
                else:
                    found["train"].append((f"{class_id:05d}_{stem}", class_id, roi, int(stem[:5])))
    return {split: sorted(rows) for split, rows in found.items()}


def described(data):
    return sorted((sample.key, sample.class_id, sample.roi, sample.track) for sample in data.samples)


def refused(root, split="train"):
    with pytest.raises(DataError) as caught:
        GTSRB(root, split)
    return str(caught.value)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_annotated_samples(gtsrb, annotated, layout, split):
    wanted = annotated[split]
    data = GTSRB(LAYOUTS[layout](gtsrb), split)
    assert data.layout == layout
    assert len(data) == len(wanted) == {"train": 24, "test": 12}[split]
    assert described(data) == wanted
    assert all(sample.path.is_file() for sample in data.samples)


@pytest.mark.parametrize("split", SPLITS)
def test_the_fingerprint_and_the_pixels_are_alike_in_every_layout(gtsrb, split):
    prints, pixels = set(), set()
    for make in (LAYOUTS["official"], kaggle, torchvision):  # torchvision comes last: it renames
        data = GTSRB(make(gtsrb), split)
        prints.add(fingerprint(data.samples))
        by_key = {sample.key: item.image.tobytes() for sample, item in zip(data.samples, data, strict=True)}
        pixels.add(tuple(by_key[key] for key in sorted(by_key)))
    assert len(prints) == len(pixels) == 1


@pytest.mark.parametrize("change", [{"roi": (1, 2, 30, 29)}, {"class_id": 5}, {"key": "00004_00001_00002"}])
def test_the_fingerprint_is_of_key_class_and_roi_in_any_order(gtsrb, change):
    samples = GTSRB(gtsrb).samples
    shuffled = random.Random(0).sample(samples, len(samples))
    elsewhere = [replace(sample, path=Path("elsewhere")) for sample in shuffled]
    assert fingerprint(elsewhere) == fingerprint(samples)
    assert fingerprint([replace(samples[0], **change), *samples[1:]]) != fingerprint(samples)
    assert fingerprint(samples[1:]) != fingerprint(samples)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("below", ["", "GTSRB"])
def test_the_root_may_be_the_data_set_or_its_parent(gtsrb, annotated, below, split):
    assert described(GTSRB(gtsrb / below, split)) == annotated[split]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("below", ["", "gtsrb", "gtsrb/GTSRB"])
def test_the_root_may_be_any_folder_that_torchvision_makes(gtsrb, annotated, below, split):
    assert described(GTSRB(torchvision(gtsrb) / below, split)) == annotated[split]


def test_the_root_may_be_a_string(gtsrb):
    assert len(GTSRB(str(gtsrb))) == 24


def test_an_item_has_image_class_roi_track_and_path(gtsrb):
    item = next(item for item in GTSRB(gtsrb) if item.path == gtsrb / IMAGE)
    with Image.open(gtsrb / IMAGE) as stored:
        assert (item.image.mode, item.image.tobytes()) == ("RGB", stored.tobytes())
    assert (item.class_id, item.track) == (4, 1)
    row = next(line for line in (gtsrb / TABLE).read_text().splitlines() if line.startswith("00001_00000"))
    assert row == f"00001_00000.ppm;32;32;{';'.join(map(str, item.roi))};4"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_class_in_the_table_that_is_not_the_images_own_is_refused(gtsrb, layout):
    root = LAYOUTS[layout](gtsrb)
    table = root / "Train.csv" if layout == "kaggle" else next(root.rglob("GT-00004.csv"))
    cells = (";4\n", ";14\n") if layout != "kaggle" else (",4,Train/4/", ",14,Train/4/")
    table.write_text(table.read_bytes().decode().replace("\r\n", "\n").replace(*cells, 1))
    told = rf"^{table}: the folder or name of .*00000_00000\.p[np][mg] tells class 4, its row class 14; correct the"
    with pytest.raises(DataError, match=told):
        GTSRB(root)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_image_that_was_resized_on_disk_is_told_when_its_box_is_asked_for(gtsrb, layout):
    data = GTSRB(LAYOUTS[layout](gtsrb), "test")
    path, size = data.samples[0].path, data[0].image.size
    data[0].image.resize((64, 64)).save(path)
    with pytest.raises(DataError, match=rf"^{path} has 64 x 64 pixels, and its table tells {size[0]} x {size[1]} for"):
        data[0]


def test_items_come_in_the_order_of_the_annotation(gtsrb):
    lines = (gtsrb / TABLE).read_text().splitlines()
    (gtsrb / TABLE).write_text("\n".join([lines[0], *reversed(lines[1:])]))
    of_class = [sample.path.name for sample in GTSRB(gtsrb).samples if sample.class_id == 4]
    assert of_class == sorted(of_class, reverse=True)


def test_torch_can_load_batches(gtsrb):
    batches = list(DataLoader(GTSRB(gtsrb, "test"), batch_size=5, collate_fn=list))
    assert [len(batch) for batch in batches] == [5, 5, 2]
    assert batches[2][1].path.name == "00011.ppm"


@pytest.mark.parametrize("place", ["", "GTSRB", "GTSRB/Final_Test", "GTSRB/Final_Test/Images"])
def test_the_classes_of_the_test_set_may_lie_in_any_of_their_usual_places(gtsrb, annotated, place):
    table = (gtsrb / "GTSRB/GT-final_test.csv").rename(gtsrb / "table")
    table.rename(gtsrb / place / "GT-final_test.csv")
    assert described(GTSRB(gtsrb, "test")) == annotated["test"]


def test_test_images_without_their_classes_are_told(gtsrb):
    """The archive of the test images has GT-final_test.test.csv, which has no classes: they come in another archive."""
    table = gtsrb / "GTSRB/GT-final_test.csv"
    table.rename(gtsrb / "GTSRB/Final_Test/Images/GT-final_test.test.csv")
    message = refused(gtsrb, "test")
    assert message.startswith(str(gtsrb / "GTSRB/Final_Test/Images/GT-final_test.csv"))
    assert "is missing" in message
    assert str(gtsrb / "GTSRB)") in message


@pytest.mark.parametrize("split", SPLITS)
def test_a_root_that_is_not_there_is_told(tmp_path, split):
    assert (
        refused(tmp_path / "none", split)
        == f"{tmp_path / 'none'} is not a folder; name the folder that holds GTSRB, or your own images in train/CLASS"
    )


@pytest.mark.parametrize(("split", "looked_for"), [("train", "Final_Training/Images"), ("test", "Final_Test/Images")])
def test_an_empty_root_tells_what_was_looked_for_and_how_to_get_it(tmp_path, split, looked_for):
    message = refused(tmp_path, split)
    assert message.startswith(f"no GTSRB {split} images below {tmp_path}: looked for GTSRB/{looked_for}")
    assert f"{split.title()}.csv" in message
    assert f"'xaisigns data download {tmp_path}'" in message
    assert message.endswith(f"or name a folder of your own with {split}/CLASS in it")


def test_one_split_does_not_stand_for_the_other(gtsrb):
    assert find_layout(gtsrb, "train") == ("official", gtsrb / "GTSRB/Final_Training/Images")
    assert find_layout(gtsrb, "test") == ("official", gtsrb / "GTSRB/Final_Test/Images")
    (gtsrb / "GTSRB/Final_Test").rename(gtsrb / "elsewhere")
    with pytest.raises(DataError, match="no GTSRB test images"):
        find_layout(gtsrb, "test")


def test_folders_without_annotated_images_are_refused(gtsrb):
    for table in gtsrb.rglob("GT-0*.csv"):
        table.write_text(HEADER)
    assert refused(gtsrb) == f"{gtsrb} has the folders of GTSRB but no annotated image; fetch the archives again"


def test_a_missing_table_is_told(gtsrb):
    (gtsrb / TABLE).unlink()
    assert refused(gtsrb).startswith(f"{gtsrb / TABLE} is missing: it tells class and position")


BROKEN = {
    "text for a number": "00000_00000.ppm;32;32;3;four;28;28;4",
    "a number too few": "00000_00000.ppm;32;32;3;3;28;28",
    "a class too high": "00000_00000.ppm;32;32;3;3;28;28;43",
    "a class below zero": "00000_00000.ppm;32;32;3;3;28;28;-1",
    "a name out of the folder": "../00002/00000_00000.ppm;32;32;3;3;28;28;4",
    "a name from elsewhere": "/etc/00000_00000.ppm;32;32;3;3;28;28;4",
    "no name": ";32;32;3;3;28;28;4",
    "a box from right to left": "00000_00000.ppm;32;32;28;3;3;28;4",
    "a box from bottom to top": "00000_00000.ppm;32;32;3;28;28;3;4",
    "a box that begins beside the image": "00000_00000.ppm;32;32;-3;3;28;28;4",
    "a box that ends to the right of the image": "00000_00000.ppm;32;32;3;3;32;28;4",
    "a box that ends below the image": "00000_00000.ppm;32;32;3;3;28;32;4",
}


@pytest.mark.parametrize("row", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_row_is_told_with_its_table(gtsrb, row):
    (gtsrb / TABLE).write_text(f"{HEADER}{row}\n")
    message = refused(gtsrb)
    assert message.startswith(f"{gtsrb / TABLE}: cannot use the row {{")
    assert repr(row.split(";")[0]) in message
    columns = "Filename below its folder, Roi.X1 <= Roi.X2 < Width, Roi.Y1 <= Roi.Y2 < Height, all from 0, "
    assert message.endswith(f" in line 2; wanted 8 cells, {columns}and ClassId 0 to 42")


def test_a_broken_row_of_the_test_set_and_of_kaggle_is_told(gtsrb):
    table = kaggle(gtsrb) / "Test.csv"
    (gtsrb / "GTSRB/GT-final_test.csv").write_text(f"{HEADER}..;32;32;3;3;28;28;4\n")
    assert refused(gtsrb, "test").startswith(f"{gtsrb / 'GTSRB/GT-final_test.csv'}: cannot use the row")
    table.write_text("Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path\n3,3,28,28,43,Test/00000.png\n")
    message = refused(table.parent, "test")
    assert message.startswith(f"{table}: cannot use the row")
    assert "wanted 6 cells, Path below its folder, Roi.X1" in message


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", HEADER.encode() + b'"' + 200_000 * b"x"])
def test_a_table_that_is_no_table_is_told(gtsrb, content):
    (gtsrb / TABLE).write_bytes(content)
    assert refused(gtsrb).startswith(f"{gtsrb / TABLE} cannot be read as a table: ")


def test_training_images_must_name_their_track(gtsrb):
    (gtsrb / TABLE).write_text(f"{HEADER}sign.ppm;32;32;3;3;28;28;4\n")
    assert refused(gtsrb) == f"{gtsrb / TABLE}: sign.ppm is not named TRACK_FRAME; is this GTSRB's training set?"


@pytest.mark.parametrize("name", ["00014_00002", "00014_left_00001"])
def test_kaggles_training_images_must_name_their_track(gtsrb, name):
    table = kaggle(gtsrb) / "Train.csv"
    table.write_text(table.read_text().replace("00014_00002_00001", name))
    wanted = f"{table}: Train/14/{name}.png is not named CLASS_TRACK_FRAME; is this Kaggle's GTSRB?"
    assert refused(table.parent) == wanted


@pytest.mark.parametrize("layout", LAYOUTS)
def test_missing_images_are_told_and_counted_at_the_start(gtsrb, layout):
    root = LAYOUTS[layout](gtsrb)
    gone = list(root.rglob("*00001_00000.p*"))
    first = next(image for image in gone if "00002" in str(image))
    for image in gone:
        image.unlink()
    assert refused(root) == f"{first} is missing (4 of 24 annotated images are); fetch them again"


def test_a_missing_folder_of_images_is_told(gtsrb):
    root = kaggle(gtsrb)
    (root / "Test").rename(root / "elsewhere")
    assert refused(root, "test").startswith(f"{root / 'Test/00000.png'} is missing (12 of 12")


@pytest.mark.parametrize("kept", [0, 9, 2000])
def test_a_truncated_image_is_told_when_it_is_asked_for(gtsrb, kept):
    (gtsrb / IMAGE).write_bytes((gtsrb / IMAGE).read_bytes()[:kept])
    data = GTSRB(gtsrb)
    broken = next(index for index, sample in enumerate(data.samples) if sample.path == gtsrb / IMAGE)
    assert data[broken - 1].image.size == (32, 32)
    with pytest.raises(DataError) as caught:
        data[broken]
    assert str(caught.value).startswith(f"{gtsrb / IMAGE} cannot be read as an image: ")


FOREIGN = [".ipynb_checkpoints", ".Trash-1000", "__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN"]


@pytest.mark.parametrize("layout", ["official", "torchvision"])
def test_what_systems_leave_among_the_classes_is_left_out(gtsrb, annotated, layout):
    root = LAYOUTS[layout](gtsrb)
    classes = next(root.rglob("00004")).parent
    for name in FOREIGN:
        (classes / name).mkdir()
        (classes / name / "00000_00000.ppm").write_bytes(b"")
    (classes / "notes").mkdir()
    (classes / "notes/readme.txt").write_text("mine")
    for name in ("Thumbs.db", "desktop.ini", "._00000.ppm", "._00004", ".DS_Store"):
        (classes / name).write_bytes(b"")
        (classes / "00004" / name).write_bytes(b"")
    assert described(GTSRB(root)) == annotated["train"]


def test_a_folder_with_images_among_the_classes_is_asked_for_its_table(gtsrb):
    folder = gtsrb / "GTSRB/Final_Training/Images/more"
    folder.mkdir()
    (folder / "00000_00000.ppm").write_bytes(b"")
    assert refused(gtsrb).startswith(f"{folder / 'GT-more.csv'} is missing: it tells class and position")


def lowered(root, names):
    for name in names:
        for path in sorted(root.rglob(name), key=lambda path: -len(path.parts)):
            path.rename(path.with_name(path.name.lower()))


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_folders_tables_and_images_may_be_in_lower_case(gtsrb, annotated, layout, split):
    root = LAYOUTS[layout](gtsrb)
    lowered(root, ["*"])
    assert described(GTSRB(root, split)) == annotated[split]


@pytest.mark.parametrize("name", ["Train/4/00004_00001_00000.PNG", "train/4/00004_00001_00000.png"])
def test_of_names_that_differ_in_case_only_the_table_means_its_own(gtsrb, annotated, name):
    root = kaggle(gtsrb)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    if (root / name).exists():
        pytest.skip("this file system does not tell upper from lower case")
    (root / name).write_bytes(b"")
    assert described(GTSRB(root)) == annotated["train"]
    assert {sample.path.suffix for sample in GTSRB(root).samples} == {".png"}


def test_a_name_that_may_be_two_images_is_refused(gtsrb):
    folder = (gtsrb / IMAGE).parent
    (gtsrb / IMAGE).rename(folder / "00001_00000.PPM")
    (folder / "00001_00000.Ppm").write_bytes(b"")
    if len(list(folder.glob("00001_00000.*"))) == 1:
        pytest.skip("this file system does not tell upper from lower case")
    wanted = "00001_00000.ppm may be .*/00001_00000.P(PM|pm) or 00001_00000.P(PM|pm); rename one of them"
    assert re.fullmatch(wanted, refused(gtsrb))


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("layout", ["official", "kaggle"])
def test_an_image_that_is_annotated_twice_is_refused(gtsrb, layout, split):
    root = LAYOUTS[layout](gtsrb)
    name = {"official": ("GT-00004.csv", "GT-final_test.csv"), "kaggle": ("Train.csv", "Test.csv")}[layout]
    table = next(root.rglob(name[split == "test"]))
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines, lines[1]]))
    path = next(sample.path for sample in GTSRB(root, "test" if split == "train" else "train").samples)
    assert re.match(r"(.*) and \1 have one name, \w+; annotate one of them, once$", refused(root, split)), path


def test_links_to_images_count_and_those_that_lead_nowhere_are_named(gtsrb, annotated, tmp_path):
    image, there = gtsrb / IMAGE, tmp_path / "moved.ppm"
    image.rename(there)
    image.symlink_to(there)
    assert described(GTSRB(gtsrb)) == annotated["train"]
    there.unlink()
    assert refused(gtsrb) == f"{image} is a link to nothing, '{there}'; bring that back, or delete the link"


EMPTY = {
    "the folder of official": lambda root: (root / "GTSRB/Final_Training/Images").mkdir(parents=True),
    "the classes of official": lambda root: (root / "GTSRB/Final_Training/Images/00004").mkdir(parents=True),
    "the folder of torchvision": lambda root: (root / "GTSRB/Training").mkdir(parents=True),
    "the test of official": lambda root: (root / "GTSRB/Final_Test/Images").mkdir(parents=True),
    "the whole of official": lambda root: [
        (root / f"Final_{name}/Images").mkdir(parents=True) for name in ("Training", "Test")
    ],
    "the table of a class": lambda root: save_text(root / "GTSRB/Final_Training/Images/00004/GT-00004.csv", HEADER),
}


def save_text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


@pytest.mark.parametrize("make", EMPTY.values(), ids=EMPTY.keys())
def test_kaggles_images_count_where_the_folders_of_another_layout_are_empty(gtsrb, annotated, make):
    root = kaggle(gtsrb)
    make(root)
    for split in SPLITS:
        data = GTSRB(root, split)
        assert data.layout == "kaggle"
        assert described(data) == annotated[split]


TABLES = ["", HEADER.replace(";", ","), "id,label\n1,cat\n", "Path,ClassId\nTrain/4/00004_00000_00000.png,4\n"]


@pytest.mark.parametrize("content", TABLES[1:])
@pytest.mark.parametrize("layout", ["official", "torchvision"])
def test_folders_with_images_count_where_kaggles_tables_have_none(gtsrb, annotated, layout, content):
    root = LAYOUTS[layout](gtsrb)
    for name in ("Train.csv", "Test.csv"):
        save_text(root / name, content)
    for split in SPLITS:
        assert GTSRB(root, split).layout == layout
        assert described(GTSRB(root, split)) == annotated[split]


def test_torchvisions_images_count_where_final_training_is_empty(gtsrb, annotated):
    root = torchvision(gtsrb)
    (root / "gtsrb/GTSRB/Final_Training/Images").mkdir(parents=True)
    for split in SPLITS:
        assert GTSRB(root, split).layout == "torchvision"
        assert described(GTSRB(root, split)) == annotated[split]


def test_a_broken_layout_that_has_images_is_told_though_another_is_there(gtsrb):
    root = kaggle(gtsrb)
    (gtsrb / "GTSRB/Final_Training").rename(root / "Final_Training")
    image = root / IMAGE.removeprefix("GTSRB/")
    image.unlink()
    assert refused(root).startswith(f"{image} is missing (1 of 24")


def test_a_sample_cannot_be_changed():
    sample = Sample(Path("a.ppm"), 4, (1, 2, 3, 4), 0, "00004_00000_00000")
    with pytest.raises(AttributeError):
        sample.class_id = 5


@pytest.mark.parametrize("split", SPLITS)
def test_the_real_images_are_as_annotated(real_gtsrb, split):
    data = GTSRB(real_gtsrb, split)
    assert data.layout == "official"
    assert {sample.class_id for sample in data.samples} == set(range(43))
    assert len(data) == len({sample.key for sample in data.samples}) == 6 * 43
    for item in data:
        (x1, y1, x2, y2), (width, height) = item.roi, item.image.size
        assert 0 <= x1 < x2 < width
        assert 0 <= y1 < y2 < height
        assert (item.track is None) == (split == "test")


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_is_left_as_it_was(gtsrb, enabled):
    switch = gc.enable if enabled else gc.disable
    switch()
    try:
        GTSRB(gtsrb)
        assert gc.isenabled() == enabled
        (gtsrb / IMAGE).with_name("GT-00004.csv").write_text("broken")
        with pytest.raises(DataError):
            GTSRB(gtsrb)
        assert gc.isenabled() == enabled
    finally:
        gc.enable()
