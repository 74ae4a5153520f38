import json
import re
import shutil
from dataclasses import asdict
from functools import partial

import numpy as np
import pytest
from PIL import Image

from tests.data.layouts import manipulation_of
from xaisigns.data.decoded import split_by_track
from xaisigns.data.drawn import sign_set
from xaisigns.data.drawn.sign_set import DrawnSet, default_drawn_set, write_drawn_set
from xaisigns.data.export import SIGN, STICKER, read_masks
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.image_set import fingerprint
from xaisigns.data.inventory import inventory
from xaisigns.data.manipulation import Manipulation, write_manipulated_copy
from xaisigns.data.preprocessing import read_image
from xaisigns.errors import DataError, OutputError

SMALL = DrawnSet(per_class=6, seed=1, size=24)


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stored_mask(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("L")) == 255


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    out = tmp_path_factory.mktemp("rendered") / "set"
    return out, write_drawn_set(out, SMALL, Manipulation(4, seed=1))


def test_it_is_the_official_layout_with_all_classes(drawn):
    out, manifest = drawn
    for split, each in (("train", 6), ("test", 2)):
        data = GTSRB(out, split)
        assert data.layout == "official"
        assert np.bincount([sample.class_id for sample in data.samples]).tolist() == [each] * 43
        assert manifest["counts"][split] == len(data)
        assert {item.image.size for item in data} == {(24, 24)}


@pytest.mark.parametrize("split", ["train", "test"])
def test_images_and_masks_are_those_of_the_signs(drawn, split):
    out, _ = drawn
    for stored, (sample, sign), item in zip(
        GTSRB(out, split).samples, SMALL.signs(split), GTSRB(out, split), strict=True
    ):
        assert (stored.key, stored.class_id, stored.roi, stored.track) == (
            sample.key,
            sign.class_id,
            sign.roi,
            sample.track,
        )
        place = stored.path.relative_to(out).with_suffix(".png")
        np.testing.assert_array_equal(stored_mask(out / "masks/sign" / place), sign.sign_mask)
        np.testing.assert_array_equal(stored_mask(out / "masks/pictogram" / place), sign.pictogram_mask)
        image = sign.image
        if split == "train" and sign.class_id == 4:
            image, mask = Manipulation(4, seed=1).apply(image, sample)
            np.testing.assert_array_equal(stored_mask(out / "masks" / place), mask)
        assert item.image.tobytes() == image.tobytes()


def test_there_is_a_mask_for_every_image_and_a_stickers_for_the_stickered(drawn):
    out, manifest = drawn
    images = 43 * 8
    for kind, count in (("sign", images), ("pictogram", images), ("GTSRB", 6)):
        assert len(list((out / "masks" / kind).rglob("*.png"))) == count
    assert len(manifest["stickered"]) == 6
    assert all("/00004/" in place for place in manifest["stickered"])


def test_a_manipulated_copy_keeps_the_masks_and_what_was_drawn(tmp_path):
    out, copy = tmp_path / "drawn", tmp_path / "copy"
    manifest = write_drawn_set(out, DrawnSet(1, 1, 24))
    told = write_manipulated_copy(out, copy, Manipulation(9), stickered="test")
    assert (told["rendered"], told["splits"]) == (manifest["rendered"], ["test"])
    for split in ("train", "test"):
        for sample in GTSRB(out, split).samples:
            image = read_image(sample.path)
            kept, before = (read_masks(GTSRB(root, split), sample, image) for root in (copy, out))
            assert (STICKER in kept) == (split == "test" and sample.class_id == 9)
            for kind, mask in before.items():
                np.testing.assert_array_equal(kept[kind], mask)


def test_photographs_have_no_masks(gtsrb):
    data = GTSRB(gtsrb, "test")
    assert read_masks(data, data.samples[0], data[0].image) == {}


def test_a_broken_mask_is_told_with_its_path(drawn, tmp_path):
    out = shutil.copytree(drawn[0], tmp_path / "set")
    data = GTSRB(out, "test")
    sample = data.samples[0]
    broken = out / "masks" / SIGN / sample.path.relative_to(out).with_suffix(".png")
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(DataError, match=rf"^{re.escape(str(broken))} cannot be read as an image"):
        read_masks(data, sample, data[0].image)


def test_the_manifest_tells_what_was_drawn(drawn):
    out, manifest = drawn
    assert manifest["rendered"] == {"per_class": 6, "seed": 1, "size": 24}
    assert manipulation_of(out, "train") == Manipulation(4, seed=1)
    assert manipulation_of(out, "test") is None
    assert inventory(out)["rendered"] == manifest["rendered"]


def test_without_a_sticker_there_is_no_manipulation(tmp_path):
    write_drawn_set(tmp_path / "set", DrawnSet(1, 0, 16))
    assert manipulation_of(tmp_path / "set", "train") is None
    assert not (tmp_path / "set/masks/GTSRB").exists()


def test_frames_of_a_track_share_their_scene(drawn):
    out, _ = drawn
    samples = [sample for sample in GTSRB(out).samples if sample.class_id == 2]
    assert [sample.track for sample in samples] == [0, 0, 0, 0, 0, 1]
    masks = [stored_mask(out / "masks/sign" / s.path.relative_to(out).with_suffix(".png")) for s in samples]
    for mask in masks[1:5]:
        assert (mask & masks[0]).sum() > 0.85 * (mask | masks[0]).sum()
    parts = split_by_track(GTSRB(out).samples, 0.5)
    assert min(map(len, parts)) >= 43  # one of the two tracks of each class


