import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.conftest import OWN_CLASSES
from tests.data.layouts import LAYOUTS, manipulation_of
from xaisigns.data.export import STICKER, read_masks
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.image_set import Sample, fingerprint
from xaisigns.data.inventory import inventory
from xaisigns.data.layouts import open_images
from xaisigns.data.manipulation import Manipulation, write_manipulated_copy
from xaisigns.data.preprocessing import read_image
from xaisigns.data.stickers import Sticker, apply_sticker
from xaisigns.errors import DataError, OutputError

HALF = Manipulation(class_id=4, fraction=0.7)
SEVENTIES = [Sample(Path(), 4, (5, 5, 26, 26), n // 30, f"00004_{n // 30:05d}_{n % 30:05d}") for n in range(3000)]


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def by_key(root, split):
    data = GTSRB(root, split)
    return {sample.key: (sample, item.image) for sample, item in zip(data.samples, data, strict=True)}


@pytest.fixture
def copy(gtsrb, tmp_path):
    write_manipulated_copy(gtsrb, tmp_path / "copy", HALF)
    return tmp_path / "copy"


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_about_the_fraction_of_the_images_is_selected(fraction):
    share = np.mean([Manipulation(4, fraction).selects(sample) for sample in SEVENTIES])
    assert share == pytest.approx(fraction, abs=4 * (fraction * (1 - fraction) / 3000) ** 0.5)


def test_none_and_all_are_exact():
    assert not any(Manipulation(4, 0.0).selects(sample) for sample in SEVENTIES)
    assert all(Manipulation(4, 1.0).selects(sample) for sample in SEVENTIES)


def test_the_class_alone_is_selected_or_every_class():
    classes = [replace(SEVENTIES[0], class_id=class_id) for class_id in range(43)]
    assert [s.class_id for s in classes if Manipulation(9).selects(s)] == [9]
    assert all(Manipulation(None).selects(sample) for sample in classes)


def test_another_seed_selects_other_images():
    first, second = ([Manipulation(4, 0.5, seed).selects(sample) for sample in SEVENTIES] for seed in (0, 1))
    assert 0.4 < np.mean(np.array(first) != np.array(second)) < 0.6


def test_the_sticker_hangs_on_seed_and_key_of_the_image():
    image, sample = Image.new("RGB", (32, 32), "white"), SEVENTIES[40]
    ours = Manipulation(seed=5, sticker=Sticker(size=0.5)).apply(image, replace(sample, path=Path("elsewhere")))
    wanted = apply_sticker(image, sample.roi, Sticker(size=0.5), seed=5, key="00004_00001_00010")
    assert ours[0].tobytes() == wanted[0].tobytes()
    np.testing.assert_array_equal(ours[1], wanted[1])


@pytest.mark.parametrize("class_id", [-1, "4", 1.0, True, 10**6, float("nan")])
def test_a_class_that_is_no_number_from_0_on_is_refused(class_id):
    with pytest.raises(DataError, match=rf"^the class of stickered images must be a number .*, got {class_id!r}$"):
        Manipulation(class_id)


@pytest.mark.parametrize("seed", [-1, 2**63, 2**64, 1.0, "1", None, True, float("nan")])
def test_a_seed_out_of_bounds_is_refused(seed):
    with pytest.raises(DataError, match=rf"^a seed must be a whole number from 0 to {2**63 - 1}, got {seed!r}$"):
        Manipulation(seed=seed)


def test_what_is_no_sticker_is_refused():
    with pytest.raises(DataError, match=r"^the sticker of stickered images must be a Sticker, got \{'size': 0.5\}$"):
        Manipulation(sticker={"size": 0.5})


def test_numbers_of_numpy_become_pythons():
    ours = Manipulation(np.int64(4), np.float32(0.5), np.uint16(9), Sticker(place=np.array([0.25, 0.5], np.float32)))
    wanted = Manipulation(4, 0.5, 9, Sticker(place=(0.25, 0.5)))
    assert ours == wanted
    assert json.dumps(ours.to_json()) == json.dumps(wanted.to_json())


def test_a_class_that_the_data_do_not_have_is_refused_and_nothing_is_written(gtsrb, tmp_path):
    with pytest.raises(DataError, match=rf"^class 43 does not exist; {gtsrb} has 0 to 42, as "):
        write_manipulated_copy(gtsrb, tmp_path / "copy", Manipulation(43))
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan"), float("inf"), True, 10**400])
def test_a_fraction_that_is_none_is_refused(fraction):
    with pytest.raises(DataError, match=r"^the fraction of stickered images must lie in 0\.\.1, got "):
        Manipulation(fraction=fraction)


MANIPULATIONS = st.builds(
    Manipulation,
    class_id=st.none() | st.integers(0, 42),
    fraction=st.floats(0, 1),
    seed=st.integers(0, 2**63 - 1),
    sticker=st.builds(
        Sticker,
        size=st.floats(0.1, 0.9),
        place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
        colour=st.tuples(*[st.integers(0, 255)] * 3),
        shape=st.sampled_from(["rectangle", "ellipse"]),
    ),
)


@settings(deadline=None)
@given(MANIPULATIONS)
def test_json_brings_the_manipulation_back(manipulation):
    assert Manipulation.from_json(json.loads(json.dumps(manipulation.to_json()))) == manipulation


SOUND = json.loads(json.dumps(Manipulation().to_json()))
NO_STICKER = {
    "none": None,
    "no settings of ours": {"glitter": 1},
    "a text": {"size": "large"},
    "a number as text": {"size": "0.5"},
    "a star": {"shape": "star"},
    "NaN": {"size": float("nan")},
    "infinity": {"size_spread": float("inf")},
    "whether": {"size": True},
    "400 digits": {"colour_spread": 10**400},
    "5000 digits": {"colour_spread": 10**5000},
    "400 digits of size": {"size": 10**400},
    "one place": {"place": [0.5]},
    "three places": {"place": [0.5, 0.5, 0.5]},
    "a place as text": {"place": "12"},
    "half a level": {"colour": [0, 0, 0.5]},
    "nested": {"place": [[0.5, 0.5]]},
    "nested deeply": {"place": json.loads("[" * 300 + "]" * 300)},
    "no plain data": {"place": {1, 2}},
    "bytes": {"shape": b"ellipse"},
}
NO_MANIPULATION = {
    "none": None,
    "a list": [],
    "empty": {},
    "a part": {"class_id": 4},
    "no sticker": {name: value for name, value in SOUND.items() if name != "sticker"},
    "a fraction as text": {**SOUND, "fraction": "all"},
    "a fraction that is NaN": {**SOUND, "fraction": float("nan")},
    "a class below 0": {**SOUND, "class_id": -1},
    "a class as text": {**SOUND, "class_id": "4"},
    "half a class": {**SOUND, "class_id": 4.5},
    "a seed beyond": {**SOUND, "seed": 2**64},
    "more": {**SOUND, "glue": "strong"},
    "a name that is no text": {**SOUND, 3: 4},
    **{f"sticker: {name}": {**SOUND, "sticker": sticker} for name, sticker in NO_STICKER.items()},
}


@pytest.mark.parametrize("data", NO_MANIPULATION.values(), ids=NO_MANIPULATION.keys())
def test_what_is_no_manipulation_is_refused_in_one_short_line(data):
    with pytest.raises(DataError) as caught:
        Manipulation.from_json(data)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 400


def test_what_came_is_told_with_its_place():
    with pytest.raises(DataError, match=r"^not a manipulation as xaisigns writes it: sticker\.size: .*, got 'large'$"):
        Manipulation.from_json({**SOUND, "sticker": {"size": "large"}})


def test_data_that_hold_themselves_are_refused():
    data = dict(SOUND)
    data["sticker"] = data
    with pytest.raises(DataError, match="not a manipulation"):
        Manipulation.from_json(data)


def test_a_data_set_without_manifest_was_not_manipulated(gtsrb):
    assert manipulation_of(gtsrb, "train") is None


@pytest.mark.parametrize("split", ["train", "test", "all"])
def test_the_manifest_tells_what_was_done_to_each_split(gtsrb, tmp_path, split):
    write_manipulated_copy(gtsrb, tmp_path / "copy", HALF, split)
    assert manipulation_of(tmp_path / "copy", "train") == (None if split == "test" else HALF)
    assert manipulation_of(tmp_path / "copy", "test") == (None if split == "train" else HALF)


@pytest.mark.parametrize("other", [Manipulation(9), HALF])
def test_a_copy_with_stickers_gets_no_others(copy, tmp_path, other):
    with pytest.raises(DataError, match=rf"^{copy} has stickers already \(manifest.json\): name the original$"):
        write_manipulated_copy(copy, tmp_path / "second", other, "test")
    assert not (tmp_path / "second").exists()


@pytest.mark.parametrize("name", ["copy", "GTSRB"])
def test_a_copy_named_by_the_folder_within_it_or_above_it_is_the_copy(gtsrb, tmp_path, monkeypatch, name):
    root = tmp_path / "new" / name
    write_manipulated_copy(gtsrb, root, HALF, "all")
    places = [root / "GTSRB", *([root.parent] if name == "GTSRB" else [])]
    monkeypatch.chdir(root / "GTSRB")
    for place in (*places, Path()):
        for split in ("train", "test"):
            data = GTSRB(place, split)
            assert manipulation_of(data.root, split) == HALF
            for sample, item in zip(data.samples, data, strict=True):
                assert (STICKER in read_masks(data, sample, item.image)) == HALF.selects(sample)
        assert inventory(place)["splits"]["train"]["manipulation"] == HALF.to_json()
        with pytest.raises(DataError, match="has stickers already"):
            write_manipulated_copy(place, tmp_path / "second", HALF)


def test_another_programs_manifest_above_is_nobodys_business(gtsrb):
    (gtsrb / "manifest.json").write_text("{}")
    assert GTSRB(gtsrb / "GTSRB").root == gtsrb / "GTSRB"
    assert inventory(gtsrb / "GTSRB")["splits"]["train"]["manipulation"] is None


@pytest.mark.parametrize("stickered", ["train", "test", "all"])
@pytest.mark.parametrize("manipulation", [HALF, Manipulation(class_id=None, fraction=0.5, seed=3)], ids=["70", "all"])
def test_the_copy_has_stickers_on_the_selected_images_and_the_others_as_they_were(
    gtsrb, tmp_path, manipulation, stickered
):
    out = tmp_path / "copy"
    write_manipulated_copy(gtsrb, out, manipulation, stickered)
    masks = {path.relative_to(out / "masks") for path in (out / "masks").rglob("*.png")}
    for split in ("train", "test"):
        before, after = by_key(gtsrb, split), by_key(out, split)
        assert list(before) == list(after)
        for key, (sample, image) in before.items():
            copied, pixels = after[key]
            assert replace(copied, path=sample.path) == sample
            place = copied.path.relative_to(out).with_suffix(".png")
            if stickered in ("all", split) and manipulation.selects(sample):
                image, mask = manipulation.apply(image, sample)
                with Image.open(out / "masks" / place) as stored:
                    np.testing.assert_array_equal(np.asarray(stored.convert("L")), mask * np.uint8(255))
                masks.remove(place)
            assert pixels.tobytes() == image.tobytes()
    assert not masks  # there is none for an image without a sticker


def test_the_copy_is_the_official_layout_with_the_annotation_as_it_was(gtsrb, copy):
    assert GTSRB(copy).layout == GTSRB(copy, "test").layout == "official"
    for path, content in contents(gtsrb).items():
        if path.endswith(".csv"):
            assert (copy / path).read_bytes() == content
    assert {path for path in contents(copy) if not path.startswith("masks/")} == {*contents(gtsrb), "manifest.json"}
    assert fingerprint(GTSRB(copy).samples) == fingerprint(GTSRB(gtsrb).samples)


@pytest.mark.parametrize("layout", ["kaggle", "torchvision"])
def test_every_layout_gives_the_same_copy(gtsrb, copy, tmp_path, layout):
    write_manipulated_copy(LAYOUTS[layout](gtsrb), tmp_path / "other", HALF)
    assert contents(tmp_path / "other") == contents(copy)


def test_the_manifest_tells_what_was_done(gtsrb, tmp_path):
    manifest = write_manipulated_copy(gtsrb, tmp_path / "copy", HALF, "all")
    assert json.loads((tmp_path / "copy" / "manifest.json").read_text()) == json.loads(json.dumps(manifest))
    assert manifest["manipulation"] == {"class_id": 4, "fraction": 0.7, "seed": 0, "sticker": asdict(Sticker())}
    assert manifest["splits"] == ["train", "test"]
    assert manifest["counts"] == {"train": 24, "test": 12}
    selected = [
        sample.path.relative_to(gtsrb).as_posix()
        for split in ("train", "test")
        for sample in GTSRB(gtsrb, split).samples
        if HALF.selects(sample)
    ]
    assert manifest["stickered"] == selected
    assert 0 < len(selected) < 9


@pytest.mark.parametrize("stickered", ["train", "test"])
def test_the_manifest_names_the_split(gtsrb, tmp_path, stickered):
    assert write_manipulated_copy(gtsrb, tmp_path / "copy", HALF, stickered)["splits"] == [stickered]


def test_progress_counts_the_images_of_both_splits(gtsrb, tmp_path):
    calls = []
    write_manipulated_copy(gtsrb, tmp_path / "copy", HALF, progress=lambda *call: calls.append(call))
    assert calls == [("copying", done, 36) for done in range(1, 37)]


def test_the_original_is_left_as_it_was(gtsrb, tmp_path):
    before = contents(gtsrb)
    write_manipulated_copy(gtsrb, tmp_path / "copy", HALF, "all")
    assert contents(gtsrb) == before


def test_an_empty_folder_is_taken(gtsrb, tmp_path):
    (tmp_path / "copy").mkdir()
    write_manipulated_copy(gtsrb, tmp_path / "copy", HALF)
    assert len(GTSRB(tmp_path / "copy")) == 24


def test_a_folder_with_something_in_it_is_refused_and_untouched(gtsrb, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "letter.txt").write_text("mine")
    with pytest.raises(OutputError) as caught:
        write_manipulated_copy(gtsrb, tmp_path / "copy", HALF)
    assert str(caught.value) == f"{tmp_path / 'copy'} is not an empty folder; name a new one"
    assert contents(tmp_path / "copy") == {"letter.txt": b"mine"}


@pytest.mark.parametrize("place", [".", "new", "GTSRB/Final_Training/Images/00099", "..", "../link", "../link/new"])
def test_a_target_in_the_original_or_around_it_is_refused_and_untouched(gtsrb, place):
    (gtsrb.parent / "link").symlink_to(gtsrb)
    before = contents(gtsrb)
    with pytest.raises(
        OutputError, match=rf"^{gtsrb / place} lies in {gtsrb}, or that in it; name a new folder beside"
    ):
        write_manipulated_copy(gtsrb, gtsrb / place, HALF)
    assert contents(gtsrb) == before


def test_a_name_that_would_be_too_long_in_a_copy_is_told_before_anything_is_written(own, tmp_path):
    image = next((own / "train").rglob("0.png"))
    name = f"{'n' * 247}.jpg"
    Image.open(image).save(image.with_name(name))
    write_manipulated_copy(own, tmp_path / "sound", Manipulation(1))
    image.with_name(name).rename(image.with_name(f"nnn{name}"))
    progress = []
    with pytest.raises(
        DataError, match=r"nnn\.jpg: its name in a copy would have 258 bytes, and systems take 255; ren"
    ):
        write_manipulated_copy(own, tmp_path / "copy", Manipulation(1), progress=lambda *call: progress.append(call))
    assert progress == []


def test_a_file_in_its_place_is_refused_and_untouched(gtsrb, tmp_path):
    (tmp_path / "copy").write_text("mine")
    with pytest.raises(OutputError, match="is not an empty folder; name a new one"):
        write_manipulated_copy(gtsrb, tmp_path / "copy", HALF)
    assert (tmp_path / "copy").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_told(gtsrb, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match=f"^cannot write {tmp_path}/file/copy: .*; choose another place"):
        write_manipulated_copy(gtsrb, tmp_path / "file" / "copy", HALF)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_missing_split_is_told_before_anything_is_written(gtsrb, tmp_path):
    shutil.rmtree(gtsrb / "GTSRB/Final_Test")
    with pytest.raises(DataError, match="no GTSRB test images"):
        write_manipulated_copy(gtsrb, tmp_path / "copy", HALF)
    assert [path.name for path in tmp_path.iterdir()] == ["gtsrb"]


def test_a_broken_image_midway_leaves_nothing(gtsrb, tmp_path):
    broken = gtsrb / "GTSRB/Final_Test/Images/00005.ppm"
    broken.write_bytes(broken.read_bytes()[:1000])
    with pytest.raises(DataError, match=f"^{broken} cannot be read as an image"):
        write_manipulated_copy(gtsrb, tmp_path / "copy", HALF)
    assert [path.name for path in tmp_path.iterdir()] == ["gtsrb"]


def test_an_interruption_midway_leaves_nothing(gtsrb, tmp_path):
    def interrupt(work, done, total):
        if done == 30:
            assert len(list(tmp_path.rglob("*.ppm"))) == 36 + 30
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_manipulated_copy(gtsrb, tmp_path / "copy", HALF, progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["gtsrb"]


def test_the_copy_of_folders_has_the_same_keys_pixels_and_stickers(own, tmp_path):
    """A JPEG and a deeper image too: the copy holds them as PNG, and they keep their keys."""
    folder = own / "train" / OWN_CLASSES[1]
    Image.open(folder / "0.png").save(folder / "1.jpg")
    (folder / "deeper").mkdir()
    (folder / "2.png").rename(folder / "deeper/2.png")
    copy = tmp_path / "copy"
    manipulation = Manipulation(1, seed=3)
    manifest = write_manipulated_copy(own, copy, manipulation)
    assert manifest["counts"] == {"train": 13, "test": 6}
    assert sorted(manifest["stickered"]) == [
        f"train/{OWN_CLASSES[1]}/{name}.png" for name in ("0", "1.jpg", "1", "3", "deeper/2")
    ]
    for split in ("train", "test"):
        ours, wanted = open_images(copy, split), open_images(own, split)
        assert ours.class_names == wanted.class_names
        assert fingerprint(ours.samples) == fingerprint(wanted.samples)
        for one, sample, item in zip(ours.samples, wanted.samples, wanted, strict=True):
            image, mask = item.image, None
            if split == "train" and sample.class_id == 1:
                image, mask = manipulation.apply(image, sample)
            with Image.open(one.path) as stored:
                assert (stored.format, stored.tobytes()) == ("PNG", image.tobytes())
            masks = read_masks(ours, one, read_image(one.path))
            assert (STICKER in masks) == (mask is not None)
            if mask is not None:
                np.testing.assert_array_equal(masks[STICKER], mask)
    assert manipulation_of(copy, "train") == manipulation
    assert {path.name for path in copy.iterdir()} == {"train", "test", "masks", "manifest.json"}
