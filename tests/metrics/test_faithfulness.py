import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from tests.metrics.oracle import quantus_scores
from xaisigns.errors import MetricError, ShapeError
from xaisigns.metrics.faithfulness import deletion, flipping_area, infidelity, insertion, pixel_flipping

FILLINGS = ("mean", "blur", "noise")


def flipped_slowly(model, image, heat, class_id, filled, order, steps):
    """The curve of one image, pixel by pixel, from the definition."""
    pixels = sorted(np.ndindex(*heat.shape), key=lambda pixel: float(heat[pixel]), reverse=order == "most")
    curve, changed = [], image.clone()
    for step in range(steps + 1):
        for row, column in pixels[: round(step * len(pixels) / steps)]:
            changed[:, row, column] = filled[:, row, column]
        curve.append(model(changed[None]).softmax(dim=1)[0, class_id])
    return torch.stack(curve).detach()


def filled_with(filling, tiny_vgg, images):
    """What replaces pixels: what the network sees last."""
    seen = []
    handle = tiny_vgg.register_forward_pre_hook(lambda _, given: seen.append(given[0].clone()))
    pixel_flipping(tiny_vgg, images, torch.ones_like(images), 0, steps=1, filling=filling)
    handle.remove()
    return seen[-1][1::2]


@pytest.mark.parametrize("order", ["most", "least"])
@pytest.mark.parametrize("steps", [1, 7, 144])
def test_curve_is_its_definition(order, steps, tiny_vgg, images, relevance, target):
    filled = images.mean(dim=(2, 3), keepdim=True).expand_as(images)
    wanted = [
        flipped_slowly(tiny_vgg, *one, order, steps)
        for one in zip(images, relevance.sum(dim=1), target.tolist(), filled, strict=True)
    ]
    curves = pixel_flipping(tiny_vgg, images, relevance, target, order=order, steps=steps)
    assert_close(curves, torch.stack(wanted), rtol=0, atol=1e-12)


