"""Checkpoints of networks that were trained elsewhere, as people keep them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xaisigns.errors import ModelError
from xaisigns.model.architectures import VGGS, build, check_architecture, without_side_outputs
from xaisigns.model.classifier import Classifier, Head, NetworkSettings, Wrapped
from xaisigns.model.explainable import Preprocessing
from xaisigns.model.network_weights import check_shapes, fill, listed, network_of, shapes, shapes_of
from xaisigns.model.networks import outputs

# What DataParallel, torch.compile, FSDP and activation checkpointing put between the names.
_WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
_COUNTER = "n_averaged"  # AveragedModel's
_DEEPEST = 4
_NO_VGG = (
    "it is not a state dict of torchvision's vgg11, vgg13, vgg16 or vgg19 (of another network give --architecture, in "
    "Python architecture)"
)
_ONE_OUTPUT = "it has one output; wanted one for each class, as cross-entropy trains it"


class _Wanted(NamedTuple):
    """What tells a network in a checkpoint: the name of its first tensor, those of its parts and some or all names."""

    kind: str
    first: str
    parts: frozenset[str]
    names: frozenset[str] = frozenset()


class _Found(NamedTuple):
    """A network in a checkpoint: where, its tensors, and the names of those beside it."""

    place: str
    weights: dict[str, Any]
    others: list[str]


def foreign_network(content: Any, preprocessing: Preprocessing, architecture: str | None = None) -> Classifier:
    """A network in eval mode from a state dict, with two or more outputs: a VGG 11 to 19, or of that architecture.

    Which VGG it is, and how many classes there are, follows from names and shapes. The state dict may lie in a dict
    beside other things, and its names may have a prefix. Raises ModelError for anything else, and where there are two
    networks.
    """
    if architecture is None:
        return _vgg(content, preprocessing, VGGS, _NO_VGG)
    check_architecture(architecture)
    if architecture in VGGS:
        return _vgg(content, preprocessing, (architecture,), _no(architecture))
    return _named(content, preprocessing, architecture)


def _vgg(content: Any, preprocessing: Preprocessing, among: Iterable[str], kind: str) -> Classifier:
    found = _only(content, _Wanted(kind, "features.0.weight", frozenset({"features", "classifier"})))
    settings = _recognised(found.weights, preprocessing, among, kind)
    weights = _counted(shapes(settings), found.weights)
    _check(kind, shapes(settings), weights)
    return network_of(settings, weights)


def _named(content: Any, preprocessing: Preprocessing, architecture: str) -> Classifier:
    kind = _no(architecture)
    with torch.random.fork_rng(devices=[]):
        network = build(architecture, None)
        own = shapes_of(network)
        if not own:
            raise ModelError(f"{architecture} has no weights: there is nothing to load into it")
        names = {_plain(name): name for name in own}
        parts = frozenset(name.partition(".")[0] for name in names)
        found = _only(content, _Wanted(kind, next(iter(names)), parts, frozenset(names)))
        weights = without_side_outputs(architecture, {names.get(name, name): v for name, v in found.weights.items()})
        classes = _classes(own, weights)
        if classes is not None:
            network = build(architecture, _settings(architecture, classes, preprocessing).classes)
    weights = _counted(shapes_of(network), weights)
    _check(kind, shapes_of(network), weights)
    fill(network, weights)
    settings = _settings(architecture, outputs(network, architecture, preprocessing.input_size), preprocessing)
    return Wrapped(network, settings).requires_grad_(False).eval()


def _no(architecture: str) -> str:
    return f"it is not a state dict of {architecture}"


def _settings(
    architecture: str, classes: int, preprocessing: Preprocessing, head: Head | None = None
) -> NetworkSettings:
    if classes == 1:
        raise ModelError(_ONE_OUTPUT)
    return NetworkSettings(architecture, head, classes, preprocessing.input_size, preprocessing.mean, preprocessing.std)


def _classes(own: Mapping[str, torch.Size], weights: Mapping[str, Any]) -> int | None:
    """How many classes a network must have for these weights; None where it has as many, or more does not fit."""
    found = set()
    for name, shape in own.items():
        there = getattr(weights.get(name), "shape", shape)
        if there != shape:
            if there[1:] != shape[1:] or len(there) != len(shape):
                return None
            found.add((shape[0], there[0]))
    return found.pop()[1] if len(found) == 1 else None


def _counted(own: Iterable[str], weights: Mapping[str, Any]) -> dict[str, Any]:
    """The weights with BatchNorm's counters, which it did not have before torch 0.4.1."""
    counters = (name for name in own if name.endswith("num_batches_tracked"))
    return {**dict.fromkeys(counters, torch.tensor(0)), **weights}


