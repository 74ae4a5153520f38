import pytest
import torch

from tests.metrics.conftest import input_x_gradient
from xaisigns.errors import MetricError
from xaisigns.metrics import explanation as explanation_module
from xaisigns.metrics.explanation import Explanation
from xaisigns.metrics.faithfulness import pixel_flipping
from xaisigns.metrics.localisation import grown
from xaisigns.metrics.randomisation import cascading_randomisation, random_logit


@pytest.fixture
def explanation(tiny_vgg, images, relevance, target, mask):
    settings = {"steps": 4, "filling": "noise", "seed": 3}
    return Explanation(tiny_vgg, images, target, relevance, input_x_gradient, mask, **settings)


def test_curves_are_of_pixel_flipping_with_its_settings(explanation, tiny_vgg, images, relevance, target):
    for curve, order in (
        (explanation.most_relevant_flipped, "most"),
        (explanation.least_relevant_flipped, "least"),
    ):
        wanted = pixel_flipping(tiny_vgg, images, relevance, target, order=order, steps=4, filling="noise", seed=3)
        assert torch.equal(curve, wanted)


def test_the_method_is_asked_again_with_the_seed(explanation, tiny_vgg, images, target):
    arguments = input_x_gradient, tiny_vgg, images, target
    assert torch.equal(explanation.randomised_layers.ssim, cascading_randomisation(*arguments, seed=3).ssim)
    assert torch.equal(explanation.another_class.ssim, random_logit(*arguments, seed=3).ssim)


def test_what_several_metrics_need_is_computed_once(explanation, monkeypatch):
    shared = ("most_relevant_flipped", "least_relevant_flipped", "randomised_layers", "another_class", "grown_masks")
    first = [getattr(explanation, name) for name in shared]
    for name in ("pixel_flipping", "cascading_randomisation", "random_logit", "grown"):
        monkeypatch.setattr(explanation_module, name, None)
    assert all(getattr(explanation, name) is one for name, one in zip(shared, first, strict=True))


def test_masks_are_there_where_they_are_known(explanation, tiny_vgg, images, relevance, target, mask):
    assert explanation.masks is mask
    assert torch.equal(explanation.grown_masks, grown(mask))
    unknown = Explanation(tiny_vgg, images, target, relevance, input_x_gradient)
    for name in ("masks", "grown_masks"):
        with pytest.raises(MetricError, match=r"^nothing tells where .* register the metric with needs_masks=True$"):
            getattr(unknown, name)
