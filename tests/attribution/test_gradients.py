"""Gradient methods against their definitions, written out slowly."""

import pytest
import torch
from torch import nn

import xaisigns as xs
from tests.attribution.oracle import peak
from xaisigns.attribution.methods import find_method
from xaisigns.errors import MethodError


@pytest.fixture
def images(generator):
    return torch.randn(3, 3, 12, 12, generator=generator, dtype=torch.float64)


def close(ours, wanted, tolerance=1e-9):
    torch.testing.assert_close(ours, wanted, rtol=0, atol=tolerance * peak(wanted))


def gradient(network, images, target):
    leaf = images.clone().requires_grad_()
    return torch.autograd.grad(network(leaf)[:, target].sum(), leaf)[0]


def test_saliency_is_the_size_of_the_gradient(tiny_vgg, images):
    close(find_method("saliency")(tiny_vgg, images, 3).relevance, gradient(tiny_vgg, images, 3).abs())


def test_input_x_gradient(tiny_vgg, images):
    close(find_method("input_x_gradient")(tiny_vgg, images, 3).relevance, images * gradient(tiny_vgg, images, 3))


def test_input_x_gradient_sums_to_the_logit_of_a_network_without_bias(images):
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(100, 3, bias=False)
    network = nn.Sequential(*layers).double()
    result = find_method("input_x_gradient")(network, images, 1)
    close(result.relevance.sum(dim=(1, 2, 3)), result.logit)


def test_integrated_gradients_are_complete(tiny_vgg, images):
    wanted = (tiny_vgg(images) - tiny_vgg(torch.zeros_like(images)))[:, 3].detach()
    relevance = find_method("integrated_gradients:steps=300")(tiny_vgg, images, 3).relevance
    close(relevance.sum(dim=(1, 2, 3)), wanted, 0.02)


def test_integrated_gradients_average_the_gradient_on_the_way(tiny_vgg, images):
    way = (torch.arange(2000).double() + 0.5) / 2000
    stops = (way[:, None, None, None, None] * images).flatten(0, 1)
    average = gradient(tiny_vgg, stops, 3).unflatten(0, (2000, -1)).mean(dim=0)
    close(find_method("integrated_gradients:steps=2000")(tiny_vgg, images, 3).relevance, images * average, 0.01)


def test_gradient_shap_tends_to_integrated_gradients(tiny_vgg, images):
    shap = find_method("gradient_shap:samples=3000")(tiny_vgg, images[:1], 3).relevance
    close(shap, find_method("integrated_gradients:steps=500")(tiny_vgg, images[:1], 3).relevance, 0.1)


def test_smoothgrad_averages_gradients_of_noisy_images(tiny_vgg, images, generator):
    spread = 0.1 * (images[0].max() - images[0].min())
    noisy = images[:1] + spread * torch.randn(4000, 3, 12, 12, generator=generator, dtype=torch.float64)
    wanted = gradient(tiny_vgg, noisy, 3).mean(dim=0, keepdim=True).abs()
    close(find_method("smoothgrad:samples=4000:noise=0.1")(tiny_vgg, images[:1], 3).relevance, wanted, 0.1)


def test_smoothgrad_without_noise_is_saliency(tiny_vgg, images):
    close(
        find_method("smoothgrad:noise=0:samples=2")(tiny_vgg, images, 3).relevance,
        find_method("saliency")(tiny_vgg, images, 3).relevance,
    )


def test_another_seed_gives_other_noise(tiny_vgg, images):
    for name in ("smoothgrad", "gradient_shap"):
        one, other = (find_method(f"{name}:samples=3:seed={seed}")(tiny_vgg, images, 3).relevance for seed in (0, 1))
        assert not torch.allclose(one, other)


class _Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, received):
        return received.clamp(min=0) * (ctx.saved_tensors[0] > 0)


class _Deconvolved(_Guided):
    @staticmethod
    def backward(ctx, received):
        return received.clamp(min=0)


