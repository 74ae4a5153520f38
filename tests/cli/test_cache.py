import json

import numpy as np
import pytest

from xaisigns.base.cache import cached_arrays
from xaisigns.data.drawn.examples import example_files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache with two heatmaps and a score, and a letter that is not the cache's."""
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XAISIGNS_CACHE_LIMIT", "1.5GB")
    for kind, key in (("heatmaps", 1), ("heatmaps", 2), ("scores", 1)):
        cached_arrays(kind, [key], lambda: {"a": np.zeros(2000, np.uint8)})
    (tmp_path / "cache/heatmaps/letter.txt").write_text("mine")
    return tmp_path / "cache"


def test_info_counts_each_kind(run, folder):
    code, printed, told = run("cache", "info", "--json")
    found = json.loads(printed)
    assert (code, told) == (0, "")
    assert (found["folder"], found["limit"]) == (str(folder), 1_500_000_000)
    assert {kind: row["count"] for kind, row in found["kinds"].items()} == {"heatmaps": 2, "scores": 1}
    assert found["size"] == sum(path.stat().st_size for path in folder.rglob("*.arrays"))
    printed = run("cache", "info")[1]
    assert f"{folder}: 6.54 kB, at most 1.50 GB" in printed
    assert f"{folder}: 6,54 kB, höchstens 1,50 GB" in run("cache", "info", "--lang", "de")[1]


def test_clear_removes_a_kind_or_all_and_nothing_else(run, folder):
    code, printed, _ = run("cache", "clear", "scores", "--json")
    assert code == 0
    assert {kind: row["count"] for kind, row in json.loads(printed)["removed"].items()} == {"scores": 1}
    assert f"{folder}: 2 files and folders removed, 4.36 kB" in run("cache", "clear")[1]
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["letter.txt"]
    assert run("cache", "clear")[1] == f"{folder}: 0 files and folders removed, 0 B\n"


def test_clear_leaves_pictures_that_were_written_beside_those_of_the_cache(run, folder, untrained):
    """The cache's own signs lie in a folder where explain may have been told to write."""
    run("explain", "--model", untrained, "--method", "edges", "--out", folder / "signs")
    pictures = {path.name for path in (folder / "signs").iterdir()}
    drawn = {path.name for path in example_files()}
    assert len(pictures - drawn) == 4
    assert json.loads(run("cache", "clear", "signs", "--json")[1])["removed"]["signs"]["count"] == 4
    assert {path.name for path in (folder / "signs").iterdir()} == pictures - drawn


def test_what_cannot_be_cleared_is_told(run, folder):
    code, printed, told = run("cache", "clear", "heatmap")
    assert (code, printed) == (1, "")
    assert told == "xaisigns: the cache has no 'heatmap'; wanted heatmaps, scores\n"


def test_a_limit_that_is_no_size_is_told(run, folder, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE_LIMIT", "plenty")
    code, _, told = run("cache", "info")
    assert code == 1
    assert told.startswith("xaisigns: XAISIGNS_CACHE_LIMIT must be a size such as 500MB")
