import numpy as np
import pytest
import torch

import xaisigns as xs
from xaisigns.attribution.method_sets import select_methods
from xaisigns.data.decoded import decode
from xaisigns.data.tensors import normalise
from xaisigns.errors import MethodError, RuleError
from xaisigns.metrics.catalogue import METRICS, groups
from xaisigns.study.attributions.ahead import decoded_ahead
from xaisigns.study.attributions.explaining import BatchExplainer
from xaisigns.study.attributions.halves import from_halves
from xaisigns.study.attributions.identity import Wanted
from xaisigns.study.attributions.layout import EXPLAINED, SKIPPED
from xaisigns.study.cases import Cases
from xaisigns.study.measuring import Scoring, explanation_of

METHODS = "gradcam,lrp:epsilon,lrp:smooth=1,edges"


def explained(model, data, wanted, places=range(6)):
    explainer = BatchExplainer(model, data, wanted)
    (batch,) = decoded_ahead(data, 32, [places])
    return explainer.explain(batch, explainer.layout())


@pytest.fixture
def images(model, data):
    return normalise(decode(data, 32), model.preprocessing.mean, model.preprocessing.std)[:6]


def test_heatmaps_and_predictions_are_those_of_the_methods(model, data, images):
    wanted = Wanted(select_methods(METHODS), half=False)
    found = explained(model, data, wanted)
    for place, method in enumerate(wanted.methods):
        result = method(model, images)
        np.testing.assert_array_equal(found["heatmaps"][:, place], result.heatmap.numpy())
        np.testing.assert_array_equal(found["logits"], result.logits.numpy())
        np.testing.assert_array_equal(found["predicted"], result.predicted.numpy())
    assert (found["target"] == found["predicted"]).all()
    assert (found["state"] == EXPLAINED).all()
    assert "scale" not in found


def test_as_float16_they_have_a_scale_each(model, data):
    exact = explained(model, data, Wanted(select_methods(METHODS), half=False))["heatmaps"]
    found = explained(model, data, Wanted(select_methods(METHODS)))
    assert (found["heatmaps"].dtype, found["scale"].shape) == (np.float16, (6, 4))
    for place in range(4):
        again = from_halves(found["heatmaps"][:, place], found["scale"][:, place])
        assert (abs(again - exact[:, place]) <= 2.0**-11 * abs(exact[:, place])).all()


def test_layers_are_summed_over_space_for_each_lrp(model, data, images):
    wanted = Wanted(select_methods("gradcam,lrp,lrp:epsilon:contrast"), ["features.4", "classifier.0"])
    explainer = BatchExplainer(model, data, wanted)
    layout = explainer.layout()
    found = explained(model, data, wanted)
    assert list(layout.inner) == ["lrp", "lrp:epsilon:contrast"]
    for place, method in enumerate(wanted.methods[1:]):
        result = method.prepared(model)(images, layers=wanted.layers)
        for name, relevance in result.layers.items():
            summed = relevance.sum(dim=(2, 3)) if relevance.ndim == 4 else relevance
            assert layout.layers[name] == summed.shape[1]
            np.testing.assert_allclose(found[f"layers/{name}"][:, place], summed, rtol=1e-5, atol=1e-7)


def test_scores_are_those_of_the_metrics(model, data, images):
    chosen = [one for group in ("localisation", "complexity", "flipping") for one in groups()[group]]
    scoring = Scoring(["localisation", "complexity", "flipping"], steps=4)
    wanted = Wanted(select_methods("lrp,edges"), scoring=scoring, metrics=chosen)
    found = explained(model, data, wanted)["scores"]
    (batch,) = decoded_ahead(data, 32, [range(6)])
    for place, method in enumerate(wanted.methods):
        result = method(model, images)
        masks, labels = torch.from_numpy(batch.masks), torch.zeros(6, dtype=torch.long)
        cases = Cases("roi", images, masks, labels, result.target, ("",) * 6)
        explanation = explanation_of(model, cases, method, result.relevance, scoring)
        for number, metric in enumerate(chosen):
            np.testing.assert_array_equal(found[:, place, number], metric.measure(explanation))


def test_an_image_that_cannot_be_read_is_skipped_with_its_error(model, data):
    data.samples[1].path.write_text("no image")
    found = explained(model, data, Wanted(select_methods("lrp")))
    assert list(found["state"]) == [EXPLAINED, SKIPPED, EXPLAINED, EXPLAINED, EXPLAINED, EXPLAINED]
    assert str(data.samples[1].path) in found["error"][1]
    assert np.isnan(found["heatmaps"][1]).all()
    assert np.isnan(found["logits"][1]).all()
    assert (found["predicted"][1], found["target"][1]) == (-1, -1)
    assert not any(found["error"][[0, 2, 3, 4, 5]])


def test_what_is_not_finite_is_refused_with_its_images(model, data, registries):
    xs.register_method("broken", lambda network, images, target: images.detach() * torch.inf)
    wanted = Wanted(select_methods("edges,broken"))
    explainer = BatchExplainer(model, data, wanted)
    with pytest.raises(MethodError, match="method 'broken' gives relevance that is not finite"):
        explainer.layout()
    layout = BatchExplainer(model, data, Wanted(select_methods("edges,uniform"))).layout()
    (batch,) = decoded_ahead(data, 32, [range(2, 5)])
    first, last = data.samples[2].key, data.samples[4].key
    with pytest.raises(MethodError, match=f"^images {first} to {last}: method 'broken' gives relevance"):
        explainer.explain(batch, layout)


def test_a_heatmap_that_float32_cannot_hold_is_refused(model, data, registries):
    xs.register_method("huge", lambda network, images, target: torch.full_like(images, 3e38))
    with pytest.raises(MethodError, match="method 'huge' gives heatmaps that are not finite in float32"):
        explained(model, data, Wanted(select_methods("huge")))


def test_layers_that_no_method_knows_are_refused(model, data):
    for methods in ("gradcam", "lrp:smooth=1"):
        with pytest.raises(MethodError, match="inner layers have relevance by lrp alone, and without smooth"):
            BatchExplainer(model, data, Wanted(select_methods(methods), ["features.0"])).layout()
    with pytest.raises(RuleError, match=r"no layer 'features.99'; there are features.0"):
        BatchExplainer(model, data, Wanted(select_methods("lrp"), ["features.99"])).layout()


def test_without_masks_only_other_metrics_are_measured(own_untrained, own, narrow):
    data = xs.open_images(own, "test")
    wanted = Wanted(select_methods("lrp"), scoring=Scoring(["complexity"]), metrics=[METRICS["entropy"]])
    found = explained(xs.load_model(own_untrained), data, wanted)
    assert np.isfinite(found["scores"]).all()