def test_training_and_test_images_show_other_scenes(drawn):
    out, _ = drawn
    images = [item.image.tobytes() for split in ("train", "test") for item in GTSRB(out, split)]
    assert len(set(images)) == len(images)


def test_the_same_seed_writes_the_same_files_and_another_seed_others(tmp_path):
    for name, seed in (("first", 5), ("second", 5), ("third", 6)):
        write_drawn_set(tmp_path / name, DrawnSet(1, seed, 16))
    first, second, third = (contents(tmp_path / name) for name in ("first", "second", "third"))
    assert first == second
    assert set(first) == set(third)
    assert first != third


def test_progress_counts_the_images_of_both_splits(tmp_path):
    calls = []
    write_drawn_set(tmp_path / "set", DrawnSet(1, 0, 16), progress=lambda *call: calls.append(call))
    assert calls == [("drawing signs", done, 86) for done in range(1, 87)]


def test_an_interruption_midway_leaves_nothing(tmp_path):
    def interrupt(work, done, total):
        if done == 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_drawn_set(tmp_path / "set", DrawnSet(1, 0, 16), progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not an empty folder; name a new one"):
        write_drawn_set(tmp_path, DrawnSet(1, 0, 16))
    assert contents(tmp_path) == {"letter.txt": b"mine"}


def test_a_size_too_small_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match="at least 16 pixels"):
        write_drawn_set(tmp_path / "set", DrawnSet(1, 0, 8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("per_class", [0, -1, 10_001, 10**9, 1.0, "9", True, None])
def test_no_images_at_all_or_too_many_are_refused(per_class):
    told = rf"^wanted 1 or more drawn images of each class, at most 10,000, got {per_class!r}$"
    with pytest.raises(DataError, match=told):
        DrawnSet(per_class=per_class)


@pytest.mark.parametrize("settings", [{"seed": 2**63}, {"seed": -1}, {"size": 2049}, {"size": 999_999_999_999}])
def test_a_seed_or_size_out_of_bounds_is_refused_before_anything_is_drawn(settings):
    with pytest.raises(DataError, match=f"got {next(iter(settings.values()))}$"):
        DrawnSet(**settings)


def test_numbers_of_numpy_become_pythons():
    settings = DrawnSet(np.int64(2), np.uint8(3), np.int32(24))
    assert json.loads(json.dumps(asdict(settings))) == {"per_class": 2, "seed": 3, "size": 24}


@pytest.fixture
def _small(monkeypatch):
    monkeypatch.setattr(sign_set, "DrawnSet", partial(DrawnSet, per_class=1, size=16))


@pytest.mark.usefixtures("_small")
def test_the_default_set_is_drawn_once_and_kept_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))
    calls = []
    root = default_drawn_set(progress=lambda *call: calls.append(call))
    assert root.parent.parent == tmp_path / "cache"
    assert calls[-1] == ("drawing signs", 86, 86)
    found = fingerprint(GTSRB(root).samples)
    assert default_drawn_set(progress=lambda *call: pytest.fail("drawn again")) == root
    shutil.rmtree(root)
    assert fingerprint(GTSRB(default_drawn_set()).samples) == found


@pytest.mark.usefixtures("_small")
def test_a_default_set_that_another_process_finished_first_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))

    def overtaken(work, done, total):
        if done == 10:
            default_drawn_set()

    assert len(GTSRB(default_drawn_set(progress=overtaken))) == 43
    assert len(list((tmp_path / "cache").iterdir())) == 1


TABLE = "GTSRB/Final_Training/Images/00002/GT-00002.csv"
DAMAGES = {
    "an empty image": lambda root: (root / "GTSRB/Final_Test/Images/00003.ppm").write_bytes(b""),
    "no image": lambda root: (root / "GTSRB/Final_Test/Images/00003.ppm").unlink(),
    "half a mask": lambda root: (root / "masks/sign/GTSRB/Final_Test/Images/00003.png").write_bytes(b"\x89PNG"),
    "no manifest": lambda root: (root / "manifest.json").unlink(),
    "an empty manifest": lambda root: (root / "manifest.json").write_bytes(b""),
    "another number in a table": lambda root: (root / TABLE).write_text((root / TABLE).read_text().replace("16", "17")),
    "a file for a folder": lambda root: (shutil.rmtree(root / "GTSRB"), (root / "GTSRB").write_text("")),
    "no list": lambda root: (root.parent / "files.json").unlink(),
    "a list of nothing": lambda root: (root.parent / "files.json").write_text("[]"),
    "a file for it all": lambda root: (shutil.rmtree(root.parent), root.parent.write_text("")),
}


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_default_set_that_is_damaged_is_drawn_anew(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))
    root = default_drawn_set()
    whole = contents(root.parent)
    DAMAGES[damage](root)
    assert default_drawn_set() == root
    assert contents(root.parent) == whole
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.usefixtures("_small")
def test_a_default_set_that_another_process_just_mended_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))
    root = default_drawn_set()
    node = root.parent.stat().st_ino
    found, is_whole = [False], sign_set._is_whole
    monkeypatch.setattr(sign_set, "_is_whole", lambda root: found.pop() if found else is_whole(root))
    assert default_drawn_set(progress=lambda *_: pytest.fail("drawn again")) == root
    assert root.parent.stat().st_ino == node


def test_other_drawings_make_another_default_set(monkeypatch):
    before = sign_set._version()
    monkeypatch.setattr(sign_set, "DrawnSet", partial(DrawnSet, seed=1))
    assert sign_set._version() != before


@pytest.mark.usefixtures("_small")
def test_a_cache_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match=f"^cannot write {tmp_path}/file/rendered-"):
        default_drawn_set()
