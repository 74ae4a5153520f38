"""A copy of a network that relevance propagation can work on: BatchNorm folded, nothing in place, hooks left behind."""

import copy
from collections import OrderedDict
from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from torchvision.models import VGG, AlexNet

from xaisigns.errors import RuleError
from xaisigns.model.vgg import Classifier

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
# Networks whose forward is features, pooling, flatten, classifier; told by the method: a subclass may override it.
_VGG_LIKE = (VGG.forward, AlexNet.forward, Classifier.forward)


class Change(NamedTuple):
    """What ``canonize`` does to a layer: "folded" into another, made to work "out_of_place", or "made_layer"."""

    kind: Literal["folded", "out_of_place", "made_layer"]
    into: str | None = None


def canonize(module: nn.Module) -> nn.Sequential:
    """A copy in eval mode that gives the same outputs, made for LRP; the module itself is not touched.

    BatchNorm is folded into the convolution or linear layer before it and leaves an Identity, ReLU no longer works in
    place, hooks of the caller's stay behind, weights want no gradient. Layers keep their names; a functional flatten
    becomes the layer ``flatten``. A layer that the module uses twice becomes two. Takes torchvision's VGG and AlexNet,
    xaisigns' Classifier, and nested nn.Sequential of convolution, linear, BatchNorm, ReLU, pooling, flatten, dropout.

    Raises RuleError, naming the layer, for anything else and for a BatchNorm that cannot be folded.
    Source: [kohlbrenner2020towards] (folding before LRP).
    """
    _refuse_unsupported(module)
    copied = _copied(module)
    network = copied if isinstance(copied, nn.Sequential) else nn.Sequential(copied)
    network.requires_grad_(False).eval()
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
    if type(module).forward in _VGG_LIKE:
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
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        return [(key, part) for key, part in module._modules.items() if part is not None]
    if type(module).forward in _VGG_LIKE:
        features, pooling, classifier = (getattr(module, key) for key in ("features", "avgpool", "classifier"))
        return [("features", features), ("avgpool", pooling), ("flatten", nn.Flatten()), ("classifier", classifier)]
    return None


def _named_layers(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    parts = _parts(module)
    if parts is None:
        yield name, module
    for key, part in parts or ():
        yield from _named_layers(part, f"{name}.{key}" if name else key)


def _refuse_unsupported(module: nn.Module) -> None:
    unsupported = [
        f"{name!r} of type {type(layer).__name__}" if name else f"of type {type(layer).__name__}"
        for name, layer in _named_layers(module)
        if type(layer) not in SUPPORTED
    ]
    if unsupported:
        known = ", ".join(kind.__name__ for kind in SUPPORTED)
        raise RuleError(f"LRP cannot take layer {', '.join(unsupported)}; it takes {known}, and nn.Sequential of them")


def _copied(module: nn.Module) -> nn.Module:
    parts = _parts(module)
    if parts is None:
        return _leaf(module)
    return nn.Sequential(OrderedDict((key, _copied(part)) for key, part in parts))


def _leaf(module: nn.Module) -> nn.Module:
    """A copy without the caller's hooks, working out of place."""
    # Hooks are taken off a shallow copy before the deep one, so that what they hold on to is not copied.
    shallow = copy.copy(module)
    for attribute in [name for name in vars(module) if name.endswith("_hooks")]:
        setattr(shallow, attribute, OrderedDict())
    if isinstance(shallow, nn.ReLU | nn.Dropout):
        shallow.inplace = False
    return copy.deepcopy(shallow)


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
