"""xaisigns data: info and sticker on the drawn data set; download against a server that refuses."""

import json

from xaisigns.data import download
from xaisigns.data.gtsrb import GTSRB


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
    assert "class 43 does not exist; GTSRB's classes are 0 to 42" in told
    assert not (tmp_path / "copy").exists()


def test_download_that_cannot_reach_the_server(run, tmp_path, monkeypatch):
    archive = download.Archive("a.zip", "http://127.0.0.1:9/a.zip", "0" * 32)
    monkeypatch.setattr(download, "ARCHIVES", (archive,))
    monkeypatch.setattr(download, "PAUSES", (0.0,))
    code, printed, told = run("data", "download", tmp_path)
    assert (code, printed) == (1, "")
    assert "a.zip" in told
    assert len(told.strip().splitlines()) == 1
