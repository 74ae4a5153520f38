import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.metrics.conftest import input_x_gradient
from tests.metrics.oracle import explainer, quantus_scores
from xaisigns.errors import MetricError, ShapeError
from xaisigns.metrics.robustness import max_sensitivity


def recording(seen):
    """The attribution, which notes what it is asked."""

    def attribute(model, x, target):
        seen.append((x.clone(), target.clone()))
        return input_x_gradient(model, x, target)

    return attribute


def test_score_is_its_definition(tiny_vgg, images, target):
    seen = []
    score = max_sensitivity(recording(seen), tiny_vgg, images, target, radius=0.2, samples=3, seed=5)
    moved = seen[-1][0].unflatten(0, (6, 3))
    for index in range(6):
        one = target[index : index + 1]
        before = input_x_gradient(tiny_vgg, images[index : index + 1], one).sum(dim=1)
        changes = [
            (input_x_gradient(tiny_vgg, sample[None], one).sum(dim=1) - before).norm() for sample in moved[index]
        ]
        assert_close(score[index], max(changes) / before.norm())
    # Even noise within the radius, the same for every image.
    noise = moved - images[:, None]
    assert_close(noise, noise[:1].expand_as(noise))
    assert 0.19 < noise.abs().max() <= 0.2
    assert noise.mean().abs() < 0.02


def test_score_is_quantus_with_the_same_noise(tiny_vgg, images, target):
    seen = []
    score = max_sensitivity(recording(seen), tiny_vgg, images, target, samples=4)
    turns = iter(seen[-1][0].unflatten(0, (6, 4)).unbind(dim=1))
    wanted = quantus_scores(
        "MaxSensitivity",
        tiny_vgg,
        images,
        target,
        explain=explainer(input_x_gradient),
        perturb_func=lambda arr, **_: next(turns).flatten(1).numpy(),
        nr_samples=4,
        return_nan_when_prediction_changes=False,
    )
    assert_close(score, wanted, rtol=1e-9, atol=0)


def test_an_explanation_that_does_not_look_is_not_sensitive(tiny_vgg, images, target):
    def edges(model, x, target):
        return torch.ones_like(x)

    assert max_sensitivity(edges, tiny_vgg, images, target).tolist() == [0] * 6


def test_a_linear_explanation_changes_as_much_as_the_image(generator):
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 2)).double().eval()
    images = torch.ones(1, 3, 4, 4, dtype=torch.float64)

    def first_channel(model, x, target):
        return x[:, :1]

    score = max_sensitivity(first_channel, network, images, 0, radius=0.5, samples=200)
    # The norm of 16 even numbers in [-0.5, 0.5] is at most 2, and about 1.15; that of the heatmap is 4.
    assert 1.15 / 4 < score.item() < 2 / 4


def test_scale_order_and_batch_change_nothing(monkeypatch, tiny_vgg, images, target):
    def scaled(model, x, target):
        return 7.5 * input_x_gradient(model, x, target)

    wanted = max_sensitivity(input_x_gradient, tiny_vgg, images, target)
    assert_close(max_sensitivity(scaled, tiny_vgg, images, target), wanted)
    order = [3, 0, 5, 1, 4, 2]
    assert_close(max_sensitivity(input_x_gradient, tiny_vgg, images[order], target[order]), wanted[order])
    assert_close(max_sensitivity(input_x_gradient, tiny_vgg, images[2:3], target[2:3]), wanted[2:3])
    monkeypatch.setattr("xaisigns.metrics.batches.BATCH", 7)
    seen = []
    assert_close(max_sensitivity(recording(seen), tiny_vgg, images, target), wanted)
    assert max(len(x) for x, _ in seen) == 7


def test_nan_without_relevance_or_where_it_breaks(tiny_vgg, images, target):
    def broken(model, x, target):
        relevance = x.clone()
        relevance[target == 1] = 0
        relevance[target == 2] = torch.inf
        return relevance

    assert max_sensitivity(broken, tiny_vgg, images, target).isnan().tolist() == [0, 1, 1, 0, 0, 0]


def test_nothing_of_the_callers_changes(tiny_vgg, images, target):
    given = images.clone().requires_grad_()
    state = torch.random.get_rng_state()
    score = max_sensitivity(input_x_gradient, tiny_vgg, given, target)
    assert not score.requires_grad
    assert torch.equal(given, images)
    assert given.grad is None
    assert torch.equal(torch.random.get_rng_state(), state)


def test_what_cannot_be_is_refused(tiny_vgg, images, target):
    with pytest.raises(ShapeError, match=r"got \(6, 12, 12\)"):
        max_sensitivity(lambda model, x, target: x.sum(dim=1), tiny_vgg, images, target)
    with pytest.raises(MetricError, match="eval"):
        max_sensitivity(input_x_gradient, tiny_vgg.train(), images, target)