def _check(kind: str, own: Mapping[str, torch.Size], weights: Mapping[str, Any]) -> None:
    try:
        check_shapes(own, weights)
    except ModelError as error:
        raise ModelError(f"{kind}: {error}") from error


def _only(content: Any, wanted: _Wanted) -> _Found:
    networks = list(_networks(content, wanted))
    if not networks:
        raise ModelError(f"{wanted.kind}: {_told(content)}")
    if len(networks) > 1:
        places = listed([network.place for network in networks])
        raise ModelError(f"it holds {len(networks)} networks ({places}): save the state dict of the one that is meant")
    [network] = networks
    if network.others:
        raise ModelError(f"{wanted.kind}: it has {listed(network.others)} besides; save the network's state dict alone")
    return network


def _networks(content: Any, wanted: _Wanted) -> Iterator[_Found]:
    """Every dict in which the network's first tensor is, for each prefix that its name has."""
    seen: set[int] = set()
    level = [("", content)]
    for _ in range(_DEEPEST):
        inner = []
        for place, mapping in level:
            if not isinstance(mapping, Mapping) or id(mapping) in seen:
                continue
            seen.add(id(mapping))
            yield from _networks_of(place, mapping, wanted)
            inner += [(f"{place}[{name!r}]", value) for name, value in mapping.items() if isinstance(name, str)]
        level = inner


def _networks_of(place: str, mapping: Mapping[Any, Any], wanted: _Wanted) -> Iterator[_Found]:
    named: dict[str, Any] = {}
    for name, value in mapping.items():
        if isinstance(name, str):
            plain = _plain(name)
            if plain in named:
                raise ModelError(f"it has {plain} twice, once as {name}: save the state dict of one network")
            named[plain] = value
    first = wanted.first
    for prefix in [name.removesuffix(first) for name in named if name == first or name.endswith(f".{first}")]:
        under = {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
        if 2 * len(wanted.names & under.keys()) < len(wanted.names):
            continue  # a part of it is named as the whole
        weights = {
            name: value
            for name, value in under.items()
            if name != _COUNTER and (isinstance(value, Tensor) or name.partition(".")[0] in wanted.parts)
        }
        beside = [name for name, value in named.items() if isinstance(value, Tensor) and not name.startswith(prefix)]
        yield _Found(f"{place} {prefix}*".strip(), weights, [name for name in beside if name != _COUNTER])


def _plain(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _recognised(
    weights: Mapping[str, Any], preprocessing: Preprocessing, among: Iterable[str], kind: str
) -> NetworkSettings:
    """The settings of the VGG that is nearest to these names, with as many outputs as the last layer has."""
    head: Head = "torchvision" if "classifier.6.weight" in weights else "compact"
    last = "classifier.6.weight" if head == "torchvision" else "classifier.0.weight"
    layer = weights.get(last)
    if not isinstance(layer, Tensor):
        classifier = [name for name in weights if not name.startswith("features.")]
        raise ModelError(f"{kind}: it has {listed(classifier) or 'nothing'} after its features, wanted {last}")
    if layer.ndim != 2:
        what = "a convolution" if layer.ndim == 4 else f"of shape {tuple(layer.shape)}"
        raise ModelError(f"{kind}: {last} is {what}, wanted a linear layer (outputs, inputs)")
    candidates = [_settings(name, len(layer), preprocessing, head) for name in among]
    return min(candidates, key=lambda settings: len(set(shapes(settings)) ^ set(weights)))


def _told(content: Any) -> str:
    if not isinstance(content, Mapping):
        return f"it holds a {type(content).__name__}, wanted names with tensors"
    return f"its first entries are {listed(list(content)) or 'none'}"
