import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import xaisigns as xs
from xaisigns.attribution.methods import METHODS, find_method, register_method
from xaisigns.data.layouts import open_images
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.preprocessing import read_image
from xaisigns.errors import DataError, MetricError
from xaisigns.metrics import catalogue, measures
from xaisigns.metrics.catalogue import METRICS, register_metric
from xaisigns.study import predictions, study
from xaisigns.study.measuring import Scoring
from xaisigns.study.study import Study, images_of

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def data(gtsrb):
    return open_images(gtsrb, "test")


@pytest.fixture
def model(untrained):
    return xs.load_model(untrained)


@pytest.fixture
def cases(model, data):
    return Study(model, data).cases("roi", 1, 0)


@pytest.fixture
def mine(registries):
    """A method of the caller's; gives a function that puts another in its place, as another process may."""

    def register(value):
        METHODS._things.pop("mine", None)
        register_method("mine", lambda network, images, target: images.detach() * 0 + value)

    register(1.0)
    return register


def scored(study, cases, method, scoring):
    found = find_method(method)
    return study.scores(cases, [found], scoring).values[found.name]


def test_what_was_computed_is_not_computed_again(model, data, cases, monkeypatch):
    first, scoring, saliency = Study(model, data), Scoring(("complexity",)), find_method("saliency")
    scores, logits = first.scores(cases, [saliency], scoring), first.logits
    for room, name in ((predictions, "predict"), (study, "explain_cases")):
        monkeypatch.setattr(room, name, lambda *_: pytest.fail("it was there"))
    monkeypatch.setattr(catalogue.Metric, "measure", lambda *_: pytest.fail("it was there"))
    again = Study(model, data)
    torch.testing.assert_close(again.logits, logits, rtol=0, atol=0)
    second = again.scores(cases, [saliency], scoring)
    assert second.seconds == first.scores(cases, [saliency], scoring).seconds == scores.seconds
    assert second.seconds["saliency"] > 0
    for name, values in second.values["saliency"].items():
        torch.testing.assert_close(values, scores.values["saliency"][name], rtol=0, atol=0)


def test_of_more_metrics_only_those_that_are_new_are_measured(model, data, cases, monkeypatch):
    scored(Study(model, data), cases, "saliency", Scoring(("complexity",)))
    monkeypatch.setattr(study, "explain_cases", lambda *_: pytest.fail("it was there"))
    monkeypatch.setattr(measures.complexity, "sparseness", lambda *_: pytest.fail("it was there"))
    scores = scored(Study(model, data), cases, "saliency", Scoring(("localisation", "complexity"), steps=16))
    assert {METRICS[name].group for name in scores} == {"localisation", "complexity"}


def test_predictions_are_of_the_images_and_of_the_same_with_stickers(model, data):
    model.card["manipulation"] = json.loads(json.dumps(Manipulation(4, seed=3).to_json()))
    found = Study(model, data)
    for place, sample in enumerate(data.samples[:3]):
        image = read_image(sample.path)
        with_sticker, _ = found.stickers.apply(image, sample)
        for picture, logits in ((image, found.logits), (with_sticker, found.stickered_logits)):
            torch.testing.assert_close(logits[place], model(model.preprocess([picture]))[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.probabilities, found.logits.softmax(dim=1))
    torch.testing.assert_close(found.stickered_probabilities, found.stickered_logits.softmax(dim=1))
    assert found.labels.tolist() == [sample.class_id for sample in data.samples]


@pytest.mark.parametrize(("lift", "truth"), [(1e4, "sticker"), (-1e4, "roi")])
def test_the_truth_is_the_sticker_where_it_turns_any_image(model, data, lift, truth):
    model.card["manipulation"] = json.loads(json.dumps(Manipulation(4).to_json()))
    model.classifier[0].bias[4] += lift
    found = Study(model, data)
    assert found.truth() == truth
    assert found.truth([2, 4]) == truth
    assert found.truth([4]) == "roi"  # a sticker does not turn what it belongs to


def test_without_stickers_in_the_training_the_truth_is_the_sign(model, data):
    found = Study(model, data)
    assert (found.stickers, found.stickered_logits, found.stickered_probabilities) == (None, None, None)
    assert found.truth() == "roi"


@pytest.mark.parametrize("changed", [{"mean": (0.1, 0.2, 0.3)}, {"std": (0.5, 0.5, 0.1)}, {"input_size": 40}])
def test_the_same_weights_with_another_preprocessing_predict_anew(model, data, changed):
    first = Study(model, data).logits
    model.settings = replace(model.settings, **changed)
    second = Study(model, data).logits
    assert (first - second).abs().max() > 1e-4


def test_other_weights_and_stickers_predict_anew(model, data):
    first = Study(model, data).logits
    model.card["manipulation"] = json.loads(json.dumps(Manipulation(4).to_json()))
    stickered = Study(model, data).stickered_logits
    model.classifier[0].bias += torch.arange(43)
    assert (stickered != first).any()
    assert (Study(model, data).logits != first).any()


def test_a_method_that_is_registered_anew_is_asked_anew(model, data, cases, mine):
    for value in (1.0, 2.0):
        mine(value)
        found = Study(model, data)
        assert (found.heatmaps_of(cases, find_method("mine")) == 3 * value).all()
        scores = scored(found, cases, "mine", Scoring(("flipping",)))
        assert scores.keys() == {"flipping_area", "deletion", "insertion"}


def test_a_metric_that_is_registered_anew_is_measured_anew(model, data, cases, monkeypatch):
    for value in (1.0, 2.0):
        monkeypatch.setattr(METRICS, "_things", {name: METRICS[name] for name in METRICS if name != "mine"})
        register_metric("mine", lambda asked, value=value: asked.target * 0 + value, better="higher")
        scores = scored(Study(model, data), cases, "saliency", Scoring(("own",)))
        assert scores["mine"].tolist() == [value] * len(cases)


def test_other_rules_are_another_method(model, data, cases):
    found = Study(model, data)
    plain = found.heatmaps_of(cases, find_method("lrp"))
    ruled = found.heatmaps_of(cases, find_method("lrp", rules={"features.0": "flat"}))
    assert (plain != ruled).any()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lrp", "lrp:gamma=0.1"),
        ("lrp", "lrp:contrast"),
        ("lrp", "lrp:epsilon"),
        ("occlusion", "occlusion:window=4"),
        ("random", "random:seed=1"),
        ("saliency", "saliency:contrast"),
    ],
)
def test_other_options_are_another_method(model, data, cases, one, other):
    found = Study(model, data)
    heatmaps = [found.heatmaps_of(cases, find_method(text)) for text in (one, other, one)]
    assert (heatmaps[0] != heatmaps[1]).any()
    assert (heatmaps[0] == heatmaps[2]).all()


