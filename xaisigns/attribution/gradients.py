"""Attributions from gradients, by Captum.

Every function takes a network as ``canonize`` gives it, images ``(N, 3, H, W)`` that want a gradient, and class ids
``(N,)``; it gives relevance ``(N, 3, H, W)``, or ``(N, 1, H, W)`` where the method knows no channels. Its keyword
parameters are the method's options, its docstring's first line what people read of it. The baseline, where one is
needed, is zero: the mean pixel of the data that the network was trained on.
"""

from typing import Annotated

import torch
from captum.attr import (
    Deconvolution,
    DeepLift,
    GradientShap,
    GuidedBackprop,
    GuidedGradCam,
    InputXGradient,
    IntegratedGradients,
    LayerAttribution,
    LayerGradCam,
    NoiseTunnel,
    Saliency,
)
from torch import Tensor, nn

from xaisigns.attribution.canonize import leaves
from xaisigns.attribution.running import BATCH, Between, Count, Seed, seeded
from xaisigns.errors import MethodError


def saliency(network: nn.Module, images: Tensor, target: Tensor) -> Tensor:
    """The size of the gradient: how much the logit changes with a pixel, in whichever direction."""
    relevance: Tensor = Saliency(network).attribute(images, target, abs=True)
    return relevance


def input_x_gradient(network: nn.Module, images: Tensor, target: Tensor) -> Tensor:
    """The gradient times the pixel: what each pixel adds to the logit of the network made linear here."""
    relevance: Tensor = InputXGradient(network).attribute(images, target)
    return relevance


def integrated_gradients(network: nn.Module, images: Tensor, target: Tensor, *, steps: Count = 20) -> Tensor:
    """The gradient averaged on the way from the mean pixel to the image, times the difference of the two."""
    relevance: Tensor = IntegratedGradients(network).attribute(
        images, target=target, n_steps=steps, internal_batch_size=BATCH
    )
    return relevance


def smoothgrad(
    network: nn.Module,
    images: Tensor,
    target: Tensor,
    *,
    samples: Count = 20,
    noise: Annotated[float, Between(0, 100)] = 0.15,
    seed: Seed = 0,
) -> Tensor:
    """The size of the gradient averaged over noisy copies of the image.

    ``noise`` is its standard deviation as a share of the image's range of values.
    """
    tunnel = NoiseTunnel(Saliency(network))
    rows = []
    for image, class_id in zip(images.detach().split(1), target.split(1), strict=True):
        deviation = noise * float(image.max() - image.min())
        with seeded(seed):
            rows.append(
                tunnel.attribute(
                    image,
                    nt_samples=samples,
                    nt_samples_batch_size=min(samples, BATCH),
                    stdevs=deviation,
                    target=class_id,
                    abs=False,
                )
            )
    return torch.cat(rows).abs()


def guided_backprop(network: nn.Module, images: Tensor, target: Tensor) -> Tensor:
    """The gradient, of which ReLU lets through only what is positive on the way back as on the way forth."""
    relevance: Tensor = GuidedBackprop(network).attribute(images, target)
    return relevance


def deconvolution(network: nn.Module, images: Tensor, target: Tensor) -> Tensor:
    """The gradient, of which ReLU lets through what is positive on the way back, whatever it did on the way forth."""
    relevance: Tensor = Deconvolution(network).attribute(images, target)
    return relevance


def deep_lift(network: nn.Module, images: Tensor, target: Tensor) -> Tensor:
    """The difference of the logit to that of the mean pixel, shared out layer by layer by differences."""
    relevance: Tensor = DeepLift(_apart(network)).attribute(images, target=target)
    return relevance


def gradient_shap(network: nn.Module, images: Tensor, target: Tensor, *, samples: Count = 20, seed: Seed = 0) -> Tensor:
    """The gradient at random points between the mean pixel and the image, times the difference: expected gradients."""
    rows = []
    for image, class_id in zip(images.detach().split(1), target.split(1), strict=True):
        left, parts = samples, []
        with seeded(seed):
            while left:
                count = min(left, BATCH)
                relevance = GradientShap(network).attribute(
                    image, torch.zeros_like(image), n_samples=count, target=class_id
                )
                parts.append(relevance * count)
                left -= count
        rows.append(torch.stack(parts).sum(dim=0) / samples)
    return torch.cat(rows)


def gradcam(network: nn.Module, images: Tensor, target: Tensor) -> Tensor:
    """The last convolution's feature maps weighted by their mean gradient, only what speaks for the class; coarse."""
    maps = LayerGradCam(network, _last_feature_maps(network)).attribute(images, target, relu_attributions=True)
    relevance: Tensor = LayerAttribution.interpolate(maps, tuple(images.shape[2:]), "bilinear")
    return relevance


def guided_gradcam(network: nn.Module, images: Tensor, target: Tensor) -> Tensor:
    """Guided backpropagation times Grad-CAM: fine where the one is, and only where the other is."""
    both = GuidedGradCam(network, _last_feature_maps(network))
    relevance: Tensor = both.attribute(images, target, interpolate_mode="bilinear")
    return relevance


class _Copy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


def _apart(network: nn.Module) -> nn.Sequential:
    """The same layers with a copy before each ReLU and maximum, for DeepLIFT.

    Captum hooks a layer's backward into its input and output tensors. Where a maximum follows a ReLU that is one
    tensor, and the ReLU would receive what the maximum's rule has not yet changed.
    """
    layers: list[nn.Module] = []
    for name, layer in leaves(network):
        if isinstance(layer, nn.MaxPool2d) and _overlapping(layer):
            raise MethodError(f"deep_lift needs max pooling with windows side by side; those of {name!r} overlap")
        layers += [_Copy(), layer] if isinstance(layer, nn.ReLU | nn.MaxPool2d) else [layer]
    return nn.Sequential(*layers)


def _overlapping(layer: nn.MaxPool2d) -> bool:
    """Whether a value may be in two windows, as those with gaps are by reaching into each other."""
    sizes = layer.kernel_size, layer.stride, layer.dilation
    both = [(size, size) if isinstance(size, int) else size for size in sizes]
    return any(window > 1 and (window > stride or gap > 1) for window, stride, gap in zip(*both, strict=True))


def _last_feature_maps(network: nn.Module) -> nn.Module:
    """The last convolution, or the ReLU right behind it: what the layers after it see of it."""
    layers = [layer for _, layer in leaves(network) if not isinstance(layer, nn.Identity)]
    places = [place for place, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)]
    if not places:
        raise MethodError("Grad-CAM needs a network with a convolution; this one has none")
    behind = layers[places[-1] + 1 : places[-1] + 2]
    return behind[0] if behind and isinstance(behind[0], nn.ReLU) else layers[places[-1]]
