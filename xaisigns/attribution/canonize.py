"""A copy of a network that relevance propagation can work on: BatchNorm folded, nothing in place, hooks left behind."""

import inspect
import sys
from collections import OrderedDict
from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from xaisigns.attribution.effective_weights import effective_weights
from xaisigns.base.bounds import shown
from xaisigns.errors import RuleError

SUPPORTED = (
    nn.Conv2d,
    nn.Linear,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.ReLU,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.Flatten,
    nn.Dropout,
    nn.Identity,
)
# Networks whose forward is features, pooling, flatten, classifier. Nobody has one whose module is not imported.
_VGG_LIKE = (
    ("torchvision.models.vgg", "VGG"),
    ("torchvision.models.alexnet", "AlexNet"),
    ("xaisigns.model.vgg", "Classifier"),
)
_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
# Modules that run another one, and where they keep it.
_WRAPPERS = {"DataParallel": "module", "DistributedDataParallel": "module", "OptimizedModule": "_orig_mod"}


class Change(NamedTuple):
    """What ``canonize`` does to a layer: "folded" into another, made to work "out_of_place", or "made_layer"."""

    kind: Literal["folded", "out_of_place", "made_layer"]
    into: str | None = None


def canonize(module: nn.Module) -> nn.Sequential:
    """A copy in eval mode that gives the same outputs, made for LRP; the module itself is not touched.

    BatchNorm is folded into the convolution or linear layer before it and leaves an Identity, ReLU no longer works in
    place, weights want no gradient; those that a parametrization, weight_norm, spectral_norm or pruning makes are the
    ones that it makes now. Layers keep their names; a functional flatten becomes the layer ``flatten``. A layer that
    the module uses twice becomes two. Other hooks stay behind: ``LRP`` and the methods refuse a module that they make
    another function. Takes torchvision's VGG and AlexNet, xaisigns' Classifier, and nested nn.Sequential of
    convolution, linear, BatchNorm, ReLU, pooling, flatten, dropout.

    Raises RuleError, naming the layer, for anything else and for a BatchNorm that cannot be folded.
    Source: [kohlbrenner2020towards] (folding before LRP).
    """
    if not isinstance(module, nn.Module):
        raise RuleError(f"a torch module is wanted, got {shown(module)}; xs.load_model loads one from a file")
    _refuse_unsupported(module)
    copied = _copied(module)
    network = copied if isinstance(copied, nn.Sequential) else nn.Sequential(copied)
    network.requires_grad_(False).eval()
    _refuse_weights(network)
    _fold(network)
    return network


def changes(module: nn.Module) -> dict[str, Change]:
    """What ``canonize`` does to the layers of a module, by layer name; a layer that stays as it is is not there."""
    told: dict[str, Change] = {}
    weighted = ""
    for name, layer in _named_layers(module):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            weighted = name
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            told[name] = Change("folded", weighted)
        elif getattr(layer, "inplace", False):
            told[name] = Change("out_of_place")
    if _is_vgg_like(module):
        told["flatten"] = Change("made_layer")
    return told


