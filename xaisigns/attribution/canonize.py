"""A copy of a network that relevance propagation can work on: BatchNorm folded, nothing in place, hooks left behind."""

import copy
from collections import OrderedDict
from collections.abc import Iterator

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


def canonize(module: nn.Module) -> nn.Sequential:
    """A copy in eval mode that gives the same outputs, made for LRP; the module itself is not touched.

    BatchNorm is folded into the convolution or linear layer before it and leaves an Identity, ReLU no longer works in
    place, hooks of the caller's stay behind, weights want no gradient. Layers keep their names; a functional flatten
    becomes the layer ``flatten``. A layer that the module uses twice becomes two. Takes torchvision's VGG and AlexNet,
    xaisigns' Classifier, and nested nn.Sequential of convolution, linear, BatchNorm, ReLU, pooling, flatten, dropout.

    Raises RuleError, naming the layer, for anything else and for a BatchNorm that cannot be folded.
    Source: [kohlbrenner2020towards] (folding before LRP).
    """
    copied = _copied(module, "")
    network = copied if isinstance(copied, nn.Sequential) else nn.Sequential(copied)
    network.requires_grad_(False).eval()
    _fold(network)
    return network


def leaves(network: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Layers without children, by name, in the order of the forward pass (for nested nn.Sequential)."""
    if not network._modules:
        yield prefix, network
    for key, child in network._modules.items():
        if child is not None:
            yield from leaves(child, f"{prefix}.{key}" if prefix else key)


def _copied(module: nn.Module, name: str) -> nn.Module:
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        parts = [(key, part) for key, part in module._modules.items() if part is not None]
        return nn.Sequential(OrderedDict((key, _copied(part, f"{name}.{key}".lstrip("."))) for key, part in parts))
    if type(module).forward in _VGG_LIKE:
        parts = [(key, getattr(module, key)) for key in ("features", "avgpool", "classifier")]
        copies = OrderedDict((key, _copied(part, f"{name}.{key}".lstrip("."))) for key, part in parts)
        copies["flatten"] = nn.Flatten()
        copies.move_to_end("classifier")
        return nn.Sequential(copies)
    if type(module) not in SUPPORTED:
        known = ", ".join(kind.__name__ for kind in SUPPORTED)
        where = f"layer {name!r}" if name else "the module"
        raise RuleError(
            f"LRP cannot take {where} of type {type(module).__name__}; it takes {known}, and nn.Sequential of them"
        )
    return _leaf(module)


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