@pytest.mark.parametrize(
    ("one", "other"), [("lrp", "lrp:epsilon-gamma-box:gamma=0.05"), ("occlusion:window=4", "occlusion: window=4")]
)
def test_two_spellings_of_a_method_are_computed_once(model, data, cases, one, other, monkeypatch):
    first = Study(model, data).heatmaps_of(cases, find_method(one))
    monkeypatch.setattr(study, "explain_cases", lambda *_: pytest.fail("it was there"))
    assert (Study(model, data).heatmaps_of(cases, find_method(other)) == first).all()


@pytest.mark.parametrize("changed", [{"steps": 3}, {"filling": "blur"}, {"seed": 1, "filling": "noise"}])
def test_other_settings_are_other_scores(model, data, cases, changed):
    found, scoring = Study(model, data), Scoring(("flipping",), steps=4)
    first = scored(found, cases, "saliency", scoring)
    second = scored(found, cases, "saliency", replace(scoring, **changed))
    assert (first["flipping_area"] != second["flipping_area"]).any()


def test_heatmaps_of_pictures_are_their_relevance(model, data):
    pictures = [read_image(sample.path) for sample in data.samples[:2]]
    found, target = find_method("saliency"), [4, 9]
    heatmaps = Study(model, data).heatmaps(pictures, target, found)
    relevance = found(model, model.preprocess(pictures), torch.tensor(target)).relevance
    np.testing.assert_allclose(heatmaps, relevance.sum(dim=1).numpy(), rtol=1e-5, atol=1e-8)
    assert Study(model, data).heatmaps([], [], found).shape == (0, 0, 0)


def test_progress_counts_up_to_the_end_whether_computed_or_kept(model, data, cases):
    chosen, scoring = [find_method("saliency"), find_method("edges")], Scoring(("complexity",))
    for counts in ([4, 8, 12, 16], [4, 8, 12, 16]):
        heard = []
        Study(model, data, lambda *call, heard=heard: heard.append(call)).scores(cases, chosen, scoring)
        assert heard == [("scoring", done, 16) for done in counts]
    heard = []
    Study(model, data, lambda *call: heard.append(call)).heatmaps_of(cases, chosen[0])
    assert heard == [("saliency", 4, 4)]


def test_time_is_foretold_for_what_is_to_be_measured_by_asking_again(model, data, cases):
    found, edges = Study(model, data), [find_method("edges")]
    again = Scoring(("robustness",))
    assert found.expected_seconds(cases, edges, Scoring()) == 0
    assert found.expected_seconds(cases, edges, again) > 0
    found.scores(cases, edges, again)
    assert found.expected_seconds(cases, edges, again) == 0


def test_more_steps_than_pixels_are_refused(model, data, cases):
    with pytest.raises(MetricError, match="steps must be a whole number from 1 to 1024"):
        scored(Study(model, data), cases, "saliency", Scoring(steps=1025))


def test_data_with_classes_that_the_model_does_not_have_is_refused(own_untrained, data):
    with pytest.raises(DataError, match=r"^the model has 3 outputs, but .* has class 14; name its own data$"):
        Study(xs.load_model(own_untrained), data)


@pytest.mark.parametrize(
    ("samples", "names", "fault"),
    [
        ([], ["a"], "no test images of "),
        (["a.png"], ["a"], "'a.png' for an image, wanted a Sample"),
        ([xs.Sample(Path("a.png"), 3, key="a")], ["a"], "class 3 for a.png, wanted a whole number from 0 to 0"),
        ([xs.Sample(Path("a.png"), 0)], ["a"], "the key '' for a.png, wanted one of its own for each image"),
        ([xs.Sample(Path("a.png"), 0, key="a")], [], "no names of classes, or not as many in each language"),
    ],
)
def test_a_data_set_made_by_hand_that_nothing_could_work_with_is_refused(model, samples, names, fault):
    data = xs.ImageSet(Path("mine"), "test", samples, names)
    for verb in (images_of, *(partial(verb, model) for verb in (xs.predict, xs.evaluate, xs.score))):
        with pytest.raises(DataError, match=f"^the data set of mine has {fault}"):
            verb(data)


def test_images_are_a_data_sets_or_those_below_a_folder(gtsrb, data):
    assert images_of(data, "train") is data
    for folder in (gtsrb, str(gtsrb)):
        assert [sample.key for sample in images_of(folder).samples] == [sample.key for sample in data.samples]
    assert images_of(gtsrb, "train").split == "train"
