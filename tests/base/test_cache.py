import contextlib
import errno
import json
import os
import subprocess
import sys
import zlib

import numpy as np
import pytest

from tests.model.disk import largest_file
from xaisigns.base import cache
from xaisigns.base.cache import cached_arrays, cached_rows, digest_of, made_by
from xaisigns.base.cache_folder import cache_folder
from xaisigns.errors import OutputError


def test_what_is_kept_is_made_once_for_each_key():
    made = []

    def make():
        made.append(len(made))
        return {"values": np.arange(3) + len(made), "more": np.zeros((2, 2), dtype=np.float32)}

    first = cached_arrays("things", ["a", 1, 0.5], make)
    again = cached_arrays("things", ["a", 1, 0.5], make)
    assert made == [0]
    assert again.keys() == first.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(again[name], values)
        assert again[name].dtype == values.dtype
    cached_arrays("things", ["a", 1, 0.25], make)
    cached_arrays("others", ["a", 1, 0.5], make)
    assert made == [0, 1, 2]


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Where the first thing is kept."""
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path))
    cached_arrays("things", ["first"], lambda: {"values": np.ones(2)})
    (path,) = (tmp_path / "things").iterdir()
    return path


def damages(whole, count=300):
    """The file with its bits flipped, cut, blank in part, longer or exchanged, in every way that is easily tried."""
    random = np.random.default_rng(0)
    yield from (b"", b"PK\x03\x04", bytes(len(whole)), whole + b"\0", whole * 2, b"xaisigns cache 1\n{}\n")
    yield from (whole[:length] for length in random.integers(0, len(whole), count // 3))
    for position in random.integers(0, len(whole), count // 3):
        yield whole[:position] + bytes([whole[position] ^ 1 << random.integers(8)]) + whole[position + 1 :]
    for start in random.integers(0, len(whole) - 8, count // 3):
        if any(whole[start : start + 8]):
            yield whole[:start] + bytes(8) + whole[start + 8 :]


def rows_of(folder, value, key=(), family=("pixels",)):
    return cached_rows(folder, family, key, (5, 7, 3), lambda: (np.full((7, 3), value, np.uint8) for _ in range(5)))


def test_a_damaged_file_is_made_anew(path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # waits long in all
    whole = path.read_bytes()
    for number, damaged in enumerate(damages(whole)):
        path.write_bytes(damaged)
        for other in (number, -1):
            values = cached_arrays("things", ["first"], lambda other=other: {"values": np.full(2, other)})["values"]
            np.testing.assert_array_equal(values, [number, number])


def test_damaged_rows_are_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)
    rows_of(tmp_path, 255)
    (path,) = tmp_path.iterdir()
    for number, damaged in enumerate(damages(path.read_bytes())):
        path.write_bytes(damaged)
        for other in (number % 255, 254):
            assert (rows_of(tmp_path, other) == number % 255).all()
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_another_key_is_not_taken_for_this_one(path, tmp_path):
    cached_arrays("things", ["second"], lambda: {"values": np.zeros(2)})
    (other,) = set((tmp_path / "things").iterdir()) - {path}
    path.write_bytes(other.read_bytes())
    np.testing.assert_array_equal(
        cached_arrays("things", ["first"], lambda: {"values": np.full(2, 7.0)})["values"], [7, 7]
    )


def test_objects_in_a_file_are_no_arrays(path):
    document = json.loads(path.read_bytes().split(b"\n")[1])
    document["arrays"]["values"][0] = "|O"
    head = b"xaisigns cache 1\n" + json.dumps(document).encode()
    whole = head.ljust(255) + b"\n" + bytes(64)
    path.write_bytes(whole + zlib.crc32(whole).to_bytes(4, "little"))
    np.testing.assert_array_equal(cached_arrays("things", ["first"], lambda: {"values": np.zeros(2)})["values"], [0, 0])


@pytest.mark.parametrize(
    "values", [np.zeros((0, 3)), np.array(3.5), np.array([True, False]), np.arange(6, dtype=">i2").reshape(2, 3).T]
)
def test_every_array_comes_back_as_it_was(values):
    made = {"a": values, "b": np.arange(3, dtype=np.float16)}
    key = [str(values), str(values.dtype)]
    for _ in range(2):
        again = cached_arrays("kinds", key, lambda: made)
        assert list(again) == ["a", "b"]
        for name, array in made.items():
            np.testing.assert_array_equal(again[name], array)
            assert (again[name].dtype, again[name].shape) == (array.dtype, array.shape)
            assert type(again[name]) is np.ndarray
            assert again[name].flags.writeable


def test_space_is_there_before_the_first_row_is_made(tmp_path):
    seen = []

    def rows():
        (temporary,) = tmp_path.iterdir()
        seen.append(temporary.stat())
        return (np.zeros(1 << 20, np.uint8) for _ in range(4))

    cached_rows(tmp_path, [], [], (4, 1 << 20), rows)
    assert seen[0].st_size > 4 << 20
    assert seen[0].st_blocks * 512 > 4 << 20  # no hole, which would be a signal on a full disk


def test_a_full_disk_is_told_before_the_first_row_and_leaves_nothing(tmp_path):
    with largest_file(1 << 20), pytest.raises(OutputError, match=r"^cannot write .*\.arrays: .*; choose another place"):
        cached_rows(tmp_path, [], [], (4, 1 << 20), lambda: pytest.fail("it cannot be written"))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_where_nothing_can_be_reserved_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")
    with largest_file(1 << 20), pytest.raises(OutputError, match=r"^cannot write "):
        cached_rows(tmp_path, [], [], (4, 1 << 20), lambda: (np.zeros(1 << 20, np.uint8) for _ in range(4)))
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_reserves_nothing_will_do(tmp_path, monkeypatch):
    def cannot(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", cannot)
    assert (rows_of(tmp_path, 3) == 3).all()


def test_rows_in_use_outlive_their_file(tmp_path):
    first = rows_of(tmp_path, 1, ["first"])
    second = rows_of(tmp_path, 2, ["second"])
    assert len(list(tmp_path.iterdir())) == 1
    assert (first == 1).all()
    assert (second == 2).all()
    rows_of(tmp_path, 9, ["second"], family=("others",))
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("moment", ["_is_whole", "whole_file"])
def test_rows_that_another_process_deletes_at_once_are_right(tmp_path, monkeypatch, moment):
    rows_of(tmp_path, 1)
    before = getattr(cache, moment)

    def delete():
        for path in tmp_path.iterdir():
            path.unlink()

    def looks(path):
        found = before(path)
        delete()
        return found

    @contextlib.contextmanager
    def writes(path):
        with before(path) as temporary:
            yield temporary
        delete()

    monkeypatch.setattr(cache, moment, looks if moment == "_is_whole" else writes)
    key = [] if moment == "_is_whole" else ["new"]
    for _ in range(2):
        assert (rows_of(tmp_path, 1, key) == 1).all()


WORKER = """
import os, sys
from pathlib import Path
import numpy as np
from xaisigns.base.cache import cached_arrays, cached_rows
os.fsync = lambda handle: None
for number in range(150):
    key = number % 3
    rows = cached_rows(Path(sys.argv[1]), [], [key], (4, 9), lambda: (np.full(9, key, np.uint8) for _ in range(4)))
    assert (rows == key).all(), (key, rows)
    assert cached_arrays("both", [key], lambda: {"a": np.full(9, key)})["a"].tolist() == [key] * 9
