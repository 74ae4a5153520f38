"""The weights that a layer computes with now, also where something makes them anew at every call."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

# Forward pre-hooks of torch's that write a weight from what it is made of.
_MAKERS = (WeightNorm, SpectralNorm, BasePruningMethod)


def effective_weights(layer: nn.Module) -> dict[str, Tensor | None]:
    """``weight`` and ``bias`` of a layer that has them, as its next call in eval mode would use them: copies.

    The layer is not touched, nor is what spectral_norm has estimated.
    """
    # What hooks write lands on the view; copy.copy refuses layers with parametrizations.
    view = object.__new__(type(layer))
    vars(view).update(vars(layer), training=False)
    with torch.no_grad():
        for hook in layer._forward_pre_hooks.values():
            if isinstance(hook, _MAKERS):
                hook(view, ())
        made: dict[str, Tensor | None] = {}
        for key in ("weight", "bias"):
            if is_parametrized(layer, key):
                # A copy, since reading the attribute of a layer in training lets spectral_norm estimate on.
                made[key] = copy.deepcopy(getattr(layer.parametrizations, key)).eval()()
            elif hasattr(view, key):
                made[key] = getattr(view, key)
        return {key: None if value is None else value.detach().clone() for key, value in made.items()}
