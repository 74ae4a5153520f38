import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import xaisigns as xs
from xaisigns.base.files import held
from xaisigns.errors import DataError, MethodError, OutputError, XaisignsError
from xaisigns.study.attributions import writing
from xaisigns.study.attributions.explaining import BatchExplainer


def files_of(store):
    """The content of every file of a store by its name."""
    return {path.relative_to(store): path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file()}


def test_the_document_tells_what_was_done(model, data, small_shards, tmp_path):
    document = xs.write_store(model, data, "lrp,edges", out=tmp_path / "store", layers=["features.8"], metrics="")
    assert document.pop("seconds") >= 0
    assert document == {
        "store": str(tmp_path / "store"),
        "split": "test",
        "count": 12,
        "explained": 12,
        "skipped": [],
        "resumed": 0,
        "methods": ["lrp", "edges"],
        "layers": ["features.8"],
        "metrics": [],
        "heatmaps": "float16",
    }


def test_the_default_scores_are_those_that_can_be_had(own_untrained, own, narrow, gtsrb, untrained, tmp_path):
    with_boxes = xs.write_store(untrained, gtsrb, "edges", out=tmp_path / "signs")
    without = xs.write_store(own_untrained, own, "edges", out=tmp_path / "other")
    assert "relevance_mass" in with_boxes["metrics"]
    assert without["metrics"] == ["sparseness", "entropy"]


def test_heatmaps_are_float32_on_request(store, model, data, tmp_path):
    xs.write_store(model, data, "lrp,gradcam", out=tmp_path / "exact", heatmaps="float32")
    exact = xs.open_store(tmp_path / "exact").heatmaps("lrp")
    assert not (tmp_path / "exact/scale").exists()
    assert (abs(store.heatmaps("lrp") - exact) <= 2.0**-11 * abs(exact)).all()
    assert (store.heatmaps("lrp") != exact).any()


def test_what_is_finished_is_left_alone(store, model, data, monkeypatch):
    before = files_of(store.path)
    monkeypatch.setattr(BatchExplainer, "explain", lambda *_: 1 / 0)
    monkeypatch.setattr(BatchExplainer, "layout", lambda *_: 1 / 0)
    document = xs.write_store(model, data, "lrp,gradcam", out=store.path, layers=["features.8"])
    assert document["resumed"] == 12
    assert files_of(store.path) == before


@pytest.mark.parametrize("gone", [[0], [2], [0, 1, 2]])
def test_only_what_is_missing_is_done_and_is_the_same(store, model, data, gone, monkeypatch):
    before = files_of(store.path)
    for shard in gone:
        (store.path / f"state/c/{shard}").unlink()
        (store.path / f"logits/c/{shard}/0").unlink()
        (store.path / f"heatmaps/c/{shard}/0/0/0").write_bytes(b"half a fi")
    (store.path / "scores/c/0/0/0.0123.partial").write_bytes(b"left by a kill")
    asked = []
    real = BatchExplainer.explain
    monkeypatch.setattr(
        BatchExplainer,
        "explain",
        lambda self, batch, layout: (asked.extend(batch.places), real(self, batch, layout))[1],
    )
    document = xs.write_store(model, data, "lrp,gradcam", out=store.path, layers=["features.8"])
    assert asked == [place for shard in gone for place in range(4 * shard, 4 * shard + 4)]
    assert document["resumed"] == 12 - len(asked)
    assert files_of(store.path) == before


@pytest.mark.parametrize("name", ["error", "heatmaps", "scores", "layers/features.8"])
def test_a_part_of_which_a_file_is_gone_is_done_anew(store, model, data, name):
    before = files_of(store.path)
    shutil.rmtree(store.path / name / "c/1") if name != "error" else (store.path / "error/c/1").unlink()
    assert xs.write_store(model, data, "lrp,gradcam", out=store.path, layers=["features.8"])["resumed"] == 8
    assert files_of(store.path) == before


@pytest.mark.parametrize("content", [b"", b"half"])
def test_a_part_whose_state_cannot_be_read_is_done_anew(store, model, data, content):
    before = files_of(store.path)
    (store.path / "state/c/0").write_bytes(content)
    assert xs.write_store(model, data, "lrp,gradcam", out=store.path, layers=["features.8"])["resumed"] == 8
    assert files_of(store.path) == before


def test_an_array_that_is_none_any_more_is_named(store, model, data):
    (store.path / "scores/zarr.json").write_text("")
    with pytest.raises(DataError, match=f"^the scores of {store.path} are damaged: "):
        xs.write_store(model, data, "lrp,gradcam", out=store.path, layers=["features.8"])


def test_images_that_are_all_skipped_are_not_done_again(model, data, small_shards, tmp_path):
    for sample in data.samples[4:8]:
        sample.path.write_text("no image")
    for resumed in (0, 12):
        assert xs.write_store(model, data, "edges", out=tmp_path / "store")["resumed"] == resumed
    store = xs.open_store(tmp_path / "store")
    assert np.isnan(store.heatmaps("edges", slice(4, 8))).all()


def test_an_error_in_the_middle_keeps_what_was_done(model, data, small_shards, tmp_path, monkeypatch):
    real = BatchExplainer.explain

    def failing(self, batch, layout):
        if batch.places.start >= 8:
            raise MethodError("not today")
        return real(self, batch, layout)

    monkeypatch.setattr(BatchExplainer, "explain", failing)
    with pytest.raises(MethodError, match="not today"):
        xs.write_store(model, data, "edges", out=tmp_path / "store")
    assert xs.open_store(tmp_path / "store").explained.sum() == 8
    monkeypatch.setattr(BatchExplainer, "explain", real)
    assert xs.write_store(model, data, "edges", out=tmp_path / "store")["resumed"] == 8


