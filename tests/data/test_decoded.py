import os
import time
from collections import Counter
from pathlib import Path
from threading import Lock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from xaisigns.base.cache_folder import cache_folder
from xaisigns.data import decoded
from xaisigns.data.decoded import decode, objects_of, split_by_track
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.image_set import Sample
from xaisigns.data.layouts import open_images
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.preprocessing import read_image, resize
from xaisigns.errors import DataError, OutputError

SIZE = 20
STICKERS = Manipulation(class_id=4, fraction=0.7)
TABLE = "GTSRB/Final_Training/Images/00004/GT-00004.csv"


def one_by_one(data, manipulation=None):
    images = []
    for sample in data.samples:
        image = read_image(sample.path)
        if manipulation and manipulation.selects(sample):
            image, _ = manipulation.apply(image, sample)
        images.append(resize(image, SIZE))
    return np.stack(images)


@pytest.fixture
def nothing_is_read(monkeypatch):
    """From when it is called on, reading an image fails the test."""

    def begin():
        monkeypatch.setattr(decoded, "read_image", lambda path: pytest.fail(f"{path} was decoded again"))

    return begin


@pytest.mark.parametrize("manipulation", [None, STICKERS])
@pytest.mark.parametrize("split", ["train", "test"])
def test_decoding_equals_reading_and_resizing_image_by_image(gtsrb, tmp_path, split, manipulation):
    data = GTSRB(gtsrb, split)
    pixels = decode(data, SIZE, manipulation, folder=tmp_path / "cache")
    assert (pixels.shape, pixels.dtype) == ((len(data), SIZE, SIZE, 3), np.uint8)
    np.testing.assert_array_equal(pixels, one_by_one(data, manipulation))


