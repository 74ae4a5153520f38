"""Data sets with damage, drawn from a seed: an error of ours, or samples that lie below the root."""

import io
import itertools
import json
import zipfile

import pytest
from PIL import Image

from tests.data.layouts import kaggle, manipulation_of, torchvision
from tests.fuzzing import outcomes
from xaisigns.data import download
from xaisigns.data.image_set import SPLITS
from xaisigns.data.inventory import inventory
from xaisigns.data.layouts import open_images
from xaisigns.data.manipulation import Manipulation
from xaisigns.errors import DownloadError, XaisignsError

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


def official(root):
    return root


@pytest.mark.parametrize("make", [official, kaggle, torchvision])
def test_damaged_tables(gtsrb, make):
    root = make(gtsrb)
    counts = outcomes(50, f"tables {make.__name__}", lambda drawn: in_tables(root, drawn))
    assert sum(sound * count for sound, count in counts.items()) >= counts.total()


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


def numbered(folder):
    """A new folder in it at each call."""
    numbers = itertools.count()

    def new():
        path = folder / str(next(numbers))
        path.mkdir()
        return path

    return new


def test_odd_trees(tmp_path):
    new = numbered(tmp_path)

    def one(drawn):
        root = new() / "root"
        root.mkdir()
        return checked(tree(root, drawn))

    counts = outcomes(150, "trees", one)
    assert counts.total() - counts[0] > counts.total() // 20


def test_damaged_manifests(tmp_path):
    stickers = Manipulation().to_json()
    whole = {"format": 1, "counts": {"train": 1}, "stickered": [], "splits": ["train"], "manipulation": stickers}

    def one(drawn):
        (tmp_path / "manifest.json").write_bytes(damaged(json.dumps(whole).encode(), drawn))
        try:
            found = manipulation_of(tmp_path, "train")
        except XaisignsError:
            return "refused"
        assert found is None or Manipulation.from_json(found.to_json()) == found
        return "read"

    assert outcomes(200, "manifests", one)["refused"]


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
    new = numbered(tmp_path)

    def one(drawn):
        content, above = archive(drawn), new()
        sound = unpacked(above / "root", damaged(content, drawn) if drawn.random() < 0.7 else content)
        assert [path.name for path in above.iterdir()] == ["root"]
        return sound

    counts = outcomes(200, "archives", one)
    assert counts[1] > counts.total() // 20


def test_odd_images_by_name(tmp_path):
    """What is read as an image is RGB, or an error of ours."""
    new = numbered(tmp_path)

    def one(drawn):
        place = new() / "train" / "a" / "1.png"
        for number in range(2):
            path = place.parent.with_name("ab"[number]) / f"{number}.png"
            path.parent.mkdir(parents=True)
            buffer = io.BytesIO()
            Image.new(drawn.choice(["1", "L", "LA", "P", "RGBA", "I;16"]), (5, 4)).save(buffer, "PNG")
            path.write_bytes(damaged(buffer.getvalue(), drawn) if number else buffer.getvalue())
        data = open_images(place.parents[2])
        assert data[0].image.mode == "RGB"
        try:
            return data[1].image.mode
        except XaisignsError:
            return "refused"

    assert set(outcomes(20, "images by name", one)) <= {"RGB", "refused"}
