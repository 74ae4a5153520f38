"""Does the explanation depend on what the network learnt, and on the class that was asked for?

An explanation that stays alike when weights are drawn anew, or another class is asked for, shows the image rather than
the network. Compared are the magnitudes of heatmaps: relevance of a negative logit has its sign turned, and a heatmap
that does nothing but turn its sign stays alike.
"""

import copy
import itertools
from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from xaisigns.attribution.captum_state import GENERATORS
from xaisigns.attribution.targets import Target
from xaisigns.base.torch_state import own_torch_state
from xaisigns.errors import MetricError
from xaisigns.metrics.batches import Attribute, checked, class_count, heatmaps
from xaisigns.metrics.heatmap import seeded
from xaisigns.metrics.similarity import spearman, ssim

LayerOrder = Literal["top_down", "bottom_up"]


class Similarity(NamedTuple):
    """Similarity to the original heatmap by ``spearman`` and by ``ssim``, each ``(N,)`` float64 in [-1, 1]."""

    spearman: Tensor
    ssim: Tensor


class Cascade(NamedTuple):
    """The layers in the order in which their weights were drawn anew, and the similarities ``(L, N)`` after each."""

    layers: tuple[str, ...]
    spearman: Tensor
    ssim: Tensor


@own_torch_state()
def cascading_randomisation(
    attribute: Attribute,
    model: nn.Module,
    x: Tensor,
    target: Target,
    *,
    order: LayerOrder = "top_down",
    seed: int = 0,
) -> Cascade:
    """Similarity to the original heatmap while layer after layer loses its weights, on a copy of the model.

    From the output to the input (``top_down``) or the other way (``bottom_up``), every layer that can draw its weights
    anew does (its ``reset_parameters``; BatchNorm forgets its statistics); both orders end with the same random
    network. The targets stay. ``x`` is ``(N, C, H, W)``, ``attribute`` as for max_sensitivity. NaN as spearman and ssim
    say. Raises ShapeError when these do not belong together, and MetricError for a model without such layers.

    Source: [adebayo2018sanity]. Quantus draws every layer from the same seed.
    """
    x, targets = checked(model, x, target)
    original = heatmaps(attribute, model, x, targets)
    layers, similarities = [], []
    for name, network in _randomised(model, order, seed):
        layers.append(name)
        similarities.append(_similarity(original, heatmaps(attribute, network, x, targets)))
    by_spearman, by_ssim = (torch.stack(layer) for layer in zip(*similarities, strict=True))
    return Cascade(tuple(layers), by_spearman, by_ssim)


@own_torch_state()
def random_logit(attribute: Attribute, model: nn.Module, x: Tensor, target: Target, *, seed: int = 0) -> Similarity:
    """Similarity of the heatmap to that of another class, drawn at random for each target class, ``(N,)`` each.

    ``x`` is ``(N, C, H, W)``, ``attribute`` as for max_sensitivity. NaN as spearman and ssim say. Raises ShapeError
    when these do not belong together, and MetricError for a network of one class. Source: [sixt2020explanations].
    Quantus draws for each image.
    """
    x, targets = checked(model, x, target)
    classes = class_count(model, x)
    if classes < 2:
        raise MetricError("random_logit needs a network of 2 classes or more, this one has 1")
    further = torch.randint(1, classes, (classes,), generator=seeded(seed))[targets]
    original = heatmaps(attribute, model, x, targets)
    return _similarity(original, heatmaps(attribute, model, x, (targets + further) % classes))


def _similarity(original: Tensor, other: Tensor) -> Similarity:
    magnitudes = original.abs(), other.abs()
    return Similarity(spearman(*magnitudes), ssim(*magnitudes))


def _randomised(model: nn.Module, order: LayerOrder, seed: int) -> Iterator[tuple[str, nn.Module]]:
    """The name of the layer that lost its weights, and the network without them and those of the layers before."""
    if order not in ("top_down", "bottom_up"):
        raise MetricError(f"order must be top_down or bottom_up, got {order!r}")
    seeded(seed)  # refuses what is no seed
    network = copy.deepcopy(model)
    layers = [(name, layer) for name, layer in network.named_modules() if hasattr(layer, "reset_parameters")]
    if not layers:
        raise MetricError(f"no layer of {type(model).__name__} has reset_parameters: there are no weights to draw anew")
    device = next(itertools.chain(model.parameters(), model.buffers())).device
    numbered = list(enumerate(layers))
    for number, (name, layer) in reversed(numbered) if order == "top_down" else numbered:
        # Layers draw from the global generator. The number keeps layers of one shape from drawing the same weights.
        # On the CPU, so that every device draws the same.
        with GENERATORS, torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed + number)
            layer.cpu().reset_parameters()
        layer.to(device)
        yield name, network
