"""Checkpoints of torchvision's VGGs that were trained elsewhere, as people keep them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor

from xaisigns.errors import ModelError
from xaisigns.model.explainable import Preprocessing
from xaisigns.model.network_weights import check_shapes, listed, network_of, shapes
from xaisigns.model.vgg import Architecture, Classifier, Head, NetworkSettings

_FIRST = "features.0.weight"
# What DataParallel, torch.compile, FSDP and activation checkpointing put between the names.
_WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
_COUNTER = "n_averaged"  # AveragedModel's
_PARTS = ("features.", "classifier.")
_DEEPEST = 4
_KIND = "it is not a state dict of torchvision's vgg11, vgg13, vgg16 or vgg19"


class _Found(NamedTuple):
    """A network in a checkpoint: where, its tensors, and the names of those beside it."""

    place: str
    weights: dict[str, Any]
    others: list[str]


def foreign_network(content: Any, preprocessing: Preprocessing) -> Classifier:
    """A network in eval mode from a state dict of torchvision's VGG 11 to 19, with two or more outputs.

    Which VGG it is follows from names and shapes. The state dict may lie in a dict beside other things, and its names
    may have a prefix. Raises ModelError for anything else, and where there are two networks.
    """
    networks = list(_networks(content))
    if not networks:
        raise ModelError(f"{_KIND}: {_told(content)}")
    if len(networks) > 1:
        places = listed([network.place for network in networks])
        raise ModelError(f"it holds {len(networks)} networks ({places}): save the state dict of the one that is meant")
    [network] = networks
    if network.others:
        raise ModelError(f"{_KIND}: it has {listed(network.others)} besides; save the network's state dict alone")
    settings = _recognised(network.weights, preprocessing)
    counters = (name for name in shapes(settings) if name.endswith("num_batches_tracked"))
    # Before torch 0.4.1 BatchNorm did not count.
    weights = {**dict.fromkeys(counters, torch.tensor(0)), **network.weights}
    try:
        check_shapes(settings, weights)
    except ModelError as error:
        raise ModelError(f"{_KIND}: {error}") from error
    return network_of(settings, weights)


def _networks(content: Any) -> Iterator[_Found]:
    """Every dict in which there is a VGG's first layer, for each prefix that its name has."""
    seen: set[int] = set()
    level = [("", content)]
    for _ in range(_DEEPEST):
        inner = []
        for place, mapping in level:
            if not isinstance(mapping, Mapping) or id(mapping) in seen:
                continue
            seen.add(id(mapping))
            yield from _networks_of(place, mapping)
            inner += [(f"{place}[{name!r}]", value) for name, value in mapping.items() if isinstance(name, str)]
        level = inner


def _networks_of(place: str, mapping: Mapping[Any, Any]) -> Iterator[_Found]:
    named: dict[str, Any] = {}
    for name, value in mapping.items():
        if isinstance(name, str):
            plain = ".".join(part for part in name.split(".") if part not in _WRAPPERS)
            if plain in named:
                raise ModelError(f"it has {plain} twice, once as {name}: save the state dict of one network")
            named[plain] = value
    prefixes = [name.removesuffix(_FIRST) for name in named if name == _FIRST or name.endswith(f".{_FIRST}")]
    for prefix in prefixes:
        under = {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
        weights = {
            name: value
            for name, value in under.items()
            if name != _COUNTER and (isinstance(value, Tensor) or name.startswith(_PARTS))
        }
        beside = [name for name, value in named.items() if isinstance(value, Tensor) and not name.startswith(prefix)]
        yield _Found(f"{place} {prefix}*".strip(), weights, [name for name in beside if name != _COUNTER])


def _recognised(weights: Mapping[str, Any], preprocessing: Preprocessing) -> NetworkSettings:
    """The settings of the network that is nearest to these names, with as many outputs as the last layer has."""
    head: Head = "torchvision" if "classifier.6.weight" in weights else "compact"
    last = "classifier.6.weight" if head == "torchvision" else "classifier.0.weight"
    layer = weights.get(last)
    if not isinstance(layer, Tensor):
        classifier = [name for name in weights if not name.startswith("features.")]
        raise ModelError(f"{_KIND}: it has {listed(classifier) or 'nothing'} after its features, wanted {last}")
    if layer.ndim != 2:
        what = "a convolution" if layer.ndim == 4 else f"of shape {tuple(layer.shape)}"
        raise ModelError(f"{_KIND}: {last} is {what}, wanted a linear layer (outputs, inputs)")
    if len(layer) == 1:
        raise ModelError("it has one output; wanted one for each class, as cross-entropy trains it")
    candidates = [
        NetworkSettings(name, head, len(layer), preprocessing.input_size, preprocessing.mean, preprocessing.std)
        for name in get_args(Architecture)
    ]
    return min(candidates, key=lambda settings: len(set(shapes(settings)) ^ set(weights)))


def _told(content: Any) -> str:
    if not isinstance(content, Mapping):
        return f"it holds a {type(content).__name__}, wanted names with tensors"
    return f"its first entries are {listed(list(content)) or 'none'}"
