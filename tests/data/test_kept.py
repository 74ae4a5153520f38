import numpy as np
import pytest

from xaisigns.data.decoded import cache_folder
from xaisigns.data.kept import digest_of, kept
from xaisigns.errors import OutputError


def test_what_is_kept_is_made_once_for_each_key():
    made = []

    def make():
        made.append(len(made))
        return {"values": np.arange(3) + len(made), "more": np.zeros((2, 2), dtype=np.float32)}

    first = kept("things", ["a", 1, 0.5], make)
    again = kept("things", ["a", 1, 0.5], make)
    assert made == [0]
    assert again.keys() == first.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(again[name], values)
        assert again[name].dtype == values.dtype
    kept("things", ["a", 1, 0.25], make)
    kept("others", ["a", 1, 0.5], make)
    assert made == [0, 1, 2]


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Where the first thing is kept."""
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path))
    kept("things", ["first"], lambda: {"values": np.ones(2)})
    (path,) = (tmp_path / "things").iterdir()
    return path


@pytest.mark.parametrize("damaged", [lambda _: b"", lambda _: b"PK\x03\x04", lambda whole: whole[:-30]])
def test_a_damaged_file_is_made_anew(damaged, path):
    path.write_bytes(damaged(path.read_bytes()))
    for _ in range(2):
        np.testing.assert_array_equal(kept("things", ["first"], lambda: {"values": np.full(2, 7.0)})["values"], [7, 7])


def test_code_in_a_file_is_not_run(path):
    np.savez(path, values=np.array([{"an": "object"}], dtype=object))
    np.testing.assert_array_equal(kept("things", ["first"], lambda: {"values": np.zeros(2)})["values"], [0, 0])


def test_a_failure_keeps_nothing():
    def fail():
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        kept("failed", [], fail)
    assert not (cache_folder() / "failed").exists()


def test_a_cache_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="cannot write"):
        kept("things", [], lambda: {"values": np.ones(1)})


def test_a_digest_tells_values_shapes_and_types_apart():
    ones = np.ones((2, 3), dtype=np.float32)
    digests = {
        digest_of(array)
        for array in (ones, ones.T.copy(), ones.astype(np.float64), ones * 2, ones.ravel(), ones.view(np.int32))
    }
    assert len(digests) == 6
    assert digest_of(ones) == digest_of(ones.copy(order="F"))
    assert digest_of(ones, ones) != digest_of(ones)
