import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from xaisigns.base import cache_folder as folders
from xaisigns.base.cache import cached_arrays, cached_rows
from xaisigns.base.cache_folder import by_kind, cache_folder, cache_limit, clear_cache, contents, make_room
from xaisigns.errors import OutputError


@pytest.mark.parametrize("home", ["none", "closed"])
def test_without_a_home_the_cache_is_a_folder_of_ones_own(tmp_path, monkeypatch, home):
    monkeypatch.delenv("XAISIGNS_CACHE")
    (tmp_path / "file").write_text("")

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless if home == "none" else lambda: tmp_path / "file")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = cache_folder()
    assert folder.parent == tmp_path
    assert folder == cache_folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    np.testing.assert_array_equal(cached_arrays("things", ["a"], lambda: {"values": np.ones(2)})["values"], [1, 1])
    folder.chmod(0o777)
    with pytest.raises(
        OutputError, match=f"^{folder} is another user's; name a folder for the cache in XAISIGNS_CACHE"
    ):
        cache_folder()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(folders, "_writable", {})
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def store(kind, number, size=1000, used=None):
    """An array in the cache, last used so many seconds ago; its file."""
    before = {cached.path for cached in contents(cache_folder())}
    cached_arrays(kind, [number], lambda: {"a": np.full(size, number, np.uint8)})
    (path,) = {cached.path for cached in contents(cache_folder())} - before
    if used is not None:
        os.utime(path, (time.time() - used,) * 2)
    return path


def draw(folder, version, used, size=1000):
    """What looks like a set of drawn signs."""
    root = folder / f"rendered-{version:012x}"
    (root / "signs/GTSRB").mkdir(parents=True)
    (root / "signs/GTSRB/1.ppm").write_bytes(bytes(size))
    (root / "files.json").write_text("{}")
    os.utime(root, (time.time() - used,) * 2)
    return root


def below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


FOREIGN = (
    "photo.arrays",
    "notes.txt",
    "heatmaps/notes.txt",
    "heatmaps/" + "g" * 32 + ".arrays",
    "signs/stop.png",
    "rendered-0123456789ab/signs/1.ppm",
    "rendered-0123456789ab/letter.txt",
    "rendered-mine/files.json",
    ".xaisigns-notes",
    "a/b/" + "0" * 32 + ".arrays",
)


def test_what_is_there_is_counted_by_kind_and_cleared(folder):
    store("heatmaps", 1), store("heatmaps", 2), store("scores", 3)
    cached_rows(folder / "decoded", ["family"], [], (2, 3), lambda: np.zeros((2, 3), np.uint8))
    draw(folder, 1, 0)
    counted = by_kind(contents(folder))
    assert {kind: row["count"] for kind, row in counted.items()} == {
        "decoded": 1,
        "drawn": 1,
        "heatmaps": 2,
        "scores": 1,
    }
    assert counted["drawn"]["size"] == 1002
    assert counted["heatmaps"]["size"] == sum(path.stat().st_size for path in (folder / "heatmaps").iterdir())
    assert {cached.kind for cached in clear_cache("heatmaps")} == {"heatmaps"}
    assert "heatmaps" not in by_kind(contents(folder))
    assert len(clear_cache()) == 3
    assert list(folder.iterdir()) == []
    assert clear_cache() == []


def test_a_kind_that_is_not_there_is_refused(folder):
    store("scores", 1)
    with pytest.raises(OutputError, match=r"^the cache has no 'heatmap'; wanted scores$"):
        clear_cache("heatmap")
    clear_cache()
    with pytest.raises(OutputError, match="wanted nothing: it is empty"):
        clear_cache("scores")


def test_what_is_not_the_caches_is_never_removed(folder, monkeypatch, tmp_path):
    for name in FOREIGN:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / ("0" * 32 + ".arrays")).write_bytes(b"mine")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / ("0" * 32 + ".arrays")).symlink_to(folder / "notes.txt")
    store("heatmaps", 1)
    assert len(clear_cache()) == 1
    monkeypatch.setenv("XAISIGNS_CACHE_LIMIT", "0")
    last = store("heatmaps", 2)
    assert set(FOREIGN) < below(folder)
    assert last.exists()
    assert (tmp_path / "elsewhere" / ("0" * 32 + ".arrays")).exists()