def leaves(network: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Layers without children, by name, in the order of the forward pass (for nested nn.Sequential)."""
    if not network._modules:
        yield prefix, network
    for key, child in network._modules.items():
        if child is not None:
            yield from leaves(child, f"{prefix}.{key}" if prefix else key)


def _parts(module: nn.Module) -> list[tuple[str, nn.Module]] | None:
    """What a container runs, in order; None for a layer. A functional flatten is added where VGG has it."""
    if _is_changed(module):
        return None
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        return [(key, part) for key, part in module._modules.items() if part is not None]
    if _is_vgg_like(module):
        features, pooling, classifier = (getattr(module, key) for key in ("features", "avgpool", "classifier"))
        return [("features", features), ("avgpool", pooling), ("flatten", nn.Flatten()), ("classifier", classifier)]
    return None


def _is_vgg_like(module: nn.Module) -> bool:
    # Told by the method, since a subclass may override it.
    networks = [getattr(sys.modules.get(home), name, None) for home, name in _VGG_LIKE]
    return any(network is not None and type(module).forward is network.forward for network in networks)


def _named_layers(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    parts = _parts(module)
    if parts is None:
        yield name, module
    for key, part in parts or ():
        yield from _named_layers(part, f"{name}.{key}" if name else key)


def _is_changed(module: nn.Module) -> bool:
    """Whether a call of the module runs anything but its class's forward."""
    own_call = type(module).__call__ is not nn.Module.__call__
    return own_call or "forward" in vars(module) or isinstance(module, torch.jit.ScriptModule)


def _refuse_unsupported(module: nn.Module) -> None:
    layers = list(_named_layers(module))
    problems = [f"{_called(name, layer)}: {reason}" for name, layer in layers if (reason := _no_layer_of_torch(layer))]
    if problems:
        raise RuleError(f"LRP cannot take layer {'; '.join(problems)}")
    unsupported = [(name, layer) for name, layer in layers if _kind(layer) not in SUPPORTED]
    if unsupported:
        known = ", ".join(kind.__name__ for kind in SUPPORTED)
        raise RuleError(
            f"LRP cannot take layer {', '.join(_called(*one) for one in unsupported)}; it takes {known}, "
            "and nn.Sequential of them"
        )


def _called(name: str, layer: nn.Module) -> str:
    return f"{name!r} of type {_kind(layer).__name__}" if name else f"of type {_kind(layer).__name__}"


def _no_layer_of_torch(layer: nn.Module) -> str | None:
    """Why a layer is not what its type says, if so."""
    wrapped = _WRAPPERS.get(type(layer).__name__)
    if wrapped and hasattr(layer, wrapped):
        return f"it wraps a network; explain that, its attribute {wrapped}"
    if isinstance(layer, torch.jit.ScriptModule):
        return (
            "it is traced or scripted, and keeps no layers that rules could be for; explain the module it was made of"
        )
    if "forward" in vars(layer):
        return "its forward was set on the instance; write a subclass's forward, or take it off with del module.forward"
    if _is_changed(layer):
        return "its class has a __call__ of its own"
    if isinstance(layer, nn.MaxPool2d) and layer.return_indices:
        return "it also returns indices; build it without return_indices"
    return None


def _kind(layer: nn.Module) -> type[nn.Module]:
    kind: type[nn.Module] = torch.nn.utils.parametrize.type_before_parametrizations(layer)
    return kind


def _copied(module: nn.Module, name: str = "") -> nn.Module:
    parts = _parts(module)
    if parts is None:
        return _leaf(module, name)
    copies = ((key, _copied(part, f"{name}.{key}" if name else key)) for key, part in parts)
    return nn.Sequential(OrderedDict(copies))


def _leaf(layer: nn.Module, name: str) -> nn.Module:
    """The same layer built anew, working out of place: nothing but its settings and weights comes along."""
    kind, weights = _kind(layer), effective_weights(layer)
    if kind is nn.Identity:
        return nn.Identity()
    # Each of these types keeps the arguments of its constructor under their names.
    parameters = inspect.signature(kind).parameters
    settings = {key: getattr(layer, key) for key in parameters if key not in ("bias", "inplace", "device", "dtype")}
    if "bias" in parameters:
        settings["bias"] = weights.get("bias") is not None
    if "device" in parameters:
        settings["device"] = "meta"
    try:
        built = kind(**settings)
    except (ValueError, TypeError) as error:
        raise RuleError(f"layer {_called(name, layer)} has settings that do not go together: {error}") from error
    for key, value in weights.items():
        built._parameters[key] = None if value is None else nn.Parameter(value, requires_grad=False)
    for key, buffer in layer._buffers.items():
        built._buffers[key] = None if buffer is None else buffer.detach().clone()
    return built


def _refuse_weights(network: nn.Module) -> None:
    """Weights must be numbers, of one type and on one device."""
    tensors = [(name, weight) for name, weight in network.named_parameters()]
    for name, weight in tensors:
        if weight.dtype not in _DTYPES or weight.layout != torch.strided:
            raise RuleError(
                f"weights {name!r} must be a dense tensor of floats, they are {weight.dtype}, {weight.layout}: "
                "load them first"
            )
    for what in ("dtype", "device"):
        found = {str(getattr(weight, what)): name for name, weight in tensors}
        if len(found) > 1:
            told = ", ".join(f"{name!r} {value}" for value, name in found.items())
            raise RuleError(f"all weights must be of one {what}, got {told}: move the whole model")


def _fold(network: nn.Sequential) -> None:
    previous_name, previous = "", None
    for name, layer in list(leaves(network)):
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            if layer.running_mean is None:
                raise RuleError(f"BatchNorm {name!r} keeps no running statistics: it cannot be folded")
            with torch.no_grad():
                if isinstance(previous, nn.Conv2d):
                    folded: nn.Module = fuse_conv_bn_eval(previous, layer)
                elif isinstance(previous, nn.Linear):
                    folded = fuse_linear_bn_eval(previous, layer)
                else:
                    raise RuleError(
                        f"BatchNorm {name!r} does not follow a convolution or linear layer: it cannot be folded"
                    )
            network.set_submodule(previous_name, folded.requires_grad_(False))
            network.set_submodule(name, nn.Identity())
            previous = None
        elif not isinstance(layer, nn.Identity):
            previous_name, previous = name, layer
