"""Weights out of files: the names and shapes of a network, and finite numbers, or refused by name."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from xaisigns.base.bounds import shown
from xaisigns.errors import ModelError
from xaisigns.model.vgg import Classifier, NetworkSettings

_FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def network_of(settings: NetworkSettings, weights: Mapping[str, Any], card: dict[str, Any] | None = None) -> Classifier:
    """A network in eval mode on the CPU with a copy of these weights in float32.

    Raises ModelError for names or shapes that are not the network's, and for anything but finite floating-point
    numbers.
    """
    check_shapes(settings, weights)
    with torch.device("meta"):
        model = Classifier(settings, card)
    model.load_state_dict({name: _copied(name, value) for name, value in weights.items()}, assign=True)
    return model.requires_grad_(False).eval()


def check_shapes(settings: NetworkSettings, weights: Mapping[str, Any]) -> None:
    """Raise ModelError for names or shapes of tensors that are not the network's."""
    wanted = shapes(settings)
    missing = [name for name in wanted if name not in weights]
    surplus = [name for name in weights if name not in wanted]
    if missing or surplus:
        told = [f"{listed(missing)} missing"] * bool(missing) + [f"{listed(surplus)} not a part of it"] * bool(surplus)
        raise ModelError(", ".join(told))
    for name, shape in wanted.items():
        value = weights[name]
        if not isinstance(value, Tensor):
            raise ModelError(f"{name} is {shown(value)}, wanted a tensor")
        if value.shape != shape:
            raise ModelError(f"{name} has the shape {tuple(value.shape)}, wanted {tuple(shape)}")


@cache
def shapes(settings: NetworkSettings) -> dict[str, torch.Size]:
    """The name and the shape of each tensor of a network."""
    with torch.device("meta"):
        return {name: value.shape for name, value in Classifier(settings).state_dict().items()}


def listed(names: list[Any]) -> str:
    """The first names, and how many more there are."""
    return ", ".join(str(name)[:80] for name in names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _unusable(name: str, value: Tensor) -> str | None:
    """What a tensor is that cannot be a weight."""
    if value.is_meta:
        return "no numbers (it was saved on the meta device)"
    if type(value) not in (Tensor, nn.Parameter) or value.is_nested or value.layout != torch.strided:
        return f"a {type(value).__name__} of {str(value.layout).removeprefix('torch.')} layout"
    counter = name.endswith("num_batches_tracked") and value.dtype == torch.int64
    if value.dtype not in _FLOATS and not counter:
        return str(value.dtype).removeprefix("torch.")
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():
        return "fewer numbers than its shape says"
    return None


def _copied(name: str, value: Tensor) -> Tensor:
    if kind := _unusable(name, value):
        raise ModelError(f"{name} holds {kind}, wanted numbers of float32, float16, bfloat16 or float64")
    copy = value.detach().to("cpu", torch.float32, copy=True, memory_format=torch.contiguous_format)
    # A sum of finite numbers is mostly finite, and found in a tenth of the time.
    if not copy.sum().isfinite() and not copy.isfinite().all():
        raise ModelError(f"{name} holds numbers that are not finite in float32: the training diverged")
    if name.endswith("running_var") and bool((copy < 0).any()):
        raise ModelError(f"{name} holds a variance below 0")
    return value.detach().to("cpu", torch.int64, copy=True) if name.endswith("num_batches_tracked") else copy
