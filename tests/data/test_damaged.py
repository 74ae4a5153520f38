"""Data sets with damage, drawn from a seed: an error of ours, or samples that lie below the root."""

import io
import json
import random
import zipfile

import pytest
from PIL import Image

from tests.data.layouts import kaggle, manipulation_of, torchvision
from xaisigns.data import download
from xaisigns.data.image_set import SPLITS
from xaisigns.data.inventory import inventory
from xaisigns.data.layouts import open_images
from xaisigns.data.manipulation import Manipulation
from xaisigns.errors import DownloadError, XaisignsError

TIMES = 1  # as many damaged data sets again
SCRAPS = [
    b"",
    b"..",
    b"/",
    b"\\",
    b"\0",
    b'"',
    b";",
    b",",
    b"\n",
    b"\xff\xfe",
    b"9" * 400,
    b"NaN",
    b"[" * 300,
    b"{}",
    b"\x1b[2J",
]
NAMES = [
    "a",
    "A",
    "\u00fc",
    "u\u0308",
    "\u65e5\u672c",
    "x\ny",
    "\x1b[2J",
    " ",
    "a.",
    ".b",
    "n" * 200,
    "__MACOSX",
    "#",
    "1",
    "10",
    "2",
]
ENDS = ["", ".png", ".PNG", ".jpg", ".png.png", ".csv"]


def damaged(content, drawn):
    content = bytearray(content)
    for _ in range(drawn.randint(1, 5)):
        place = drawn.randrange(len(content) + 1)
        match drawn.randrange(4):
            case 0:
                content[place : place + drawn.choice([0, 1, 40])] = drawn.choice(SCRAPS)
            case 1:
                content[place : place + 1] = bytes([drawn.randrange(256)])
            case 2:
                del content[place:]
            case 3:
                content[place:place] = content[place // 2 : place]
    return bytes(content)


def checked(root):
    """Whether anything in ``root`` is read; whatever is must lie in it."""
    sound = 0
    for split in SPLITS:
        try:
            data = open_images(root, split)
        except XaisignsError:
            continue
        sound += 1
        assert len({sample.key for sample in data.samples}) == len(data.samples) > 0
        for sample in data.samples:
            assert sample.path.is_relative_to(root)
            assert ".." not in sample.path.parts
            assert sample.class_id in range(len(data.class_names["en"]))
            assert sample.path.exists()
    try:
        inventory(root)
        manipulation_of(root, "train")
    except XaisignsError:
        pass
    return sound


def in_tables(root, drawn):
    table = drawn.choice(sorted(root.rglob("*.csv")))
    content = table.read_bytes()
    table.write_bytes(damaged(content, drawn))
    sound = checked(root)
    table.write_bytes(content)
    return sound


@pytest.mark.parametrize("make", [lambda root: root, kaggle, torchvision])
def test_damaged_tables(gtsrb, make):
    root, drawn = make(gtsrb), random.Random(1)
    assert sum(in_tables(root, drawn) for _ in range(40 * TIMES)) >= 40 * TIMES


def tree(root, drawn):
    """Folders, files and links with odd names in odd places."""
    places = [root]
    for name in drawn.choice([(), ("train/cat", "train/dog", "test/cat"), ("Final_Training/Images/00001", "train/1")]):
        places.append(root / name)
        places[-1].mkdir(parents=True)
        (places[-1] / "1.png").write_bytes(b"")
    for _ in range(drawn.randint(3, 25)):
        above = drawn.choice(places)
        split = drawn.choice(
            ["train", "test", "val", "Train", "Training", "Final_Test", "Images", "Train.csv", "GTSRB"]
        )
        name = split if above == root else drawn.choice(NAMES) + drawn.choice(ENDS)
        path = above / name
        try:
            match drawn.randrange(5):
                case 0 | 1:
                    path.mkdir()
                    places.append(path)
                case 2 | 3:
                    path.write_bytes(drawn.choice([b"", drawn.randbytes(20), b"ClassId,Path\\n1,../a.png"]))
                case 4:
                    path.symlink_to(drawn.choice([*places, root / "none", path, root.parent]), target_is_directory=True)
        except OSError:
            pass
    return root


def test_odd_trees(tmp_path):
    drawn = random.Random(2)
    sound = 0
    for number in range(150 * TIMES):
        root = tmp_path / str(number) / "root"
        root.mkdir(parents=True)
        sound += checked(tree(root, drawn))
    assert sound > 150 * TIMES // 20


def test_damaged_manifests(tmp_path):
    drawn = random.Random(3)
    stickers = Manipulation().to_json()
    whole = {"format": 1, "counts": {"train": 1}, "stickered": [], "splits": ["train"], "manipulation": stickers}
    for _ in range(300 * TIMES):
        (tmp_path / "manifest.json").write_bytes(damaged(json.dumps(whole).encode(), drawn))
        try:
            found = manipulation_of(tmp_path, "train")
        except XaisignsError:
            continue
        assert found is None or Manipulation.from_json(found.to_json()) == found


def archive(drawn):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", drawn.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as bundle:
        for name in drawn.sample(["one", "two", "three", drawn.choice(NAMES)], drawn.randint(1, 4)):
            bundle.writestr(drawn.choice([*[""] * 9, "d/", "../", "/", "C:"]) + name, drawn.randbytes(50))
    return buffer.getvalue()


def unpacked(root, content):
    (root / download.WORK_FOLDER).mkdir(parents=True)
    (root / download.WORK_FOLDER / "a.zip").write_bytes(content)
    try:
        download._extract(download.Archive("a.zip", "", ""), root)
    except DownloadError:
        assert [path.name for path in root.rglob("*")] == [download.WORK_FOLDER]
        return 0
    return 1


def test_damaged_archives(tmp_path):
    drawn, sound = random.Random(4), 0
    for number in range(200 * TIMES):
        content = archive(drawn)
        above = tmp_path / str(number)
        sound += unpacked(above / "root", damaged(content, drawn) if drawn.random() < 0.7 else content)
        assert [path.name for path in above.iterdir()] == ["root"]
    assert sound > 200 * TIMES // 20


def test_odd_images_by_name(tmp_path):
    """What is read as an image is RGB, or an error of ours."""
    drawn = random.Random(5)
    for number in range(20 * TIMES):
        place = tmp_path / "train" / "abc"[number % 3] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        Image.new(drawn.choice(["1", "L", "LA", "P", "RGBA", "I;16"]), (5, 4)).save(buffer, "PNG")
        place.write_bytes(damaged(buffer.getvalue(), drawn) if number % 2 else buffer.getvalue())
    data = open_images(tmp_path)
    for index in range(len(data)):
        try:
            assert data[index].image.mode == "RGB"
        except XaisignsError:
            assert int(data.samples[index].path.stem) % 2
