import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.testing import assert_close

from tests.metrics.conftest import input_x_gradient
from tests.metrics.oracle import explainer, quantus, quantus_scores
from xaisigns.errors import MetricError, ShapeError
from xaisigns.metrics.randomisation import cascading_randomisation, random_logit
from xaisigns.metrics.similarity import spearman, ssim

LAYERS = ("0", "1", "4", "5", "9", "12")  # with weights, in tiny_vgg


def ssim_of_pictures(a, b, batched):
    """Quantus' similarity on pictures instead of rows, each on its own scale."""
    pictures = [both.reshape(-1, 12, 12) for both in (a, b)]
    pictures = [picture / np.abs(picture).max(axis=(1, 2), keepdims=True) for picture in pictures]
    return np.array(quantus.similarity_func.ssim(*pictures, batched=True))


@pytest.mark.parametrize("order", ["top_down", "bottom_up"])
def test_cascade_is_quantus_with_the_same_weights(order, monkeypatch, tiny_vgg, images, target):
    def redraw(layer):
        generator = torch.Generator().manual_seed(layer.weight.numel())
        for parameter in layer.parameters():
            parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)

    monkeypatch.setattr(_ConvNd, "reset_parameters", redraw)
    monkeypatch.setattr(nn.Linear, "reset_parameters", redraw)
    cascade = cascading_randomisation(input_x_gradient, tiny_vgg, images, target, order=order)
    assert cascade.layers == (LAYERS if order == "bottom_up" else LAYERS[::-1])
    for ours, similarity in (
        (cascade.spearman, quantus.similarity_func.correlation_spearman),
        (cascade.ssim, ssim_of_pictures),
    ):
        wanted = quantus_scores(
            "MPRT",
            tiny_vgg,
            images,
            target,
            explain=explainer(input_x_gradient),
            similarity_func=similarity,
            layer_order=order,
            abs=True,
        )
        by_layer = torch.tensor([wanted[layer] for layer in cascade.layers], dtype=torch.float64)
        assert_close(ours, by_layer, rtol=0, atol=1e-9)


def test_cascade_is_its_definition(tiny_vgg, images, target):
    cascade = cascading_randomisation(input_x_gradient, tiny_vgg, images, target, seed=3)
    original = input_x_gradient(tiny_vgg, images, target).sum(dim=1, keepdim=True).abs()
    network = copy.deepcopy(tiny_vgg)
    for number, name in enumerate(cascade.layers):
        with torch.random.fork_rng():
            torch.manual_seed(3 + len(cascade.layers) - 1 - number)
            network.get_submodule(name).reset_parameters()
        changed = input_x_gradient(network, images, target).sum(dim=1, keepdim=True).abs()
        assert_close(cascade.spearman[number], spearman(original, changed))
        assert_close(cascade.ssim[number], ssim(original, changed))


def test_both_orders_end_with_the_same_network(tiny_vgg, images, target):
    ends = [
        cascading_randomisation(input_x_gradient, tiny_vgg, images, target, order=order).spearman[-1]
        for order in ("top_down", "bottom_up")
    ]
    assert_close(*ends)


def test_layers_of_one_shape_draw_different_weights(images, target):
    network = nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(2)), nn.Flatten(), nn.Linear(432, 5))
    seen = []

    def attribute(model, x, target):
        seen.append(model)
        return x

    cascading_randomisation(attribute, network.double().eval(), images, target)
    assert not torch.equal(seen[-1][0].weight, seen[-1][1].weight)


def test_an_explanation_that_does_not_ask_the_network_stays_alike(tiny_vgg, images, target):
    def image_itself(model, x, target):
        return x

    cascade = cascading_randomisation(image_itself, tiny_vgg, images, target)
    assert_close(cascade.spearman, torch.ones(6, 6, dtype=torch.float64))
    assert_close(cascade.ssim, torch.ones(6, 6, dtype=torch.float64))
    for score in random_logit(image_itself, tiny_vgg, images, target):
        assert_close(score, torch.ones(6, dtype=torch.float64))


