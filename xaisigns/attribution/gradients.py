"""Attributions from gradients, by Captum.

Every function takes a network as ``canonize`` gives it, images ``(N, 3, H, W)`` that want a gradient, and class ids
``(N,)``; it gives relevance ``(N, 3, H, W)``, or ``(N, 1, H, W)`` where the method knows no channels. Its keyword
parameters are the method's options, the first line of its docstring is what people read about it. The baseline, where
one is needed, is zero: the mean pixel of the data that the network was trained on.

Torch and Captum are imported when a function is called: to list the methods takes neither.
"""

from typing import TYPE_CHECKING, Annotated

from xaisigns.attribution.options import BATCH, Between, Count, Seed

if TYPE_CHECKING:
    from torch import Tensor, nn

    from xaisigns.attribution.network import Network


def saliency(network: "nn.Module", images: "Tensor", target: "Tensor") -> "Tensor":
    """The size of the gradient: how much the logit changes with a pixel, in whichever direction."""
    from captum.attr import Saliency

    relevance: Tensor = Saliency(network).attribute(images, target, abs=True)
    return relevance


def input_x_gradient(network: "nn.Module", images: "Tensor", target: "Tensor") -> "Tensor":
    """The gradient times the pixel: what each pixel adds to the logit of the network made linear here."""
    from captum.attr import InputXGradient

    relevance: Tensor = InputXGradient(network).attribute(images, target)
    return relevance


def integrated_gradients(network: "nn.Module", images: "Tensor", target: "Tensor", *, steps: Count = 20) -> "Tensor":
    """The gradient averaged on the way from the mean pixel to the image, times the difference of the two."""
    from captum.attr import IntegratedGradients

    relevance: Tensor = IntegratedGradients(network).attribute(
        images, target=target, n_steps=steps, internal_batch_size=BATCH
    )
    return relevance


def smoothgrad(
    network: "nn.Module",
    images: "Tensor",
    target: "Tensor",
    *,
    samples: Count = 20,
    noise: Annotated[float, Between(0, 100)] = 0.15,
    seed: Seed = 0,
) -> "Tensor":
    """The size of the gradient averaged over noisy copies of the image.

    ``noise`` is its standard deviation as a share of the image's range of values.
    """
    import torch
    from captum.attr import NoiseTunnel, Saliency

    from xaisigns.attribution.captum_state import seeded

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


def guided_backprop(network: "nn.Module", images: "Tensor", target: "Tensor") -> "Tensor":
    """The gradient, of which ReLU lets through only what is positive on the way back as on the way forth."""
    from captum.attr import GuidedBackprop

    relevance: Tensor = GuidedBackprop(network).attribute(images, target)
    return relevance


def deconvolution(network: "nn.Module", images: "Tensor", target: "Tensor") -> "Tensor":
    """The gradient, of which ReLU lets through what is positive on the way back, whatever it did on the way forth."""
    from captum.attr import Deconvolution

    relevance: Tensor = Deconvolution(network).attribute(images, target)
    return relevance


def deep_lift(network: "Network", images: "Tensor", target: "Tensor") -> "Tensor":
    """The difference of the logit to that of the mean pixel, shared out layer by layer by differences."""
    from captum.attr import DeepLift

    from xaisigns.attribution.feature_maps import with_copies

    relevance: Tensor = DeepLift(with_copies(network)).attribute(images, target=target)
    return relevance


def gradient_shap(
    network: "nn.Module", images: "Tensor", target: "Tensor", *, samples: Count = 20, seed: Seed = 0
) -> "Tensor":
    """The gradient at random points between the mean pixel and the image, times the difference: expected gradients."""
    import torch
    from captum.attr import GradientShap

    from xaisigns.attribution.captum_state import seeded

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


def gradcam(network: "Network", images: "Tensor", target: "Tensor") -> "Tensor":
    """The last convolution's feature maps weighted by their mean gradient, only what speaks for the class; coarse."""
    from captum.attr import LayerAttribution, LayerGradCam

    from xaisigns.attribution.feature_maps import last_feature_maps

    maps = LayerGradCam(network, last_feature_maps(network)).attribute(images, target, relu_attributions=True)
    relevance: Tensor = LayerAttribution.interpolate(maps, tuple(images.shape[2:]), "bilinear")
    return relevance


def guided_gradcam(network: "Network", images: "Tensor", target: "Tensor") -> "Tensor":
    """Guided backpropagation times Grad-CAM: fine where the one is, and only where the other is."""
    from captum.attr import GuidedGradCam

    from xaisigns.attribution.feature_maps import last_feature_maps

    both = GuidedGradCam(network, last_feature_maps(network))
    relevance: Tensor = both.attribute(images, target, interpolate_mode="bilinear")
    return relevance
