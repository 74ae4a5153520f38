"""Weights out of files: the names and shapes of a network, and finite numbers, or refused by name."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from xaisigns.base.bounds import shown
from xaisigns.errors import ModelError
from xaisigns.model.classifier import Classifier, NetworkSettings
from xaisigns.model.networks import check_outputs, unfilled
from xaisigns.model.vgg import VGG

_FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def network_of(settings: NetworkSettings, weights: Mapping[str, Any], card: dict[str, Any] | None = None) -> Classifier:
    """A network in eval mode on the CPU with a copy of these weights in float32.

    Raises ModelError for names or shapes that are not the network's, for anything but finite floating-point numbers,
    and for a network, if it is no VGG, that does not make its logits of images of its size.
    """
    model = unfilled(settings, card)
    fill(model.module, weights)
    if not isinstance(model, VGG):
        check_outputs(model.module, settings)
    return model.requires_grad_(False).eval()


def fill(network: nn.Module, weights: Mapping[str, Any]) -> None:
    """Give a network a copy of these weights. Raises ModelError for such that are not its own, or not finite."""
    own = _tensors_of(network)
    check_shapes(shapes_of(network), weights)
    put(network, {name: _copied(name, weights[name], value.dtype) for name, value in own.items()}, assign=True)


def shapes_of(network: nn.Module) -> dict[str, torch.Size]:
    """The name and the shape of each tensor of a network."""
    return {name: value.shape for name, value in _tensors_of(network).items()}


def put(network: nn.Module, tensors: Mapping[str, Tensor], *, assign: bool = False) -> None:
    """Load tensors, of all names, into a network: as the version of each layer's state that it writes itself."""
    state = network.state_dict()  # with the versions, without which MNASNet takes none
    state.update(tensors)
    network.load_state_dict(state, assign=assign)


def check_shapes(wanted: Mapping[str, torch.Size], weights: Mapping[str, Any]) -> None:
    """Raise ModelError for names or shapes of tensors other than the wanted ones."""
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
    """The name and the shape of each tensor of a VGG."""
    return shapes_of(unfilled(settings))


def listed(names: list[Any]) -> str:
    """The first names, and how many more there are."""
    return ", ".join(str(name)[:80] for name in names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _tensors_of(network: nn.Module) -> dict[str, Tensor]:
    return {name: value for name, value in network.state_dict().items() if isinstance(value, Tensor)}


def _unusable(value: Tensor, dtype: torch.dtype) -> str | None:
    """What a tensor is that cannot be a weight of this type."""
    if value.is_meta:
        return "no numbers (it was saved on the meta device)"
    if type(value) not in (Tensor, nn.Parameter) or value.is_nested or value.layout != torch.strided:
        return f"a {type(value).__name__} of {str(value.layout).removeprefix('torch.')} layout"
    if value.dtype not in (_FLOATS if dtype.is_floating_point else (*_FLOATS, dtype)):
        return str(value.dtype).removeprefix("torch.")
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():
        return "fewer numbers than its shape says"
    return None


def _copied(name: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    if kind := _unusable(value, dtype):
        raise ModelError(f"{name} holds {kind}, wanted numbers of float32, float16, bfloat16 or float64")
    copy = value.detach().to("cpu", torch.float32, copy=True, memory_format=torch.contiguous_format)
    # A sum of finite numbers is mostly finite, and found in a tenth of the time.
    if not copy.sum().isfinite() and not copy.isfinite().all():
        raise ModelError(f"{name} holds numbers that are not finite in float32: the training diverged")
    if name.endswith("running_var") and bool((copy < 0).any()):
        raise ModelError(f"{name} holds a variance below 0")
    return copy if dtype.is_floating_point else value.detach().to("cpu", dtype, copy=True)
