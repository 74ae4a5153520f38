import errno
import json
import os

import numpy as np
import pytest

from xaisigns.base.files import sweep
from xaisigns.errors import DataError, OutputError
from xaisigns.study.attributions import layout as layouts
from xaisigns.study.attributions.layout import EXPLAINED, MISSING, Layout, create, opened, shard_of, write_shard

SMALL = Layout(
    10,
    5,
    6,
    ["lrp", "gradcam"],
    ["entropy"],
    {"features.8": 3},
    ["lrp"],
    half=True,
    shard=4,
    batch=2,
    responses={"features.4": 6},
)
INDEX = {"key": np.array([f"ü{number}" for number in range(10)], dtype=object), "label": np.arange(10, dtype=np.int32)}
IDENTITY = {"weights": "abc"}
NAMES = {"en": ["a", "b", "c", "d", "é"], "de": ["a", "b", "c", "d", "ä"]}


@pytest.fixture
def made(tmp_path):
    create(tmp_path / "store", IDENTITY, SMALL, INDEX, NAMES)
    return tmp_path / "store"


def filled(count):
    """Arrays of so many images, all of them explained."""
    arrays = SMALL.empty(count)
    generator = np.random.default_rng(0)
    for values in arrays.values():
        if values.dtype != object:
            values[:] = generator.integers(1, 9, values.shape)
    arrays["state"][:] = EXPLAINED
    return arrays


def test_shards_and_batches_cover_every_image_once():
    assert [SMALL.places(shard) for shard in range(SMALL.shards)] == [range(4), range(4, 8), range(8, 10)]
    assert SMALL.batches(1) == [range(4, 6), range(6, 8)]
    assert SMALL.batches(2) == [range(8, 10)]


@pytest.mark.parametrize(
    ("methods", "side", "half", "images"),
    [(1, 64, True, 128), (9, 64, True, 128), (9, 224, True, 64), (9, 224, False, 32), (38, 1024, False, 32)],
)
def test_a_shard_is_of_whole_batches_and_bounded_memory(methods, side, half, images):
    assert shard_of(methods, side, half=half) == images


def test_a_store_is_read_as_it_was_made(made):
    group, *rest = opened(made)
    assert rest == [IDENTITY, SMALL, NAMES]
    assert list(group["key"][:]) == list(INDEX["key"])
    assert (group["label"][:] == INDEX["label"]).all()
    assert (group["state"][:] == MISSING).all()
    assert np.isnan(group["logits"][:]).all()
    assert np.isnan(group["heatmaps"][:]).all()
    assert (group["predicted"][:] == -1).all()


def test_it_is_what_zarr_and_others_can_read(made):
    head = json.loads((made / "heatmaps/zarr.json").read_text())
    assert (head["zarr_format"], head["data_type"], head["shape"]) == (3, "float16", [10, 2, 6, 6])
    assert head["dimension_names"] == ["image", "method", "y", "x"]
    assert head["chunk_grid"]["configuration"]["chunk_shape"] == [4, 2, 6, 6]
    (codec,) = head["codecs"]
    assert codec["name"] == "sharding_indexed"
    assert "blosc" in [one["name"] for one in codec["configuration"]["codecs"]]


def test_a_shard_is_written_with_its_state_last(made, monkeypatch):
    group, _, layout, _ = opened(made, write=True)
    written = []
    real = os.replace
    monkeypatch.setattr("pathlib.Path.replace", lambda old, new: (written.append(new), real(old, new))[1])
    arrays = filled(4)
    write_shard(made, group, layout, 1, arrays)
    assert written[-1] == made / "state/c/1"
    for name, values in arrays.items():
        assert (opened(made).group[name][4:8] == values).all(), name
    assert (group["state"][:] == [0, 0, 0, 0, 1, 1, 1, 1, 0, 0]).all()


def test_the_last_shard_may_be_smaller(made):
    group, _, layout, _ = opened(made, write=True)
    write_shard(made, group, layout, 2, filled(2))
    assert (group["state"][:] == [0] * 8 + [1] * 2).all()


def test_a_full_disk_is_told_with_the_store(made, monkeypatch):
    group, _, layout, _ = opened(made, write=True)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OutputError, match=f"cannot write {made}: No space left on device; choose another place or"):
        write_shard(made, group, layout, 0, filled(4))
    assert (opened(made).group["state"][:] == MISSING).all()


def test_what_is_no_store_is_refused(made, tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(DataError, match="is no store that 'xaisigns attribute' wrote"):
            opened(path)
    head = json.loads((made / "zarr.json").read_text())
    head["attributes"]["xaisigns"] |= {"format": 3, "made_by": "xaisigns 9"}
    (made / "zarr.json").write_text(json.dumps(head))
    with pytest.raises(DataError, match="is a store of format 3, and this xaisigns reads 2: read it with xaisigns 9"):
        opened(made)
    (made / "zarr.json").write_text("{")
    with pytest.raises(DataError, match="is no store"):
        opened(made)


def test_nothing_is_made_where_something_is(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="is not an empty folder"):
        create(tmp_path, IDENTITY, SMALL, INDEX, NAMES)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_nobody_takes_the_folder_that_is_filled_for_what_a_killed_run_left(tmp_path, monkeypatch):
    arrays = Layout._arrays  # which is asked for when the index is written
    monkeypatch.setattr(Layout, "_arrays", lambda layout: sweep(tmp_path) or arrays(layout))
    create(tmp_path / "store", IDENTITY, SMALL, INDEX, NAMES)
    assert list(opened(tmp_path / "store").group["key"][:]) == list(INDEX["key"])


def test_without_zarr_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    with pytest.raises(OutputError, match=r"a store needs Zarr; install it: pip install 'xaisigns\[scale\]'"):
        layouts.zarr_library()