"""


def test_processes_with_other_keys_do_not_disturb_each_other(tmp_path):
    environment = {**os.environ, "XAISIGNS_CACHE": str(tmp_path)}
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, tmp_path], env=environment, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [worker.communicate()[1] for worker in workers] == [b""] * 3
    assert [path for path in tmp_path.rglob("*") if path.name.startswith(".")] == []


@pytest.mark.parametrize("source", ["layer", "layer/module.py"])
def test_the_code_that_made_a_thing_tells_it_apart(source, tmp_path, monkeypatch):
    layer = tmp_path / "layer"
    layer.mkdir()
    monkeypatch.setattr(cache, "files", lambda _: tmp_path)
    keys = []
    for text in ("one = 1", "one = 2", "one = 2 "):
        (layer / "module.py").write_text(text)
        made_by.cache_clear()
        keys.append(made_by((source,), ("numpy",)))
    (layer / "other.py").write_text("")
    made_by.cache_clear()
    keys += [made_by((source,), ("numpy",)), made_by((source,), ())]
    made_by.cache_clear()
    told = [json.dumps(key) for key in keys]
    assert len(set(told)) == (5 if source == "layer" else 4)  # a module is not changed by another
    assert len(set(told[:3])) == 3
    assert f"numpy {np.__version__}" in keys[0]


def test_a_failure_keeps_nothing():
    def fail():
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        cached_arrays("failed", [], fail)
    assert not (cache_folder() / "failed").exists()


def test_a_cache_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="cannot write"):
        cached_arrays("things", [], lambda: {"values": np.ones(1)})


def test_a_digest_tells_values_shapes_and_types_apart():
    ones = np.ones((2, 3), dtype=np.float32)
    digests = {
        digest_of(array)
        for array in (ones, ones.T.copy(), ones.astype(np.float64), ones * 2, ones.ravel(), ones.view(np.int32))
    }
    assert len(digests) == 6
    assert digest_of(ones) == digest_of(ones.copy(order="F"))
    assert digest_of(ones, ones) != digest_of(ones)