def test_an_image_that_cannot_be_read_is_skipped(model, data, small_shards, tmp_path):
    data.samples[5].path.write_text("no image")
    for resumed in (0, 12):
        document = xs.write_store(model, data, "edges", out=tmp_path / "store")
        ((image, error),) = [(one["image"], one["error"]) for one in document["skipped"]]
        assert (image, document["explained"], document["resumed"]) == (str(data.samples[5].path), 11, resumed)
        assert error.startswith(f"{image} cannot be read as an image: ")
    store = xs.open_store(tmp_path / "store")
    assert store.finished
    assert np.flatnonzero(~store.explained).tolist() == [5]
    assert np.isnan(store.heatmaps("edges", 5)).all()
    assert np.isfinite(store.heatmaps("edges", store.explained)).all()


def test_an_image_that_was_skipped_and_is_another_now_is_named(model, data, small_shards, tmp_path):
    whole = data.samples[5].path.read_bytes()
    data.samples[5].path.write_text("no image")
    xs.write_store(model, data, "edges", out=tmp_path / "store")
    data.samples[5].path.write_bytes(whole)
    with pytest.raises(OutputError, match=f"the first file that is another: {data.samples[5].path}"):
        xs.write_store(model, data, "edges", out=tmp_path / "store")


@pytest.mark.skipif(sys.platform != "linux", reason="needs file names of any bytes")
def test_a_name_that_is_no_utf_8_is_refused(own_untrained, own, narrow, tmp_path):
    images = xs.open_images(own, "test")
    sample = images.samples[2]
    strange = sample.path.rename(sample.path.with_name(f"\udce4{sample.path.suffix}"))
    images.samples[2] = replace(sample, path=strange)
    with pytest.raises(DataError, match=r"udce4.* is no UTF-8, as names in a store must be; rename it"):
        xs.write_store(own_untrained, images, "edges", out=tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_store_of_something_else_is_refused_and_left_alone(store, model, data):
    before = files_of(store.path)
    with pytest.raises(OutputError, match=r'something else \(methods: there \[.*\], here \[.*"edges"\]'):
        xs.write_store(model, data, "edges", out=store.path, layers=[], metrics="")
    data.samples[0].path.write_bytes(data.samples[1].path.read_bytes())
    first = rf"; the first file that is another: {data.samples[0].path}\); name another place"
    with pytest.raises(OutputError, match=r"something else \(images: there 12 images, .*, here 12 images, .*" + first):
        xs.write_store(model, data, "lrp,gradcam", out=store.path, layers=["features.8"])
    assert files_of(store.path) == before


def test_of_two_writers_one_wins_and_the_other_says_so(store, model, data):
    with held(store.path), pytest.raises(OutputError, match="another process is writing it; wait for that one, or"):
        xs.write_store(model, data, "lrp,gradcam", out=store.path, layers=["features.8"])
    xs.write_store(model, data, "lrp,gradcam", out=store.path, layers=["features.8"])


def test_who_makes_it_first_has_made_it(model, data, small_shards, tmp_path, monkeypatch):
    real = writing.layouts.create

    def beaten(*arguments):
        real(*arguments)
        real(*arguments)

    monkeypatch.setattr(writing.layouts, "create", beaten)
    assert xs.write_store(model, data, "edges", out=tmp_path / "store")["explained"] == 12


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"methods": "nothing"}, "no method 'nothing'"),
        ({"methods": "gradcam", "layers": ["features.0"]}, "inner layers have relevance by lrp alone"),
        ({"layers": ["nothing"]}, "no layer 'nothing'"),
        ({"metrics": "nothing"}, "no metrics 'nothing'"),
        ({"metrics": "complexity,complexity"}, "each once"),
        ({"heatmaps": "float64"}, "heatmaps must be one of float16, float32; got 'float64'"),
    ],
)
def test_what_cannot_be_done_makes_nothing(model, data, settings, message, tmp_path):
    with pytest.raises(XaisignsError, match=message):
        xs.write_store(model, data, out=tmp_path / "store", **settings)
    assert not (tmp_path / "store").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(model, data, tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(OutputError, match="is not an empty folder"):
        xs.write_store(model, data, "edges", out=tmp_path)
    (tmp_path / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')
    with pytest.raises(OutputError, match="is no store that 'xaisigns attribute' wrote; name another place"):
        xs.write_store(model, data, "edges", out=tmp_path)
    with pytest.raises(OutputError, match="is not an empty folder"):
        xs.write_store(model, data, "edges", out=tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
def test_a_folder_that_cannot_be_written(model, data):
    with pytest.raises(OutputError, match="cannot write /proc/store"):
        xs.write_store(model, data, "edges", out="/proc/store")


def test_progress_hears_of_every_image(model, data, small_shards, tmp_path):
    heard = []
    xs.write_store(model, data, "edges", out=tmp_path / "store", progress=lambda *told, **_: heard.append(told))
    steps = [told for told in heard if told[0] == "explaining"]
    assert steps == [("explaining", done, 12) for done in (2, 4, 6, 8, 10, 12)]
    assert ("reading files", 12, 12) in heard


def test_without_zarr_nothing_is_begun(model, data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(OutputError, match=r"pip install 'xaisigns\[scale\]'"):
        xs.write_store(model, data, "edges", out=tmp_path / "store")