@pytest.mark.parametrize(("name", "rectifier"), [("guided_backprop", _Guided), ("deconvolution", _Deconvolved)])
def test_relu_on_the_way_back(name, rectifier, tiny_vgg, images):
    def network(x):
        for layer in tiny_vgg:
            x = rectifier.apply(x) if isinstance(layer, nn.ReLU) else layer(x)
        return x

    close(find_method(name)(tiny_vgg, images, 3).relevance, gradient(network, images, 3))


def test_deep_lift_is_complete(tiny_vgg, images):
    wanted = (tiny_vgg(images) - tiny_vgg(torch.zeros_like(images)))[:, 3].detach()
    close(find_method("deep_lift")(tiny_vgg, images, 3).relevance.sum(dim=(1, 2, 3)), wanted)


def test_deep_lift_takes_layers_that_are_used_twice(images):
    torch.manual_seed(0)
    relu, pool = nn.ReLU(inplace=True), nn.MaxPool2d(2)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        relu,
        pool,
        nn.Conv2d(4, 4, 3, padding=1),
        relu,
        pool,
        nn.Flatten(),
        nn.Linear(36, 3),
    ).double()
    wanted = (network(images) - network(torch.zeros_like(images)))[:, 1].detach()
    close(find_method("deep_lift")(network, images, 1).relevance.sum(dim=(1, 2, 3)), wanted)


def test_deep_lift_is_complete_on_the_shipped_model(generator):
    """Five maxima, each behind a ReLU: Captum's alone is off by a fifth here."""
    model = xs.load_model("stickered").double()
    images = torch.randn(2, 3, 64, 64, generator=generator, dtype=torch.float64)
    wanted = (model(images) - model(torch.zeros_like(images)))[:, 3].detach()
    close(find_method("deep_lift")(model, images, 3).relevance.sum(dim=(1, 2, 3)), wanted)


def test_deep_lift_refuses_maxima_that_overlap(images):
    network = nn.Sequential(nn.MaxPool2d((3, 2), 2), nn.Flatten(), nn.Linear(90, 3)).double()
    with pytest.raises(MethodError, match="needs max pooling with windows side by side; those of '0' overlap"):
        find_method("deep_lift")(network, images, 1)


@pytest.mark.parametrize("side", [7, 8])
def test_deep_lift_refuses_maxima_with_gaps(side):
    """Windows of two with a gap of one reach into each other, though they are as far apart as they are wide."""
    network = nn.Sequential(nn.MaxPool2d(2, stride=2, dilation=2), nn.Flatten(), nn.Linear(27, 3)).double()
    with pytest.raises(MethodError, match="those of '0' overlap"):
        find_method("deep_lift")(network, torch.zeros(1, 3, side, side, dtype=torch.float64), 1)


def gradcam(network, last, images, target):
    """Weights: the gradient of the target's logit averaged over each map; the sum of weighted maps, where positive."""
    maps = network[:last](images).detach().requires_grad_()
    weights = torch.autograd.grad(network[last:](maps)[:, target].sum(), maps)[0].mean(dim=(2, 3), keepdim=True)
    coarse = (weights * maps).sum(dim=1, keepdim=True).clamp(min=0).detach()
    return nn.functional.interpolate(coarse, images.shape[2:], mode="bilinear")[:, 0]


def test_gradcam(tiny_vgg, images):
    tiny_vgg[6].inplace = False
    wanted = gradcam(tiny_vgg, 7, images, 3)
    assert wanted.any()
    close(find_method("gradcam")(tiny_vgg, images, 3).heatmap, wanted)
    guided = find_method("guided_backprop")(tiny_vgg, images, 3).relevance
    close(find_method("guided_gradcam")(tiny_vgg, images, 3).relevance, guided * wanted[:, None])


def test_gradcam_on_a_last_convolution_without_relu(images):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)
    ).double()
    close(find_method("gradcam")(network, images, 1).heatmap, gradcam(network, 1, images, 1))
