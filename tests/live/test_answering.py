"""What the models say, against what the library says of the same image."""

import base64

import numpy as np
import pytest
import torch

import xaisigns as xs
from tests.live.asks import ask
from xaisigns.data.preprocessing import resize_mask
from xaisigns.errors import MethodError, ModelError, RuleError
from xaisigns.live.answering import Answering, composite_of
from xaisigns.live.composing import Composed, lay
from xaisigns.live.exhibit import Exhibit
from xaisigns.live.keeping import files_to_keep

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture
def model(untrained):
    return xs.load_model(untrained)


@pytest.fixture
def composed():
    return lay(xs.draw_sign(2, 48, 1).image, ask().sticker)


def question(**changed):
    return ask(question=changed).question


def drawn(told):
    values = np.frombuffer(base64.b64decode(told["values"]), dtype=np.int8)
    return values.reshape(told["height"], told["width"]) / 127 * told["limit"]


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        ({}, {}),
        ({"composite": "epsilon_plus_flat", "gamma": None}, {"composite": "epsilon_plus_flat"}),
        ({"gamma": 0.5, "target": 4}, {"composite": "epsilon_gamma_box:gamma=0.5", "target": 4}),
        ({"target": 4, "against": 2}, {"target": 4, "against": 2}),
        ({"method": "saliency", "composite": None, "gamma": None}, {"method": "saliency"}),
        (
            {"method": "gradcam", "composite": None, "gamma": None, "against": "rest"},
            {"method": "gradcam", "against": "rest"},
        ),
    ],
)
def test_an_answer_is_what_attribute_gives(model, composed, asked, options):
    (told,) = Answering({"": model}).answers(composed, question(**asked))
    result = xs.attribute(model, model.preprocess([composed.image]), **options)
    heatmap = result.heatmap[0].numpy()
    np.testing.assert_allclose(drawn(told["heatmap"]), heatmap, atol=0.51 / 127 * np.abs(heatmap).max())
    probabilities = result.probabilities[0]
    assert [one["id"] for one in told["top"]] == probabilities.topk(5).indices.tolist()
    assert [one["probability"] for one in told["top"]] == pytest.approx(probabilities.topk(5).values.tolist(), abs=1e-5)
    assert (told["target"], told["logit"]) == (int(result.target), pytest.approx(float(result.logit), rel=1e-4))
    mask = torch.from_numpy(resize_mask(composed.mask, 32))[None]
    inside = xs.metrics.relevance_mass(result.relevance, mask)
    assert told["inside"] == pytest.approx(float(inside), abs=1e-5)
    assert told["area"] == pytest.approx(float(mask.double().mean()))


@pytest.mark.parametrize("asked", [{}, {"target": 4, "against": 2, "layer": "features.8"}])
def test_a_model_on_another_device_answers_alike(untrained, composed, asked, elsewhere):
    here, there = (
        Answering({"": xs.load_model(untrained, device=device)}).answers(composed, question(**asked))[0]
        for device in ("cpu", elsewhere.type)
    )
    assert [one["id"] for one in there["top"]] == [one["id"] for one in here["top"]]
    np.testing.assert_allclose(drawn(there["heatmap"]), drawn(here["heatmap"]), atol=0.02 * here["heatmap"]["limit"])


def test_without_a_sticker_nothing_lies_in_it(model):
    (told,) = Answering({"": model}).answers(Composed(xs.draw_sign(2, 48, 1).image, None), question())
    assert (told["inside"], told["area"], told["layer"]) == (None, None, None)


def test_a_layer_is_told_by_its_strongest_channels(model, composed):
    (told,) = Answering({"": model}).answers(composed, question(layer="features.8"))
    result = xs.LRP(model, bounds=model.bounds).attribute(
        model.preprocess([composed.image]), told["target"], layers=["features.8"]
    )["features.8"][0]
    sums = result.sum(dim=(1, 2))
    assert told["layer"]["channels"][0]["channel"] == int(sums.abs().argmax())
    wanted = result.sum(dim=0).numpy()
    np.testing.assert_allclose(drawn(told["layer"]["map"]), wanted, atol=0.51 / 127 * np.abs(wanted).max())
    (told,) = Answering({"": model}).answers(composed, question(layer="classifier.0"))
    assert told["layer"]["map"] is None


def test_models_answer_in_their_order_and_plain_is_what_they_predict(model, composed, own_untrained):
    other = xs.load_model(own_untrained)
    both = Answering({"one": model, "other": other})
    assert [one["model"] for one in both.answers(composed, question())] == ["one", "other"]
    plain = both.plain(composed.image)
    for said, one in zip(plain, (model, other), strict=True):
        logits = one(one.preprocess([composed.image])).detach()
        assert said["id"] == int(logits.argmax())
        assert said["probability"] == pytest.approx(float(logits.softmax(1).max()), abs=1e-5)


def test_few_methods_are_kept_ready(model, composed):
    answering = Answering({"": model})
    for step in range(10):
        answering.answers(composed, question(gamma=step / 10))
    assert len(answering._ready) == 4
    newest = list(answering._ready.values())[-1]
    answering.answers(composed, question(gamma=0.9))
    assert list(answering._ready.values())[-1] is newest


def test_what_cannot_be_asked_is_refused_by_the_houses_words(model, composed):
    answering = Answering({"mine": model})
    with pytest.raises(ModelError, match="mine: the model has no class 43; give --target a number"):
        answering.answers(composed, question(target=43))
    with pytest.raises(MethodError, match="no method 'beauty'"):
        answering.answers(composed, question(method="beauty", composite=None, gamma=None))
    with pytest.raises(RuleError, match="no composite 'none'"):
        answering.answers(composed, question(composite="none", gamma=None))
    with pytest.raises(RuleError, match=r"no layer 'features\.99'"):
        answering.answers(composed, question(layer="features.99"))


@pytest.mark.parametrize("method", ["feature_ablation", "occlusion", "smoothgrad:samples=9", "lrp:smooth=8"])
def test_what_takes_minutes_is_left_to_explain(model, composed, method):
    asked = question(method=method, composite=None, gamma=None)
    with pytest.raises(MethodError, match=r"the page does not offer '.*': let 'xaisigns explain' take it"):
        Answering({"": model}).answers(composed, asked)
    with pytest.raises(MethodError, match="the page does not offer"):
        files_to_keep(Exhibit(model, [], "en"), composed.image, asked, "en")


def test_a_composite_is_written_as_one_types_it():
    assert composite_of(question()) == "epsilon_gamma_box:gamma=0.05"
    assert composite_of(question(gamma=0.1 + 0.2)) == "epsilon_gamma_box:gamma=0.30000000000000004"
    assert composite_of(question(gamma=None)) == "epsilon_gamma_box"
    assert composite_of(question(composite=None, gamma=None)) is None
