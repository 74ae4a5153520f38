import shutil

import numpy as np
import pytest

import xaisigns as xs
from xaisigns.errors import DataError, MethodError, MetricError, RuleError

PARTS = {
    "logits": lambda store, where: store.logits(where),
    "predicted": lambda store, where: store.predicted(where),
    "targets": lambda store, where: store.targets(where),
    "heatmaps": lambda store, where: store.heatmaps("gradcam", where),
    "layer": lambda store, where: store.layer("features.8", "lrp", where),
    "scores": lambda store, where: store.scores("entropy", "gradcam", where),
}
WHERE = {
    "one": 3,
    "last": -1,
    "numpy": np.int64(2),
    "slice": slice(2, 9, 3),
    "backwards": slice(None, None, -1),
    "list": [7, 2, 2],
    "negative": [-1, 0],
    "none of them": slice(0, 0),
    "no one": np.array([], dtype=int),
    "bool": np.arange(12) % 3 == 0,
}


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("part", PARTS)
def test_rows_are_those_that_numpy_would_give(store, part, where):
    everything = PARTS[part](store, None)
    assert len(everything) == 12
    chosen = WHERE[where]
    np.testing.assert_array_equal(PARTS[part](store, chosen), everything[chosen])


def test_images_are_found_by_class_and_by_name(store, data):
    assert store.keys == [sample.key for sample in data.samples]
    assert store.labels.tolist() == [sample.class_id for sample in data.samples]
    assert store.of_class(4).tolist() == [1, 5, 9]
    assert store.heatmaps("lrp", store.of_class(4)).shape == (3, 32, 32)
    assert store.of_class(40).tolist() == []
    assert store.place(data.samples[7].key) == 7


def test_a_method_is_found_however_it_is_written(store):
    by_name = store.heatmaps("lrp")
    for spelled in ("lrp:epsilon-gamma-box:gamma=0.05", "lrp:epsilon_gamma_box:gamma=0.050"):
        np.testing.assert_array_equal(store.heatmaps(spelled), by_name)


def test_what_is_not_there_is_told_with_what_is(store):
    with pytest.raises(MethodError, match="has no method 'saliency'; there are lrp, gradcam"):
        store.heatmaps("saliency")
    with pytest.raises(MethodError, match=r"has no method 'gradcam'; there are lrp$"):
        store.layer("features.8", "gradcam")
    with pytest.raises(MethodError, match="has no method 'nothing'"):
        store.heatmaps("nothing")
    with pytest.raises(RuleError, match=r"has no layer 'features.0'; there are features.8"):
        store.layer("features.0")
    with pytest.raises(MetricError, match="has no scores 'deletion'; there are relevance_mass"):
        store.scores("deletion", "lrp")
    with pytest.raises(DataError, match="has no image 'nobody'; there are '"):
        store.place("nobody")
    with pytest.raises(IndexError):
        store.logits(12)


def test_it_tells_what_is_in_it(store):
    assert (len(store), store.methods, store.layers) == (12, ["lrp", "gradcam"], ["features.8"])
    assert {"relevance_mass", "entropy"} <= set(store.metrics)
    assert store.finished
    assert store.explained.all()
    assert store.skipped == []
    assert repr(store) == f"<store {store.path}: 12 images, lrp, gradcam>"
    assert store.identity["split"] == "test"


def test_nothing_is_read_before_it_is_asked_for(store):
    (store.path / "heatmaps/c/1/0/0/0").write_bytes(b"broken")
    again = xs.open_store(store.path)
    assert np.isfinite(again.heatmaps("lrp", slice(0, 4))).all()
    assert np.isfinite(again.logits()).all()


@pytest.mark.parametrize("part", ["heatmaps/c/0/0/0/0", "logits/c/0/0", "heatmaps/zarr.json"])
def test_damage_is_told_with_its_place(store, part):
    (store.path / part).write_bytes(b"broken")
    again = xs.open_store(store.path)
    name = part.partition("/")[0]
    with pytest.raises(DataError, match=rf"^the {name} of {store.path} are damaged: .*; delete the store and write it"):
        PARTS[name](again, None)


READ = {
    **PARTS,
    "heatmaps": lambda store, where: [store.heatmaps(method, where) for method in store.methods],
    "target": lambda store, where: store.targets(where),
    "scale": lambda store, where: store.heatmaps("lrp", where),
    "layers/features.8": PARTS["layer"],
    "key": lambda store, where: store.place("nobody"),
    "path": lambda store, where: store.paths,
    "label": lambda store, where: store.labels,
    "digest": lambda store, where: store.digests,
    "state": lambda store, where: store.explained,
    "error": lambda store, where: store._read("error", where),
}
del READ["targets"], READ["layer"]


def test_every_array_is_read_by_one_of_these(store):
    assert set(READ) == {str(path.parent.relative_to(store.path)) for path in store.path.rglob("*/zarr.json")} - {
        ".",
        "layers",
    }


@pytest.mark.parametrize("name", READ)
def test_no_flipped_bit_is_read_as_a_number(store, name):
    drawn = np.random.default_rng(len(name))
    file = sorted(path for path in (store.path / name / "c").rglob("*") if path.is_file())[0]
    whole = file.read_bytes()
    for byte, bit in zip(drawn.integers(len(whole), size=8), drawn.integers(8, size=8), strict=True):
        flipped = bytearray(whole)
        flipped[byte] ^= 1 << bit
        file.write_bytes(flipped)
        with pytest.raises(DataError, match=f"^the {name} of .* are damaged: "):
            READ[name](xs.open_store(store.path), None)
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        with pytest.raises(DataError, match=f"^the {name} of .* are damaged: "):
            READ[name](xs.open_store(store.path), None)


@pytest.mark.parametrize("name", sorted(set(READ) - {"state"}))
def test_no_file_that_is_gone_is_read_as_nothing(store, name):
    shutil.rmtree(store.path / name / "c")
    with pytest.raises(DataError, match=f"^the {name} of .* are damaged: {name}/c/0.* is gone; delete the store"):
        READ[name](xs.open_store(store.path), None)


@pytest.mark.parametrize("where", [True, np.True_, [[1, 2], [3, 4]], (slice(None), None)])
def test_what_are_no_rows_is_no_damage(store, where):
    with pytest.raises(IndexError, match="images are a number, a slice or one list of numbers or of bools, not "):
        store.logits(where)


def test_a_store_that_is_not_finished_says_so(store):
    (store.path / "state/c/1").unlink()
    again = xs.open_store(store.path)
    assert not again.finished
    assert again.explained.tolist() == [True] * 4 + [False] * 4 + [True] * 4


def test_a_folder_that_is_no_store(tmp_path):
    with pytest.raises(DataError, match="is no store that 'xaisigns attribute' wrote"):
        xs.open_store(tmp_path)