def test_the_pixels_are_a_memory_map_that_cannot_be_written(gtsrb, tmp_path):
    pixels = decode(GTSRB(gtsrb), SIZE, folder=tmp_path)
    assert isinstance(pixels, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 0


def test_the_second_call_decodes_nothing(gtsrb, tmp_path, nothing_is_read):
    first = decode(GTSRB(gtsrb), SIZE, STICKERS, folder=tmp_path)
    nothing_is_read()
    again = decode(GTSRB(gtsrb), SIZE, STICKERS, folder=tmp_path, progress=lambda *_: pytest.fail("nothing to do"))
    np.testing.assert_array_equal(again, first)


def test_stickers_are_on_the_selected_images_only(gtsrb, tmp_path):
    data = GTSRB(gtsrb)
    clean, stickered = decode(data, SIZE, folder=tmp_path), decode(data, SIZE, STICKERS, folder=tmp_path)
    changed = (clean != stickered).any(axis=(1, 2, 3))
    assert list(changed) == [STICKERS.selects(sample) for sample in data.samples]
    assert 0 < changed.sum() < 6  # some of the class's images, so that the test can tell


def test_other_settings_have_their_own_pixels(gtsrb, tmp_path, nothing_is_read):
    train, test = GTSRB(gtsrb), GTSRB(gtsrb, "test")
    decode(train, SIZE, folder=tmp_path)
    decode(train, SIZE, STICKERS, folder=tmp_path)
    decode(test, SIZE, folder=tmp_path)
    assert decode(train, SIZE + 1, folder=tmp_path).shape == (24, SIZE + 1, SIZE + 1, 3)
    assert len(list(tmp_path.glob("*.arrays"))) == 4
    nothing_is_read()  # what is kept side by side is not made again by turns
    assert decode(train, SIZE, folder=tmp_path).shape == (24, SIZE, SIZE, 3)
    assert decode(test, SIZE, folder=tmp_path).shape == (12, SIZE, SIZE, 3)


def test_other_stickers_replace_the_former(gtsrb, tmp_path):
    data, other = GTSRB(gtsrb), Manipulation(class_id=4, fraction=0.7, seed=1)
    decode(data, SIZE, STICKERS, folder=tmp_path)
    np.testing.assert_array_equal(decode(data, SIZE, other, folder=tmp_path), one_by_one(data, other))
    assert len(list(tmp_path.glob("*.arrays"))) == 1


def test_a_changed_file_is_decoded_anew_and_the_stale_pixels_go(gtsrb, tmp_path):
    data = GTSRB(gtsrb)
    stale = decode(data, SIZE, folder=tmp_path).copy()
    path = data.samples[7].path
    status = path.stat()
    Image.new("RGB", (32, 32), "orange").save(path)  # of the same size
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    fresh = decode(data, SIZE, folder=tmp_path)
    np.testing.assert_array_equal(fresh[7], np.broadcast_to([255, 165, 0], (SIZE, SIZE, 3)))
    assert (fresh != stale).any(axis=(1, 2, 3)).sum() == 1
    assert len(list(tmp_path.glob("*.arrays"))) == 1


def test_a_changed_file_of_the_same_size_and_time_is_decoded_anew(gtsrb, tmp_path):
    data = GTSRB(gtsrb)
    decode(data, SIZE, folder=tmp_path)
    path = data.samples[7].path
    status = path.stat()
    Image.new("RGB", (32, 32), "orange").save(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    fresh = decode(data, SIZE, folder=tmp_path)
    np.testing.assert_array_equal(fresh[7], np.broadcast_to([255, 165, 0], (SIZE, SIZE, 3)))


def test_large_images_are_read_one_at_a_time(own, tmp_path, monkeypatch):
    data = open_images(own)
    for sample in data.samples:
        Image.new("L", (2001, 1000)).save(sample.path)
    read, lock = decoded.read_image, Lock()

    def alone(path):
        assert lock.acquire(blocking=False), "two at a time"
        time.sleep(0.01)
        lock.release()
        return read(path)

    monkeypatch.setattr(decoded, "read_image", alone)
    assert len(decode(data, SIZE, folder=tmp_path)) == 12


def test_a_changed_roi_moves_the_sticker(gtsrb, tmp_path):
    everywhere = Manipulation(class_id=4)
    stale = decode(GTSRB(gtsrb), SIZE, everywhere, folder=tmp_path).copy()
    header, first, *rest = (gtsrb / TABLE).read_text().splitlines()
    name, *_ = first.split(";")
    (gtsrb / TABLE).write_text("\n".join([header, f"{name};32;32;10;2;30;22;4", *rest, ""]))
    data = GTSRB(gtsrb)
    fresh = decode(data, SIZE, everywhere, folder=tmp_path)
    np.testing.assert_array_equal(fresh, one_by_one(data, everywhere))
    assert (fresh != stale).any(axis=(1, 2, 3)).sum() == 1
    assert len(list(tmp_path.glob("*.arrays"))) == 1


def test_progress_counts_every_image(gtsrb, tmp_path):
    calls = []
    decode(GTSRB(gtsrb, "test"), SIZE, folder=tmp_path, progress=lambda *call: calls.append(call))
    assert calls == [("decoding", done, 12) for done in range(1, 13)]


def test_an_unreadable_image_is_told_and_leaves_no_file(gtsrb, tmp_path):
    data = GTSRB(gtsrb, "test")
    broken = data.samples[5].path
    broken.write_bytes(b"P6 32 32 255 " + bytes(50))
    with pytest.raises(DataError) as caught:
        decode(data, SIZE, folder=tmp_path / "cache")
    assert str(caught.value).startswith(f"{broken} cannot be read as an image: ")
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_image_that_has_gone_meanwhile_is_told(gtsrb, tmp_path):
    data = GTSRB(gtsrb, "test")
    data.samples[3].path.unlink()
    with pytest.raises(DataError) as caught:
        decode(data, SIZE, folder=tmp_path / "cache")
    assert str(caught.value) == f"{data.samples[3].path} is missing"


def test_a_folder_that_cannot_be_written_is_told(gtsrb, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(OutputError, match=f"cannot write {tmp_path}/cache/.*arrays: .*; choose another place"):
        decode(GTSRB(gtsrb, "test"), SIZE, folder=tmp_path / "cache")


def test_the_cache_is_where_the_environment_says_or_at_home(gtsrb, tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "mine"))
    decode(GTSRB(gtsrb, "test"), SIZE)
    assert [path.suffix for path in (tmp_path / "mine/decoded").iterdir()] == [".arrays"]
    monkeypatch.delenv("XAISIGNS_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "xaisigns"


def samples_of(tracks):
    return [Sample(Path(), class_id, (0, 0, 9, 9), track, f"{n}") for n, (class_id, track) in enumerate(tracks)]


def test_the_photographs_of_one_sign_have_one_number():
    tracks = [(0, 3), (1, 3), (0, 3), (0, None), (0, None), (1, 3)]
    assert objects_of(samples_of(tracks)).tolist() == [0, 1, 0, 2, 3, 1]
    assert objects_of([]).tolist() == []


TRACKS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=80)
FRACTIONS = st.floats(0, 1)


@settings(deadline=None)
@given(TRACKS, FRACTIONS, st.integers(0, 99))
def test_every_image_is_on_one_side_and_no_track_on_both(tracks, fraction, seed):
    samples = samples_of(tracks)
    training, validation = split_by_track(samples, fraction, seed)
    assert sorted(training + validation) == list(range(len(samples)))
    assert training == sorted(training)
    assert validation == sorted(validation)
    assert not {tracks[index] for index in training} & {tracks[index] for index in validation}


@settings(deadline=None)
@given(TRACKS, FRACTIONS, st.integers(0, 99))
def test_of_every_class_about_the_fraction_of_tracks_and_never_all_are_held_out(tracks, fraction, seed):
    _, validation = split_by_track(samples_of(tracks), fraction, seed)
    held_out = Counter(class_id for class_id, _ in {tracks[index] for index in validation})
    for class_id, count in Counter(class_id for class_id, _ in set(tracks)).items():
        assert held_out[class_id] <= count - 1
        assert abs(held_out[class_id] - min(fraction * count, count - 1)) <= 0.5


@settings(deadline=None)
@given(TRACKS, FRACTIONS, st.randoms(use_true_random=False))
def test_the_split_follows_from_class_and_track_not_from_the_order(tracks, fraction, random):
    order = random.sample(range(len(tracks)), len(tracks))
    _, validation = split_by_track(samples_of(tracks), fraction)
    _, shuffled = split_by_track(samples_of([tracks[index] for index in order]), fraction)
    assert sorted(order[index] for index in shuffled) == validation


def test_another_seed_holds_out_other_tracks():
    samples = samples_of([(0, track) for track in range(30)])
    sides = {tuple(split_by_track(samples, 0.3, seed)[1]) for seed in range(5)}
    assert len(sides) == 5
    assert split_by_track(samples, 0.3, 4) == split_by_track(samples, 0.3, 4)


def test_without_a_fraction_nothing_is_held_out():
    assert split_by_track(samples_of([(0, 1), (0, 2), (3, 1)]), 0) == ([0, 1, 2], [])


def test_an_image_without_a_track_is_one_by_itself():
    samples = samples_of([(0, None)] * 10 + [(1, None)])
    training, validation = split_by_track(samples, 0.3)
    assert (len(training), len(validation)) == (8, 3)
    assert 10 in training
