"""Unlearning without training: the directions in which a feature moves a layer's output are taken out of it."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from xaisigns.audit.repair.feature import Feature
from xaisigns.audit.repair.masks import Pixels
from xaisigns.audit.repair.views import laid_on
from xaisigns.audit.transplant import called
from xaisigns.base.progress import Progress, silent
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.decoded import Images
from xaisigns.data.tensors import normalise
from xaisigns.errors import AuditError
from xaisigns.model.explainable import Explainable
from xaisigns.model.own import Model

_PAIRS, _BATCH = 512, 32  # images of other classes that the feature is laid on, and how many at once
_JUDGED = 2000  # images at most by which a projection is chosen
_RANKS = (1, 2, 4, 8, 16, 32)
_COST = 0.002  # of the images that nothing was laid on: what makes more of them wrong is not chosen

_Layer = nn.Conv2d | nn.Linear
_Weights = tuple[Tensor, Tensor | None]


class Projection(NamedTuple):
    """What was taken out of a network for a class: ``rank`` directions of the output of ``layer``."""

    class_id: int
    layer: str
    rank: int


@own_torch_state()
def projected(
    model: Explainable, images: Images, features: Sequence[Feature], seed: int = 0, progress: Progress = silent
) -> tuple[nn.Module, list[Projection]]:
    """A copy of the model's network without the ``features``, and what was taken out for each.

    The output h of one layer becomes h - V Vᵀ (h - z) [anders2022finding]: the columns of V are the directions that the
    feature moves it in most, found on images of other classes with it and without, and z is its mean without. That is
    linear and goes into the layer's own weights, so that the network keeps its architecture; where a layer has no bias,
    z is 0. Of all layers but the last, and of 1 to 32 directions, in each layer up to what makes more than 0.2% of
    plain images wrong, of the class's or of the others', those are taken that turn fewest images of other classes into
    the feature's. ``images`` are those of the training, decoded ``(N, S, S, 3)``. Raises AuditError where nothing can
    be taken out at that price.
    """
    network = copy.deepcopy(model.module).eval()
    view = Model(network, model.preprocessing)
    taken = []
    for feature in features:
        trial = _Trial(images, feature, seed)
        before = trial.right(view)
        best: tuple[tuple[float, int, float], str, _Weights] | None = None
        layers = _layers(network)
        for done, (name, layer) in enumerate(layers):
            directions, mean = _directions(view, layer, trial)
            for rank in _RANKS:
                if best and best[0][0] == 0 and rank > best[0][1]:
                    break
                weights = _without(layer, directions[:, :rank], mean)
                with _put(layer, weights):
                    flips, right = trial.flips(view), trial.right(view)
                cost = max(was - now for was, now in zip(before, right, strict=True))
                if cost > _COST:
                    break
                if best is None or (flips, rank, cost) < best[0]:
                    best = (flips, rank, cost), name, weights
            progress("projecting", done + 1, len(layers))
        if best is None:
            raise AuditError(
                f"whatever is taken out of a layer for class {feature.class_id} makes more than {_COST:.1%} of plain "
                "images wrong: take the method fine-tune"
            )
        (_, rank, _), name, weights = best
        _set(dict(layers)[name], weights)
        taken.append(Projection(feature.class_id, name, rank))
    return network, taken


class _Trial:
    """Images that tell what a feature moves, what it turns, and what taking it out costs."""

    def __init__(self, images: Images, feature: Feature, seed: int) -> None:
        random = np.random.default_rng([seed, feature.class_id])
        labels = np.asarray(images.labels)
        others = random.permutation(np.flatnonzero(labels != feature.class_id))[:_JUDGED]
        own = random.permutation(feature.without)[:_JUDGED]
        self._class_id = feature.class_id
        self._judged = [(np.asarray(images.pixels[places]), labels[places]) for places in (others, own)]
        self.plain = self._judged[0][0][:_PAIRS]
        self.marked = laid_on(feature, self.plain, random)

    def flips(self, model: Explainable) -> float:
        """The share of images of other classes that are called the feature's once it is laid on them."""
        return float((called(model, self.marked) == self._class_id).mean())

    def right(self, model: Explainable) -> list[float]:
        """The shares of plain images that are right, of the other classes and of the feature's."""
        return [float((called(model, pixels) == labels).mean()) for pixels, labels in self._judged]


def _layers(network: nn.Module) -> list[tuple[str, _Layer]]:
    """Those with weights that mix all channels, but for the last, whose outputs are the classes."""
    found = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, _Layer)]
    return [(name, layer) for name, layer in found[:-1] if getattr(layer, "groups", 1) == 1]


def _directions(model: Explainable, layer: _Layer, trial: _Trial) -> tuple[Tensor, Tensor]:
    """Directions ``(channels, channels)`` that the feature moves a layer's output in, strongest first, and its mean."""
    moved, total, count = torch.zeros(()), torch.zeros(()), 0
    for start in range(0, len(trial.plain), _BATCH):
        rows = slice(start, start + _BATCH)
        plain, marked = (_outputs(model, layer, images[rows]) for images in (trial.plain, trial.marked))
        difference = marked - plain
        moved = moved + difference.T @ difference
        total, count = total + plain.sum(dim=0), count + len(plain)
    return torch.linalg.eigh(moved).eigenvectors.flip(1), total / count


@torch.no_grad()
def _outputs(model: Explainable, layer: _Layer, pixels: Pixels) -> Tensor:
    """What a layer gives ``(places, channels)`` at all places of images."""
    found: list[Tensor] = []
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: found.append(output.detach()))
    try:
        preprocessing = model.preprocessing
        model.module(normalise(pixels, preprocessing.mean, preprocessing.std).to(model.device))
    finally:
        handle.remove()
    axis = -1 if isinstance(layer, nn.Linear) else 1
    return torch.cat([output.movedim(axis, -1).flatten(0, -2).double() for output in found]).cpu()


def _without(layer: _Layer, directions: Tensor, mean: Tensor) -> _Weights:
    """The weights with which a layer gives its output without the directions."""
    weight, bias = (None if one is None else one.detach().cpu().double() for one in (layer.weight, layer.bias))
    assert weight is not None  # noqa: S101 (for the type checker)
    keep = torch.eye(len(directions), dtype=torch.float64) - directions @ directions.T
    changed = (keep @ weight.flatten(1)).reshape(weight.shape)
    return changed, None if bias is None else mean + keep @ (bias - mean)


@torch.no_grad()
def _set(layer: _Layer, weights: _Weights) -> None:
    weight, bias = weights
    layer.weight.copy_(weight)
    if layer.bias is not None and bias is not None:
        layer.bias.copy_(bias)


@contextmanager
def _put(layer: _Layer, weights: _Weights) -> Iterator[None]:
    """A layer with other weights for a while."""
    kept = layer.weight.detach().clone(), None if layer.bias is None else layer.bias.detach().clone()
    _set(layer, weights)
    try:
        yield
    finally:
        _set(layer, kept)