def test_turning_the_sign_is_staying_alike(tiny_vgg, images, target):
    def turned_for_other_classes(model, x, asked):
        return x * torch.where(asked == target, 1, -1)[:, None, None, None]

    for score in random_logit(turned_for_other_classes, tiny_vgg, images, target):
        assert_close(score, torch.ones(6, dtype=torch.float64))


def other_classes(model, images, target, seed=0):
    asked = []

    def attribute(model, x, target):
        asked.append(target)
        return x

    random_logit(attribute, model, images, target, seed=seed)
    return asked[-1]


def test_random_logit_is_quantus_with_the_same_classes(monkeypatch, tiny_vgg, images, target):
    scores = random_logit(input_x_gradient, tiny_vgg, images, target)
    others = other_classes(tiny_vgg, images, target)
    # Quantus numbers the classes without the target's.
    monkeypatch.setattr(np.random, "randint", lambda *_: (others - (others > target).long()).numpy())
    for ours, similarity in (
        (scores.spearman, quantus.similarity_func.correlation_spearman),
        (scores.ssim, ssim_of_pictures),
    ):
        wanted = quantus_scores(
            "RandomLogit",
            tiny_vgg,
            images,
            target,
            explain=explainer(input_x_gradient),
            similarity_func=similarity,
            num_classes=5,
            abs=True,
        )
        assert_close(ours, wanted, rtol=0, atol=1e-9)


def test_another_class_is_drawn_for_each_target(tiny_vgg, images, target):
    drawn = torch.stack([other_classes(tiny_vgg, images, target, seed) for seed in range(60)])
    assert (drawn != target).all()
    assert torch.equal(drawn[:, 0], drawn[:, 5])  # the same target
    assert sorted(set(drawn[:, 2].tolist())) == [0, 1, 3, 4]


def test_scale_order_and_batch_change_nothing(monkeypatch, tiny_vgg, images, target):
    def scaled(model, x, target):
        return 7.5 * input_x_gradient(model, x, target)

    order = [3, 0, 5, 1, 4, 2]
    for score in (random_logit, cascading_randomisation):
        wanted = score(input_x_gradient, tiny_vgg, images, target)
        assert_close(score(scaled, tiny_vgg, images, target)[-2:], wanted[-2:])
        shuffled = score(input_x_gradient, tiny_vgg, images[order], target[order])
        assert_close(shuffled[-2], wanted[-2][..., order])
        with monkeypatch.context() as patched:
            patched.setattr("xaisigns.metrics.batches.BATCH", 4)
            assert_close(score(input_x_gradient, tiny_vgg, images, target)[-2:], wanted[-2:])


@pytest.mark.parametrize("score", [random_logit, cascading_randomisation])
def test_nothing_of_the_callers_changes(score, tiny_vgg, images, target):
    weights, state = copy.deepcopy(tiny_vgg.state_dict()), torch.random.get_rng_state()
    score(input_x_gradient, tiny_vgg, images, target)
    assert all(torch.equal(tiny_vgg.state_dict()[key], value) for key, value in weights.items())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_random_state_stays_when_an_attribution_fails(tiny_vgg, images, target):
    state = torch.random.get_rng_state()
    with pytest.raises(ShapeError, match="relevance must be"):
        cascading_randomisation(lambda model, x, target: x[:1], tiny_vgg, images, target)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_what_cannot_be_is_refused(tiny_vgg, images, target):
    with pytest.raises(MetricError, match="top_down or bottom_up, got 'sideways'"):
        cascading_randomisation(input_x_gradient, tiny_vgg, images, target, order="sideways")
    with pytest.raises(MetricError, match="no weights to draw anew"):
        cascading_randomisation(lambda model, x, target: x, nn.Flatten().eval(), images, target)
    with pytest.raises(MetricError, match="2 classes or more"):
        random_logit(input_x_gradient, nn.Sequential(nn.Flatten(), nn.Linear(432, 1)).double().eval(), images, 0)
