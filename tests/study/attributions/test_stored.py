"""What a store has is taken from there, and is what would be computed without."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import xaisigns as xs
from xaisigns.attribution.method_sets import select_methods
from xaisigns.attribution.methods import find_method
from xaisigns.data.preprocessing import read_image
from xaisigns.errors import DataError, MetricError, OutputError
from xaisigns.metrics.catalogue import groups
from xaisigns.study.attributions.stored import Stored
from xaisigns.study.measuring import Scoring
from xaisigns.study.study import Study

ROUNDED = 2.0**-11  # of a heatmap's value, at most


@pytest.fixture
def nothing_computed(monkeypatch):
    """Fails where a method is asked or the network predicts for a study."""

    def refuse(*arguments, **options):
        raise AssertionError("this is in the store")

    monkeypatch.setattr(Study, "_predicted", refuse)
    monkeypatch.setattr(Study, "_explained", refuse)


def test_predictions_heatmaps_and_scores_are_those_without_a_store(store, model, data, monkeypatch, request):
    plain, methods, scoring = Study(model, data), select_methods("lrp,gradcam"), Scoring(["localisation", "complexity"])
    cases = plain.cases("roi", 100, seed=0)
    pictures = [read_image(sample.path) for sample in data.samples]
    called = plain.logits.argmax(dim=1).tolist()
    without = plain.logits, plain.scores(cases, methods, scoring).values
    maps = [(plain.heatmaps_of(cases, one), plain.heatmaps(pictures, called, one)) for one in methods]
    request.getfixturevalue("nothing_computed")
    stored = Study(model, data, store=store.path)
    torch.testing.assert_close(stored.logits, without[0])
    found = stored.scores(cases, methods, scoring)
    assert found.seconds == {}
    assert [list(scores) for scores in found.values.values()] == [list(scores) for scores in without[1].values()]
    for name, scores in found.values.items():
        for metric, values in scores.items():
            torch.testing.assert_close(values, without[1][name][metric].float(), equal_nan=True, atol=1e-4, rtol=1e-4)
    for method, both in zip(methods, maps, strict=True):
        of_cases = stored.heatmaps_of(cases, method)
        of_pictures = stored.heatmaps(pictures, called, method, range(len(pictures)))
        for made, wanted in zip((of_cases, of_pictures), both, strict=True):
            assert (abs(made - wanted) <= (ROUNDED + 1e-4) * abs(wanted).max()).all()


def test_what_is_not_there_is_computed_beside_what_is(store, model, data):
    plain, stored = Study(model, data), Study(model, data, store=store.path)
    pictures = [read_image(sample.path) for sample in data.samples[:3]]
    other = (plain.logits[0].argmax().item() + 1) % plain.logits.shape[1]
    called = [other, *plain.logits[1:3].argmax(dim=1).tolist()]  # the first is explained for another class
    method = find_method("lrp")
    made, wanted = (one.heatmaps(pictures, called, method, [0, None, 2]) for one in (stored, plain))
    assert (abs(made - wanted) <= (ROUNDED + 1e-4) * abs(wanted).max()).all()
    np.testing.assert_allclose(made[1], wanted[1], rtol=1e-4, atol=1e-6 * abs(wanted).max())
    assert (made[2] != wanted[2]).any()
    cases = plain.cases("roi", 1, seed=0)
    found = stored.scores(cases, [find_method("saliency")], Scoring(["complexity"]))
    assert list(found.seconds) == ["saliency"]


@pytest.mark.parametrize("other", [{"steps": 3}, {"filling": "blur"}, {"seed": 1}])
def test_scores_by_other_settings_are_measured(model, data, small_shards, tmp_path, other):
    xs.write_store(model, data, "edges", out=tmp_path / "store", metrics="complexity,flipping")
    found = Study(model, data, store=tmp_path / "store")
    cases, edges = found.cases("roi", 1, seed=0), [find_method("edges")]
    assert not found.scores(cases, edges, Scoring(["flipping"])).seconds
    assert found.scores(cases, edges, Scoring(["flipping"], **other)).seconds
    assert not found.scores(cases, edges, Scoring(["complexity"], **other)).seconds  # which has no settings


def test_another_target_is_measured(store, model, data):
    stored = Stored(store.path, model, data)
    cases = Study(model, data).cases("roi", 1, seed=0)
    (metric, *_), scoring = groups()["complexity"], Scoring(["complexity"])
    assert stored.scores(cases, find_method("lrp"), metric, scoring) is not None
    other = replace(cases, target=(cases.target + 1) % 43)
    assert stored.scores(other, find_method("lrp"), metric, scoring) is None
    assert stored.scores(replace(cases, kind="sticker"), find_method("lrp"), metric, scoring) is None


def test_a_method_of_the_same_name_that_is_another_is_asked(store, model, data):
    stored = Stored(store.path, model, data)
    mine = find_method("lrp", rules={"features.0": "flat"})
    assert stored.heatmaps([0], store.targets([0]).tolist(), find_method("lrp"))
    assert not stored.heatmaps([0], store.targets([0]).tolist(), mine)


def test_a_store_of_another_model_or_of_other_images_is_refused(store, model, data, gtsrb):
    training = xs.open_images(gtsrb, "train")
    with pytest.raises(OutputError, match=r"store of something else \(split: there test, here train; images: "):
        Study(model, training, store=store.path)
    model.classifier[0].bias += 1
    with pytest.raises(OutputError, match=r"store of something else \(weights: there .*, here "):
        Study(model, data, store=store.path)


def test_a_model_that_does_something_else_by_now_is_refused(store, model, data):
    model.features[0].register_forward_hook(lambda layer, inputs, output: output * 0)
    with pytest.raises(OutputError, match="hooks"):
        Study(model, data, store=store.path)


def test_a_store_that_is_not_finished_is_refused(store, model, data):
    (store.path / "state/c/1").unlink()
    with pytest.raises(DataError, match="is not finished: let 'xaisigns attribute' go on with it first"):
        Study(model, data, store=store.path)


def test_an_image_that_cannot_be_read_is_as_fatal_as_without(model, data, small_shards, tmp_path):
    data.samples[5].path.write_text("no image")
    xs.write_store(model, data, "edges", out=tmp_path / "store")
    with pytest.raises(DataError, match=rf"{data.samples[5].path} cannot be read as an image"):
        Study(model, data, store=tmp_path / "store")


def test_what_is_kept_is_written_first_and_then_read(model, data, tmp_path, monkeypatch):
    asked = {"masks": "roi", "metrics": "complexity,flipping", "seed": 3, "store": tmp_path / "store", "keep": True}
    xs.score(model, data, "edges", **asked)
    assert xs.open_store(tmp_path / "store").metrics == ["sparseness", "entropy"]
    assert xs.score(model, data, "edges", **{**asked, "metrics": "complexity"})["seconds"] == {}
    with pytest.raises(OutputError, match=r"store of something else \(methods: there .*edges.*, here .*uniform"):
        xs.score(model, data, "uniform", **asked)
    with pytest.raises(OutputError, match="what is kept is kept in a store: name one"):
        xs.score(model, data, "edges", masks="roi", keep=True)


def test_the_score_of_a_store_says_so_where_masks_are_stickers(data, tmp_path, small_shards):
    xs.write_store("stickered", data, "edges", out=tmp_path / "store")
    for place in ("store", "new"):
        with pytest.raises(MetricError, match="a store knows nothing of images with stickers"):
            xs.score("stickered", data, "edges", store=tmp_path / place, keep=place == "new")
    assert not (tmp_path / "new").exists()
    document = xs.score("stickered", data, "edges", metrics="complexity", masks="roi", store=tmp_path / "store")
    assert document["seconds"] == {}
    without = xs.score("stickered", data, "edges", metrics="complexity", masks="roi")
    assert document["methods"]["edges"]["sparseness"]["value"] == pytest.approx(
        without["methods"]["edges"]["sparseness"]["value"], abs=1e-5
    )
