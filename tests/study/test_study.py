import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import xaisigns as xs
from xaisigns.attribution.methods import METHODS, find_method, register_method
from xaisigns.data.manipulation import Manipulation
from xaisigns.study import study
from xaisigns.study.scoring import Scoring
from xaisigns.study.study import Examined


def silent(_):
    return lambda done, total: None


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model(untrained):
    return xs.load_model(untrained)


@pytest.fixture
def cases(model, gtsrb):
    return Examined(model, gtsrb, silent).cases("roi", 1, 0)


@pytest.fixture
def mine(registries):
    """A method of the caller's; gives a function that puts another in its place, as another process may."""

    def register(value):
        METHODS._things.pop("mine", None)
        register_method("mine", lambda network, images, target: images.detach() * 0 + value)

    register(1.0)
    return register


def counted(monkeypatch, name):
    calls, whole = [], getattr(study, name)
    monkeypatch.setattr(study, name, lambda *given: calls.append(name) or whole(*given))
    return calls


def test_what_was_examined_is_not_computed_again(model, gtsrb, cases, monkeypatch):
    calls = counted(monkeypatch, "predict") + counted(monkeypatch, "explain_cases")
    first, scoring = Examined(model, gtsrb, silent), Scoring(("complexity",))
    heatmaps = first.explained(cases, find_method("saliency"))
    scores = first.scores(cases, find_method("saliency"), scoring)
    for name in ("predict", "explain_cases", "image_scores"):
        monkeypatch.setattr(study, name, lambda *_: pytest.fail("it was there"))
    again = Examined(model, gtsrb, silent)
    torch.testing.assert_close(again.probabilities, first.probabilities, rtol=0, atol=0)
    np.testing.assert_array_equal(again.explained(cases, find_method("saliency")), heatmaps)
    for name, values in again.scores(cases, find_method("saliency"), scoring).items():
        torch.testing.assert_close(values, scores[name], rtol=0, atol=0)
    assert calls == []


@pytest.mark.parametrize("changed", [{"mean": (0.1, 0.2, 0.3)}, {"std": (0.5, 0.5, 0.1)}, {"input_size": 40}])
def test_the_same_weights_with_another_preprocessing_predict_anew(model, gtsrb, changed):
    first = Examined(model, gtsrb, silent).probabilities
    model.settings = replace(model.settings, **changed)
    second = Examined(model, gtsrb, silent).probabilities
    assert (first - second).abs().max() > 1e-4


def test_other_weights_and_stickers_predict_anew(model, gtsrb):
    first = Examined(model, gtsrb, silent).probabilities
    model.card["manipulation"] = json.loads(json.dumps(Manipulation(4).to_json()))
    stickered = Examined(model, gtsrb, silent).stickered
    model.classifier[0].bias += torch.arange(43)
    assert (stickered != first).any()
    assert (Examined(model, gtsrb, silent).probabilities != first).any()


def test_a_method_that_is_registered_anew_is_asked_anew(model, gtsrb, cases, mine):
    for value in (1.0, 2.0):
        mine(value)
        examining = Examined(model, gtsrb, silent)
        assert (examining.explained(cases, find_method("mine")) == 3 * value).all()
        scores = examining.scores(cases, find_method("mine"), Scoring(("flipping",)))
        assert scores.keys() == {"flipping_area", "deletion", "insertion"}


def test_nothing_is_kept_of_rules_that_no_name_tells(model, gtsrb, cases):
    examining = Examined(model, gtsrb, silent)
    plain = examining.explained(cases, find_method("lrp"))
    ruled = examining.explained(cases, find_method("lrp", rules={"features.0": "flat"}))
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
def test_other_options_are_other_heatmaps(model, gtsrb, cases, one, other):
    examining = Examined(model, gtsrb, silent)
    heatmaps = [examining.explained(cases, find_method(text)) for text in (one, other, one)]
    assert (heatmaps[0] != heatmaps[1]).any()
    np.testing.assert_array_equal(heatmaps[0], heatmaps[2])


@pytest.mark.parametrize(
    ("one", "other"), [("lrp", "lrp:epsilon-gamma-box:gamma=0.05"), ("occlusion:window=4", "occlusion: window=4")]
)
def test_two_spellings_of_a_method_are_computed_once(model, gtsrb, cases, one, other, monkeypatch):
    examining = Examined(model, gtsrb, silent)
    first = examining.explained(cases, find_method(one))
    monkeypatch.setattr(study, "explain_cases", lambda *_: pytest.fail("it was there"))
    np.testing.assert_array_equal(examining.explained(cases, find_method(other)), first)


def test_other_code_computes_anew(model, gtsrb, monkeypatch):
    Examined(model, gtsrb, silent)
    calls = counted(monkeypatch, "predict")
    Examined(model, gtsrb, silent)
    assert calls == []
    monkeypatch.setattr(study, "made_by", lambda *_: ["another version"])
    Examined(model, gtsrb, silent)
    assert calls == ["predict"]


@pytest.mark.parametrize("changed", [{"steps": 3}, {"filling": "blur"}, {"seed": 1, "filling": "noise"}])
def test_other_settings_are_other_scores(model, gtsrb, cases, changed):
    examining, scoring = Examined(model, gtsrb, silent), Scoring(("flipping",), steps=4)
    first = examining.scores(cases, find_method("saliency"), scoring)
    second = examining.scores(cases, find_method("saliency"), replace(scoring, **changed))
    assert (first["flipping_area"] != second["flipping_area"]).any()
