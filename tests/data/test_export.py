import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xaisigns.data.export import STICKER, Entry, read_masks, write_images
from xaisigns.data.folders import Folders
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.image_set import Sample, read_manifest
from xaisigns.data.manipulation import Manipulation, write_manipulated_copy
from xaisigns.errors import DataError, OutputError

DONE = {"splits": ["train"], "manipulation": json.loads(json.dumps(Manipulation().to_json()))}
MASK = np.eye(20, dtype=bool)


def entry(key, class_id, masks=None, colour="navy"):
    track = int(key.split("_")[1]) if "_" in key else None
    return Entry(Sample(Path(), class_id, (2, 3, 17, 15), track, key), Image.new("RGB", (20, 20), colour), masks or {})


@pytest.fixture
def splits():
    return {
        "train": [entry("00004_00000_00001", 4, {STICKER: MASK, "sign": ~MASK}), entry("00009_00000_00000", 9)],
        "test": [entry("00000", 9, {"sign": MASK}, "red")],
    }


def test_the_loader_reads_what_was_written(tmp_path, splits):
    write_images(tmp_path / "out", "official", splits, {}, total=3)
    for split, entries in splits.items():
        data = GTSRB(tmp_path / "out", split)
        assert data.layout == "official"
        for written, sample, item in zip(entries, data.samples, data, strict=True):
            assert replace(sample, path=Path(), size=None) == written.sample
            assert item.image.tobytes() == written.image.tobytes()


def test_masks_mirror_the_layout_below_their_folder(tmp_path, splits):
    write_images(tmp_path / "out", "official", splits, {}, total=3)
    masks = tmp_path / "out" / "masks"
    wanted = {
        "GTSRB/Final_Training/Images/00004/00000_00001.png": MASK,
        "sign/GTSRB/Final_Training/Images/00004/00000_00001.png": ~MASK,
        "sign/GTSRB/Final_Test/Images/00000.png": MASK,
    }
    assert {path.relative_to(masks).as_posix() for path in masks.rglob("*.png")} == set(wanted)
    for name, mask in wanted.items():
        with Image.open(masks / name) as stored:
            np.testing.assert_array_equal(np.asarray(stored.convert("L")), mask * np.uint8(255))


def test_the_manifest_counts_and_names_the_stickered(tmp_path, splits):
    manifest = write_images(tmp_path / "out", "official", splits, DONE, total=3)
    assert manifest == {
        "format": 1,
        **DONE,
        "counts": {"train": 2, "test": 1},
        "stickered": ["GTSRB/Final_Training/Images/00004/00000_00001.ppm"],
    }
    assert read_manifest(tmp_path / "out") == json.loads((tmp_path / "out/manifest.json").read_text()) == manifest


def test_progress_counts_over_both_splits(tmp_path, splits):
    calls = []
    write_images(tmp_path / "out", "official", splits, {}, total=3, progress=lambda *call: calls.append(call))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_a_failure_midway_leaves_nothing(tmp_path, splits):
    def failing():
        yield splits["train"][0]
        raise DataError("no more")

    with pytest.raises(DataError, match="no more"):
        write_images(tmp_path / "out", "official", {"train": failing()}, {}, total=2)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "mine").write_text("")

    def unread():
        pytest.fail("asked for an image")
        yield

    with pytest.raises(OutputError, match="is not an empty folder; name a new one"):
        write_images(tmp_path, "official", {"train": unread()}, {}, total=1)


def own(key):
    return Entry(Sample(Path(), 0, None, None, key), Image.new("RGB", (20, 20)), {})


@pytest.mark.parametrize(
    ("one", "other"), [("cat/a", "Cat/b"), ("cat/a", "cat/A"), ("cat/a", "cat/a"), ("c/d/a", "c/D/b")]
)
def test_names_that_the_file_system_does_not_tell_apart_are_refused(tmp_path, monkeypatch, one, other):
    """Every name here is as such a file system keeps it, whatever the one that the test runs on does."""
    for method in (Path.mkdir, Path.open):
        make = partial(lambda method, path, *args, **kwargs: method(lowered(tmp_path, path), *args, **kwargs), method)
        monkeypatch.setattr(Path, method.__name__, lambda path, *args, make=make, **kwargs: make(path, *args, **kwargs))
    with pytest.raises(OutputError, match=r"^cannot write train/.*: a file or folder that is written too has its name"):
        write_images(tmp_path / "out", "folders", {"train": [own(one), own(other)]}, {}, total=2)
    assert list(tmp_path.iterdir()) == []


def lowered(above, path):
    """``path`` with lower case letters below the temporary folder that is written to."""
    place = path.relative_to(above).parts if path.is_relative_to(above) else ()
    return Path(above, *place[:1], *(part.lower() for part in place[1:])) if place else path


def test_names_that_the_file_system_tells_apart_are_kept_apart(tmp_path):
    (tmp_path / "A").write_text("")
    if (tmp_path / "a").exists():
        pytest.skip("this file system does not tell upper from lower case")
    write_images(tmp_path / "out", "folders", {"train": [own("cat/a"), own("Cat/a"), own("cat/A")]}, {}, total=3)
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3


def test_a_folder_without_a_manifest_has_none(tmp_path):
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", "null", "3"])
def test_a_damaged_manifest_is_told_with_its_path(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(DataError, match=f"^{tmp_path / 'manifest.json'} is not a manifest"):
        read_manifest(tmp_path)


def test_what_is_nearly_black_or_white_in_a_mask_is_black_or_white(tmp_path, splits):
    write_images(tmp_path / "out", "official", splits, {}, total=3)
    data = GTSRB(tmp_path / "out", "test")
    path = tmp_path / "out/masks/sign/GTSRB/Final_Test/Images/00000.png"
    Image.fromarray(np.where(MASK, 200, 60).astype(np.uint8)).save(path)
    np.testing.assert_array_equal(read_masks(data, data.samples[0], data[0].image)["sign"], MASK)


def test_masks_of_ones_own_are_no_stickers(own, tmp_path):
    shutil.copytree(own / "test", own / "masks" / "test")
    for split in ("train", "test"):
        data = Folders(own, split)
        assert all(read_masks(data, sample, item.image) == {} for sample, item in zip(data.samples, data, strict=True))
    assert write_manipulated_copy(own, tmp_path / "copy", Manipulation(0, fraction=0))["stickered"] == []


def test_only_images_that_the_manifest_names_have_a_stickers_mask(tmp_path, splits):
    write_images(tmp_path, "official", splits, {}, total=3)
    data = GTSRB(tmp_path)
    place = tmp_path / "masks/GTSRB/Final_Training/Images"
    (place / "00009").mkdir()
    shutil.copy(place / "00004/00000_00001.png", place / "00009/00000_00000.png")
    assert [STICKER in read_masks(data, sample, data[0].image) for sample in data.samples] == [True, False]
    (place / "00004/00000_00001.png").unlink()
    with pytest.raises(DataError, match=r"00004/00000_00001\.png cannot be read as an image: there is no such file$"):
        read_masks(data, data.samples[0], data[0].image)


def test_a_mask_of_another_size_than_its_image_is_refused(tmp_path, splits):
    write_images(tmp_path, "official", splits, {}, total=3)
    data = GTSRB(tmp_path, "test")
    path = tmp_path / "masks/sign/GTSRB/Final_Test/Images/00000.png"
    Image.fromarray(MASK[:, :10]).save(path)
    with pytest.raises(DataError, match=rf"^{path} has 10 x 20 pixels, wanted 20 x 20 like its image; write"):
        read_masks(data, data.samples[0], data[0].image)
