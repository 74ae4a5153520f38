"""xaisigns data: info and sticker on the drawn data set; render; download against a server that refuses."""

import json

import pytest
from PIL import Image

from xaisigns.data import download
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.image_set import ImageSet, Sample
from xaisigns.data.layouts import LAYOUTS, register_layout


def test_info_counts_images(run, gtsrb):
    code, printed, told = run("data", "info", gtsrb)
    assert (code, told) == (0, "")
    assert "train: 24 images (of 39,209), 4 classes, 12 tracks, official layout" in printed
    assert "test: 12 images (of 12,630), 4 classes, official layout" in printed


def test_info_says_which_split_is_missing(run, gtsrb):
    (gtsrb / "GTSRB/GT-final_test.csv").unlink()
    code, printed, _ = run("data", "info", gtsrb, "--json")
    splits = json.loads(printed)["splits"]
    assert code == 0
    assert splits["train"]["images"] == 24
    assert "GT-final_test.csv is missing" in splits["test"]["missing"]


def test_layouts_are_listed_in_the_order_in_which_they_are_tried(run):
    _, printed, _ = run("data", "layouts", "--json")
    rows = json.loads(printed)["layouts"]
    assert [row["name"] for row in rows] == ["official", "kaggle", "torchvision", "folders"]
    assert rows[0] == {
        "name": "official",
        "description": "official layout",
        "expected": {"train": 39209, "test": 12630},
    }
    assert "train 26,640, test 12,630" in run("data", "layouts")[1]


def test_info_and_sticker_work_on_a_layout_of_ones_own(run, gtsrb, tmp_path, monkeypatch):
    def open_listed(root, split):
        if not (root / "animals").is_dir():
            return None
        names = [f"{split}-{number}.png" for number in range(2)]
        for name in names:
            Image.new("RGB", (32, 32)).save(root / "animals" / name)
        return ImageSet(
            root, split, [Sample(root / "animals" / name, n, key=name) for n, name in enumerate(names)], "ab"
        )

    monkeypatch.setattr(LAYOUTS, "_things", dict(LAYOUTS))
    register_layout("animals", open_listed, "a folder animals")
    (tmp_path / "zoo/animals").mkdir(parents=True)
    assert run("data", "info", tmp_path / "zoo")[1] == (
        "train: 2 images, 2 classes, a folder animals\ntest: 2 images, 2 classes, a folder animals\nclasses: 0 a, 1 b\n"
    )
    code, printed, told = run("data", "sticker", tmp_path / "zoo", tmp_path / "copy", "--class", 1)
    assert (code, told) == (0, "")
    assert "1 of them with a sticker" in printed
    assert "a folder for each class, stickers on class 1" in run("data", "info", tmp_path / "copy")[1]


def test_info_on_a_folder_without_gtsrb(run, tmp_path):
    code, printed, told = run("data", "info", tmp_path)
    assert (code, printed) == (1, "")
    assert f"no GTSRB train images below {tmp_path}" in told
    assert "xaisigns data download" in told


def test_sticker_writes_a_copy(run, gtsrb, tmp_path):
    out = tmp_path / "copy"
    code, printed, _ = run("data", "sticker", gtsrb, out, "--class", "9", "--fraction", "1", "--json")
    summary = json.loads(printed)
    assert code == 0
    assert summary["stickered"] == 6
    assert summary["manipulation"]["class_id"] == 9
    assert len(GTSRB(out, "train")) == 24
    assert len(list((out / "masks").rglob("*.png"))) == 6
    assert "official layout, stickers on class 9" in run("data", "info", out)[1]


def test_sticker_refuses_a_class_that_does_not_exist(run, gtsrb, tmp_path):
    code, _, told = run("data", "sticker", gtsrb, tmp_path / "copy", "--class", "43")
    assert code == 1
    assert f"class 43 does not exist; {gtsrb} has 0 to 42" in told
    assert not (tmp_path / "copy").exists()


def test_download_that_cannot_reach_the_server(run, tmp_path, monkeypatch):
    archive = download.Archive("a.zip", "http://127.0.0.1:9/a.zip", "0" * 32)
    monkeypatch.setattr(download, "ARCHIVES", (archive,))
    monkeypatch.setattr(download, "PAUSES", (0.0,))
    code, printed, told = run("data", "download", tmp_path)
    assert (code, printed) == (1, "")
    assert "a.zip" in told
    assert len(told.strip().splitlines()) == 1


def test_render_writes_a_data_set(run, tmp_path):
    out = tmp_path / "drawn"
    arguments = ("--per-class", "2", "--seed", "3", "--size", "24", "--sticker-class", "9", "--json")
    code, printed, told = run("data", "render", out, *arguments)
    summary = json.loads(printed)
    assert (code, told) == (0, "")
    assert summary["rendered"] == {"per_class": 2, "seed": 3, "size": 24}
    assert summary["counts"] == {"train": 86, "test": 43}
    assert (summary["stickered"], summary["manipulation"]["class_id"], summary["out"]) == (2, 9, str(out))
    assert len(GTSRB(out, "train")) == 86
    code, printed, _ = run("data", "info", out)
    assert code == 0
    assert "train: 86 images (drawn), 43 classes, 43 tracks, official layout, stickers on class 9" in printed


def test_render_tells_people_what_it_wrote(run, tmp_path):
    out = tmp_path / "drawn"
    code, printed, _ = run("data", "render", out, "--per-class", "1", "--size", "16")
    assert code == 0
    assert printed == f"{out}: 86 drawn images, 0 of them with a sticker\n"


def test_render_refuses_what_cannot_be_done(run, tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    code, printed, told = run("data", "render", tmp_path)
    assert (code, printed) == (1, "")
    assert told == f"xaisigns: {tmp_path} is not an empty folder; name a new one\n"
    assert run("data", "render", tmp_path / "new", "--sticker-class", "43")[0] == 1
    assert run("data", "render", tmp_path / "new", "--per-class", "0")[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def in_one_line(told):
    """What is told, without the frame and the spaces that it is laid out with."""
    return "".join(told.replace("│", "").split())


BEYOND = {"--seed": (2**63, 2**64, -1), "--size": (15, 2049, 999_999_999_999), "--per-class": (0, 10_001, 10**9)}


@pytest.mark.parametrize(
    ("option", "value"), [(option, value) for option, values in BEYOND.items() for value in values]
)
def test_numbers_beyond_their_bounds_are_refused_with_them_before_work_begins(run, tmp_path, option, value):
    code, printed, told = run("data", "render", tmp_path / "new", option, value)
    assert (code, printed) == (2, "")
    lowest, highest = {"--seed": (0, 2**63 - 1), "--size": (16, 2048), "--per-class": (1, 10_000)}[option]
    told = in_one_line(told)
    assert f"'{option}':Inputshouldbe" in told
    assert f"lessthanorequalto{highest}" in told or f"greaterthanorequalto{lowest}" in told
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "arguments", [("--fraction", "nan"), ("--fraction", "1.5"), ("--seed", 2**64), ("--class", 10**30)]
)
def test_stickers_beyond_their_bounds_are_refused_before_work_begins(run, gtsrb, tmp_path, arguments):
    code, printed, told = run("data", "sticker", gtsrb, tmp_path / "new", *arguments)
    assert (code in (1, 2), printed) == (True, "")
    assert any(
        wanted in in_one_line(told) for wanted in ("lessthanorequalto", f"class{arguments[1]}doesnotexist", "mustbe")
    )
    assert not (tmp_path / "new").exists()