def test_mean_curve_is_quantus(tiny_vgg, images, relevance, target):
    centred = images - images.mean(dim=(2, 3), keepdim=True)
    wanted = quantus_scores(
        "PixelFlipping",
        tiny_vgg,
        centred,
        target,
        relevance=relevance.sum(dim=1, keepdim=True),
        features_in_step=3 * 144 // 12,
        perturb_baseline=0.0,
        softmax=True,
    )
    curves = pixel_flipping(tiny_vgg, centred, relevance, target, steps=12)
    assert_close(curves[:, 1:], wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", ["most", "least"])
@pytest.mark.parametrize("filling", FILLINGS)
def test_curve_is_quantus_with_the_same_filling(order, filling, tiny_vgg, images, relevance, target):
    filled = filled_with(filling, tiny_vgg, images).flatten(1).numpy()

    def put_in(arr, indices, **_):
        changed, rows = arr.copy(), np.arange(len(arr))[:, None]
        changed[rows, indices] = filled[rows, indices]
        return changed

    heat = relevance.sum(dim=1, keepdim=True)
    wanted = quantus_scores(
        "PixelFlipping",
        tiny_vgg,
        images,
        target,
        relevance=heat if order == "most" else -heat,
        features_in_step=3 * 144 // 9,
        perturb_func=put_in,
        softmax=True,
    )
    curves = pixel_flipping(tiny_vgg, images, relevance, target, order=order, steps=9, filling=filling)
    assert_close(curves[:, 1:], wanted, rtol=0, atol=1e-12)


def test_fillings_are_what_they_say(tiny_vgg, images):
    mean, blur, noise = (filled_with(filling, tiny_vgg, images) for filling in FILLINGS)
    assert_close(mean, images.mean(dim=(2, 3), keepdim=True).expand_as(images))
    assert blur.std() < images.std()
    # A Gaussian with deviation 12 / 16, from its formula, at a pixel far from the border.
    away = torch.arange(-3, 4, dtype=torch.float64)
    weights = torch.exp(-(away**2) / (2 * 0.75**2))
    kernel = torch.outer(weights, weights) / weights.sum() ** 2
    assert_close(blur[:, :, 5, 6], (images[:, :, 2:9, 3:10] * kernel).sum(dim=(2, 3)))
    assert (noise.mean(dim=(2, 3)) - images.mean(dim=(2, 3))).abs().max() < 0.4
    assert 0.8 < (noise.std(dim=(2, 3)) / images.std(dim=(2, 3))).mean() < 1.2


def test_ends_of_the_curves(tiny_vgg, images, relevance, target):
    most, least = (pixel_flipping(tiny_vgg, images, relevance, target, order=order) for order in ("most", "least"))
    untouched = tiny_vgg(images).softmax(dim=1).gather(1, target[:, None])[:, 0].detach()
    assert_close(most[:, 0], untouched)
    assert_close(most[:, [0, -1]], least[:, [0, -1]])


def test_areas_of_known_curves():
    most = torch.tensor([[1.0, 0.5, 0.0], [1.0, 0.0, 0.0]])
    least = torch.tensor([[1.0, 0.5, 0.0], [1.0, 1.0, 0.0]])
    assert_close(deletion(most), torch.tensor([0.5, 0.25]))
    assert_close(insertion(least), torch.tensor([0.5, 0.75]))
    assert_close(flipping_area(most, least), torch.tensor([0.0, 0.5]))


def test_insertion_puts_in_the_most_relevant_first(tiny_vgg, images, relevance, target):
    filled = images.mean(dim=(2, 3), keepdim=True).expand_as(images)
    put_in = [
        flipped_slowly(tiny_vgg, *one, "most", 16)
        for one in zip(filled, relevance.sum(dim=1), target.tolist(), images, strict=True)
    ]
    areas = torch.trapezoid(torch.stack(put_in), dim=1) / 16
    assert_close(insertion(pixel_flipping(tiny_vgg, images, relevance, target, order="least")), areas)


@pytest.mark.parametrize("filling", FILLINGS)
def test_relevance_that_knows_beats_relevance_that_does_not(filling, generator):
    """A network that looks at one block only, which is bright."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 2)).eval()
    with torch.no_grad():
        network[1].weight.zero_().view(2, 3, 8, 8)[0, :, 2:4, 2:4] = 1
        network[1].bias.copy_(torch.tensor([-25.0, 0.0]))
    images = torch.rand(8, 3, 8, 8, generator=generator)
    images[..., 2:4, 2:4] += 2
    knowing = images * network[1].weight[0].detach().view(3, 8, 8)

    def area(heat):
        both = (pixel_flipping(network, images, heat, 0, order=o, steps=8, filling=filling) for o in ("most", "least"))
        return flipping_area(*both)

    assert area(knowing).min() > 0.1
    assert area(torch.ones_like(images)).tolist() == [0] * 8
    assert area(-knowing).max() < -0.1


@given(scale=st.integers(-9, 9).map(lambda power: 2.0**power), order=st.permutations(range(5)), seed=st.integers(0, 99))
def test_scale_and_order_of_the_batch_change_nothing(scale, order, seed):
    generator = torch.Generator().manual_seed(seed)
    network = nn.Sequential(nn.Flatten(), nn.Linear(60, 4)).double().eval()
    images, relevance = torch.randn(2, 5, 3, 4, 5, generator=generator, dtype=torch.float64)
    relevance = relevance.round()  # with ties
    for filling in FILLINGS:
        wanted = pixel_flipping(network, images, relevance, 1, steps=5, filling=filling)
        assert_close(pixel_flipping(network, images, scale * relevance, 1, steps=5, filling=filling), wanted)
        shuffled = pixel_flipping(network, images[order], relevance[order], 1, steps=5, filling=filling)
        assert_close(shuffled, wanted[order])
        alone = pixel_flipping(network, images[2:3], relevance[2:3], 1, steps=5, filling=filling)
        assert_close(alone, wanted[2:3])


def test_ties_are_broken_by_the_seed(tiny_vgg, images, target):
    flat = torch.ones_like(images)
    one, again, other = (pixel_flipping(tiny_vgg, images, flat, target, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.allclose(one, other)


def test_infidelity_is_its_definition(tiny_vgg, images, relevance, target):
    drawn = []
    handle = tiny_vgg.register_forward_pre_hook(lambda _, given: drawn.append(given[0].clone()))
    score = infidelity(tiny_vgg, images, relevance, target, samples=5, noise=0.3, seed=4)
    handle.remove()
    changed = drawn[-1].unflatten(0, (6, 5))
    for index in range(6):
        errors = []
        for after in changed[index]:
            removed = images[index] - after
            told = (removed * relevance[index] / images[index]).sum()
            said = tiny_vgg(torch.stack([images[index], after]))[:, target[index]]
            errors.append((told - (said[0] - said[1])) ** 2)
        assert_close(score[index], torch.stack(errors).mean().detach())
    # The share that is removed is one number for all channels of a pixel, the same for every image.
    share = 1 - changed / images[:, None]
    assert_close(share, share[:1, :, :1].expand_as(share))
    assert 0.2 < share.std() < 0.4


def test_infidelity_is_quantus_with_the_same_noise(tiny_vgg, images, relevance, target):
    drawn = []
    handle = tiny_vgg.register_forward_pre_hook(lambda _, given: drawn.append(given[0].clone()))
    score = infidelity(tiny_vgg, images, relevance, target, samples=4)
    handle.remove()
    turns = iter(drawn[-1].reshape(6, 4, -1).unbind(dim=1))
    wanted = quantus_scores(
        "Infidelity",
        tiny_vgg,
        images,
        target,
        relevance=relevance / images,
        perturb_func=lambda arr, **_: next(turns).numpy().copy(),
        perturb_patch_sizes=[12],
        n_perturb_samples=4,
    )
    assert_close(score, wanted, rtol=1e-9, atol=0)


def test_a_linear_networks_input_x_gradient_is_not_unfaithful(generator, images):
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 144, 2)).double().eval()
    relevance = images * network[1].weight[1].detach().view(3, 12, 12)
    assert infidelity(network, images, relevance, 1).max() < 1e-20
    assert infidelity(network, images, 2 * relevance, 1).min() > 1e-3


def test_bounded_batches_change_nothing(monkeypatch, tiny_vgg, images, relevance, target):
    curves, score = pixel_flipping(tiny_vgg, images, relevance, target), infidelity(tiny_vgg, images, relevance, target)
    sizes = []
    tiny_vgg.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    monkeypatch.setattr("xaisigns.metrics.batches.BATCH", 7)
    assert_close(pixel_flipping(tiny_vgg, images, relevance, target), curves)
    assert_close(infidelity(tiny_vgg, images, relevance, target), score)
    assert max(sizes) == 7


@pytest.mark.parametrize("score", [pixel_flipping, infidelity])
def test_nothing_of_the_callers_changes(score, tiny_vgg, images, relevance, target):
    given = images.clone().requires_grad_(), relevance.clone().requires_grad_(), target.clone()
    weights, state = copy.deepcopy(tiny_vgg.state_dict()), torch.random.get_rng_state()
    result = score(tiny_vgg, *given)
    assert result.dtype == torch.float64
    assert not result.requires_grad
    assert all(torch.equal(tiny_vgg.state_dict()[key], value) for key, value in weights.items())
    assert all(torch.equal(*pair) for pair in zip(given, (images, relevance, target), strict=True))
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("score", [pixel_flipping, infidelity])
def test_broken_relevance_is_nan_for_its_image_alone(score, tiny_vgg, images, relevance, target):
    wanted = score(tiny_vgg, images, relevance, target)
    relevance[2, 1, 3, 3] = torch.inf
    wanted[2] = torch.nan
    assert_close(score(tiny_vgg, images, relevance, target), wanted, equal_nan=True)


@pytest.mark.parametrize("score", [pixel_flipping, infidelity])
def test_what_does_not_belong_together_is_refused(score, tiny_vgg, images, relevance, target):
    with pytest.raises(ShapeError, match=r"\(6, 12, 12\) as the images have, got \(5, 3, 12, 12\)"):
        score(tiny_vgg, images, relevance[:5], target)
    with pytest.raises(ShapeError, match=r"class id or \(6,\) of them, .* got shape \(2,\) of torch.int64"):
        score(tiny_vgg, images, relevance, target[:2])
    with pytest.raises(ShapeError, match=r"classes 0..4, got 5"):
        score(tiny_vgg, images, relevance, 5)
    with pytest.raises(ShapeError, match=r"images must be .* got \(0, 3, 12, 12\)"):
        score(tiny_vgg, images[:0], relevance[:0], 0)
    with pytest.raises(ShapeError, match=r"logits \(N, classes\), it gives \(1, 6, 12, 12\)"):
        score(tiny_vgg[0], images, relevance, target)
    with pytest.raises(MetricError, match=r"call model.eval\(\) first"):
        score(tiny_vgg.train(), images, relevance, target)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        *(
            ({"steps": steps}, "^steps must be a whole number from 1 to 144, got ")
            for steps in (0, 145, 99_999_999, 2.5, True)
        ),
        ({"filling": "black"}, "one of mean, blur, noise; got 'black'"),
        ({"order": "best"}, "most or least, got 'best'"),
    ],
)
def test_settings_that_there_are_not_are_refused(settings, told, tiny_vgg, images, relevance, target):
    with pytest.raises(MetricError, match=told):
        pixel_flipping(tiny_vgg, images, relevance, target, **settings)
