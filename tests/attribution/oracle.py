"""Zennit on a canonized network: the reference that our relevance has to equal."""

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from zennit.attribution import Gradient
from zennit.composites import EpsilonGammaBox, EpsilonPlusFlat

from xaisigns.attribution.rules import Bounds


def zennit_relevance(network: nn.Module, x: Tensor, target: int | Tensor, composite: str, bounds: Bounds) -> Tensor:
    """Relevance by Zennit 0.5.1 of the target logit; the network's BatchNorm must be folded already."""
    composites = {
        "epsilon_plus_flat": EpsilonPlusFlat,
        "epsilon_gamma_box": lambda: EpsilonGammaBox(low=bounds[0], high=bounds[1]),
    }

    def start(logits: Tensor) -> Tensor:
        return one_hot(torch.as_tensor(target).expand(len(x)), logits.shape[1]).to(logits) * logits

    with Gradient(network, composites[composite]()) as attributor:
        _, relevance = attributor(x.detach().clone(), start)
    return relevance.detach()


def peak(values: Tensor) -> float:
    """The largest magnitude: what tolerances are measured by."""
    return float(values.detach().abs().max())