def test_what_a_killed_run_left_is_cleared(folder):
    store("scores", 1)
    left = folder / "scores/.xaisigns-0123456789abcdef.arrays"
    left.write_bytes(bytes(9))
    clear_cache()
    assert not left.exists()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("", 4_000_000_000), ("0", 0), ("12", 12), ("500MB", 500_000_000), ("1.5 gb", 1_500_000_000), ("2TB", 2 * 10**12)],
)
def test_the_limit_is_a_size(text, wanted, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE_LIMIT", text)
    assert cache_limit() == wanted


@pytest.mark.parametrize("text", ["much", "-1", "4 PB", "1e9", "nan", "4GB!", "9" * 99])
def test_another_limit_is_refused_before_the_work(text, monkeypatch, folder):
    monkeypatch.setenv("XAISIGNS_CACHE_LIMIT", text)
    with pytest.raises(OutputError, match=r"^XAISIGNS_CACHE_LIMIT must be a size such as 500MB, 4GB or a number"):
        cached_arrays("scores", [], lambda: pytest.fail("worked"))
    with pytest.raises(OutputError, match="XAISIGNS_CACHE_LIMIT"):
        cached_rows(folder, [], [], (1, 1), lambda: pytest.fail("worked"))


def test_what_was_not_used_for_longest_goes_first(folder, monkeypatch):
    paths = [store("heatmaps", number, used=100 - number) for number in range(5)]
    cached_arrays("heatmaps", [0], lambda: pytest.fail("it is there"))  # so that the first is the last used
    monkeypatch.setenv("XAISIGNS_CACHE_LIMIT", str(5 * paths[0].stat().st_size))
    last = store("heatmaps", 5)
    assert [path.exists() for path in paths] == [True, False, False, True, True]
    assert last.exists()


def test_the_cache_stays_below_its_limit_whatever_is_written(folder, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE_LIMIT", "20KB")
    for number in range(60):
        last = store("heatmaps", number)
        assert last.exists()
        assert sum(cached.size for cached in contents(folder)) <= 20_000
    assert len(contents(folder)) > 10


def test_what_was_just_written_stays_though_it_is_larger_than_the_limit(folder, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE_LIMIT", "0")
    assert store("scores", 1).exists()
    second = store("scores", 2)
    assert [cached.path for cached in contents(folder)] == [second]


def test_rows_in_use_outlive_their_removal(folder, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE_LIMIT", "0")
    rows = cached_rows(folder / "decoded", ["family"], [], (2, 5000), lambda: np.full((2, 5000), 7, np.uint8))
    store("scores", 1)
    assert by_kind(contents(folder)).keys() == {"scores"}
    assert (rows == 7).all()


def test_drawn_signs_go_but_for_those_of_a_day(folder, monkeypatch):
    old, recent = draw(folder, 1, 2 * 24 * 3600), draw(folder, 2, 3600)
    monkeypatch.setenv("XAISIGNS_CACHE_LIMIT", "100")
    store("scores", 1)
    assert (old.exists(), recent.exists()) == (False, True)


def test_what_is_written_elsewhere_removes_nothing(folder, monkeypatch, tmp_path):
    path = store("scores", 1)
    monkeypatch.setenv("XAISIGNS_CACHE_LIMIT", "0")
    cached_rows(tmp_path / "elsewhere", [], [], (1, 9), lambda: np.zeros((1, 9), np.uint8))
    assert path.exists()


def test_what_another_process_removes_meanwhile_is_no_error(folder, monkeypatch):
    paths = [store("scores", number) for number in range(3)]
    before = folders.contents

    def late(place):
        found = before(place)
        for path in paths:
            path.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(folders, "contents", late)
    monkeypatch.setenv("XAISIGNS_CACHE_LIMIT", "0")
    make_room(paths[-1])
    assert before(folder) == []


WORKER = """
import os
import numpy as np
from xaisigns.base.cache import cached_arrays, cached_rows
from xaisigns.base.cache_folder import cache_folder
os.fsync = lambda handle: None
for number in range(120):
    key = number % 7
    rows = cached_rows(cache_folder() / "decoded", [key], [], (4, 900), lambda: np.full((4, 900), key, np.uint8))
    assert (rows == key).all(), (key, rows)
    assert (cached_arrays("both", [key], lambda: {"a": np.full(900, key)})["a"] == key).all()
"""


def test_processes_that_remove_each_others_files_do_not_disturb_each_other(folder):
    environment = {**os.environ, "XAISIGNS_CACHE_LIMIT": "9KB"}
    command = [sys.executable, "-c", WORKER]
    workers = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(2)]
    assert [worker.communicate()[1] for worker in workers] == [b""] * 2
    assert sum(cached.size for cached in contents(folder)) < 3 * 9_000
