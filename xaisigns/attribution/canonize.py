"""A copy of a network that relevance propagation can work on: all of it layers, BatchNorm folded, nothing in place."""

import inspect
from collections import Counter
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from xaisigns.attribution.effective_weights import effective_weights
from xaisigns.attribution.functions import (
    PASSED_ON,
    SPLITS,
    Called,
    Made,
    called_name,
    is_in_place,
    made_layer,
    part_of,
)
from xaisigns.attribution.layers import (
    AVERAGES,
    BATCH_NORMS,
    CONVOLUTIONS,
    GATES,
    MOVES,
    SUPPORTED,
    UNCHANGED,
    Affine,
)
from xaisigns.attribution.network import Change, Network, counted, of_one_size
from xaisigns.attribution.recording import Record, layer_kind, place_of, record
from xaisigns.base.bounds import shown
from xaisigns.errors import RuleError

_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
# Activations between two bounds, which are a gate where the other factor is no sigmoid's.
_BOUNDED = (nn.ReLU6, nn.Hardtanh, nn.Tanh)
_SIZES = ("size", "dim", "ndimension", "numel")
_ATTRIBUTES = ("shape", "ndim", "dtype", "device", "is_cuda", "requires_grad")  # of a tensor, that are none


def canonize(module: nn.Module) -> Network:
    """A copy in eval mode that gives the same outputs, made for LRP; the module itself is not touched.

    Every call becomes a layer with a name: the caller's layers keep theirs (a second call has _1), functions and
    methods are named after the module that calls them (``layer1.0.add``). BatchNorm is folded into the convolution or
    linear layer before it and leaves an Identity; where that layer is used otherwise, too, or there is none, it becomes
    an affine layer. Nothing works in place, weights want no gradient; those that a parametrization, weight_norm,
    spectral_norm or pruning makes are the ones that it makes now. Hooks stay behind: ``LRP`` and the methods refuse a
    module that they make another function.

    Raises RuleError, with name and line, for what cannot be recorded or has no rule.
    Sources: [kohlbrenner2020towards] (folding before LRP), [reed2022torch] (recording).
    """
    if not isinstance(module, nn.Module):
        raise RuleError(f"a torch module is wanted, got {shown(module)}; xs.load_model loads one from a file")
    recorded = record(module)
    _refuse_unsupported(recorded)
    _refuse_weights(module)
    built = _Builder(recorded, next((one for one in module.parameters() if one.is_floating_point()), torch.empty(0)))
    network = built.network()
    return network.requires_grad_(False)


def _refuse_unsupported(recorded: Record) -> None:
    unsupported = [(name, layer) for name, layer in recorded.layers.items() if layer_kind(layer) not in SUPPORTED]
    if unsupported:
        raise RuleError(
            f"LRP cannot take layer {', '.join(called(*one) for one in unsupported)}: no rule is known for it; "
            "docs/networks.md says which layers are taken"
        )
    for name, layer in recorded.layers.items():
        if getattr(layer, "return_indices", False):
            raise RuleError(
                f"LRP cannot take layer {called(name, layer)}: it also returns indices; build it without return_indices"
            )


def called(name: str, layer: nn.Module) -> str:
    """A layer as an error tells it."""
    kind = layer_kind(layer) or type(layer)
    return f"{name!r} of type {kind.__name__}"


def _refuse_weights(module: nn.Module) -> None:
    """Weights must be numbers, of one type and on one device."""
    tensors = [(name, weight) for name, weight in module.named_parameters()]
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


class _Builder:
    """Builds a network's graph and layers from a record, call by call."""

    def __init__(self, recorded: Record, like: Tensor) -> None:
        self._record, self._like = recorded, like
        self._graph = fx.Graph()
        # What each recorded value is now: a node of the new graph, or a number or tensor.
        self._values: dict[fx.Node, Any] = {}
        # The recorded values that are one tensor, in eval mode, as what is changed in place is changed in all of them.
        self._same: dict[fx.Node, list[fx.Node]] = {}
        self._layers: dict[str, nn.Module] = {}
        self._types: dict[str, str] = {}
        self._changes: dict[str, Change] = {}
        self._names: Counter[str] = Counter()
        self._names.update(recorded.layers.keys())

    def network(self) -> Network:
        """All of it."""
        for node in self._record.graph.nodes:
            if node.op == "output":
                self._output(node)
            elif node.op == "placeholder":
                self._values[node] = self._graph.placeholder(node.name)
            elif node.op == "get_attr":
                self._values[node] = self._record.constants[str(node.target)]
            else:
                self._values[node] = self._called(node)
        self._graph.eliminate_dead_code(is_impure_node=lambda node: node.op in ("placeholder", "output"))
        self._fold()
        network = Network(self._graph, self._layers, self._types, self._changes)
        return network if not self._record.has_conditions else of_one_size(network)

    def _output(self, node: fx.Node) -> None:
        value = self._value(node.args[0])
        if not self._is_tensor(value):
            raise RuleError(
                "the model must give logits (N, classes): a tensor that it computes of the images, nothing around it; "
                f"it gives {shown(node.args[0])}. Put it into a module of yours whose forward gives the logits alone, "
                "such as return self.model(images)[0]"
            )
        self._graph.output(value)

    def _called(self, node: fx.Node) -> Any:
        args, kwargs = self._value(node.args), self._value(node.kwargs)
        if node.op == "call_module":
            name = str(node.target)
            layer = self._record.layers[name]
            value = self._add(name, Made(_leaf(layer, name), (*args, *kwargs.values())))
            self._types[name] = (layer_kind(layer) or type(layer)).__name__
            if getattr(layer, "inplace", False):
                self._changes[name] = Change("out_of_place")
            in_place = self._types[name] != "Identity" and name in self._changes
        else:
            if not any(map(self._is_tensor, _nodes_in((args, kwargs)))) or _is_size(node):
                return self._counted(node, args, kwargs)
            value, in_place = self._made(node, args, kwargs), is_in_place(node)
        if in_place or self._passes_on(node, value):
            given = node.all_input_nodes[0]
            same = self._same[node] = self._same.setdefault(given, [given])
            same.append(node)
            if in_place:
                self._values.update(dict.fromkeys(same, value))
        return value

    def _passes_on(self, node: fx.Node, value: Any) -> bool:
        """Whether a call gives the very tensor that it was given."""
        if node.op == "call_module":
            return isinstance(value, fx.Node) and isinstance(self._layers[str(value.target)], UNCHANGED)
        return called_name(node) in PASSED_ON and not node.kwargs.keys() & {"copy", "memory_format"}

    def _counted(self, node: fx.Node, args: Any, kwargs: Any) -> Any:
        """A size or number: computed at once where it is known, else with the images."""
        if not _nodes_in((args, kwargs)):
            return counted(node, args, kwargs)
        return self._graph.create_node(node.op, node.target, tuple(args), dict(kwargs))

    def _made(self, node: fx.Node, args: Any, kwargs: Any) -> Any:
        name = called_name(node)
        if name in SPLITS and not (name == "max" and len(_nodes_in(args)) > 1):
            return node  # until one of its parts is taken
        split = next((one for one in _nodes_in((args, kwargs)) if one.graph is not self._graph), None)
        if split is not None:
            if name != "getitem":
                raise RuleError(f"LRP cannot take {place_of(split)}: take its parts one by one, by their numbers")
            made = Made(part_of(split, args[1]), self._value(split.args), self._value(split.kwargs))
            name = called_name(split)
        else:
            try:
                made = made_layer(Called(node, args, kwargs, self._is_tensor, self._gate_rank, self._like))
            except RuleError as error:
                raise RuleError(f"LRP cannot take {place_of(node)}: {error}") from error
        place = node.meta["place"]
        wanted = f"{place}.{name}" if place else name
        taken = self._names[wanted]
        self._names[wanted] += 1
        own = f"{wanted}_{taken}" if taken else wanted
        self._changes[own] = Change("made_layer")
        return self._add(own, made)

    def _add(self, name: str, made: Made) -> fx.Node:
        self._layers[name] = made.layer.requires_grad_(False).eval()
        return self._graph.call_module(name, made.args, dict(made.kwargs))

    def _value(self, arguments: Any) -> Any:
        """Recorded arguments as values of the new graph."""
        if isinstance(arguments, fx.Node):
            return self._values[arguments]
        if isinstance(arguments, tuple | list):
            return tuple(map(self._value, arguments))
        if isinstance(arguments, dict):
            return {key: self._value(value) for key, value in arguments.items()}
        if isinstance(arguments, slice):
            return slice(*map(self._value, (arguments.start, arguments.stop, arguments.step)))
        return arguments

    def _is_tensor(self, value: Any) -> bool:
        own = isinstance(value, fx.Node) and value.graph is self._graph
        return isinstance(value, fx.Node) and (not own or value.op in ("placeholder", "call_module"))

    def _gate_rank(self, node: fx.Node) -> int:
        """2 for what a sigmoid gives, 1 for another bounded activation, 0 for a signal; numbers may be in between."""
        while node.op == "call_module":
            layer = self._layers[str(node.target)]
            if isinstance(layer, GATES):
                return 2
            if isinstance(layer, _BOUNDED):
                return 1
            if not isinstance(layer, (*MOVES, *UNCHANGED, *AVERAGES, Affine)):
                return 0
            node = node.all_input_nodes[0]
        return 0

    def _fold(self) -> None:
        for node in list(self._graph.nodes):
            layer = self._layers.get(str(node.target)) if node.op == "call_module" else None
            # With statistics of its own, InstanceNorm is another BatchNorm.
            held = getattr(layer, "running_mean", None) is not None
            if layer is None or not (held or isinstance(layer, BATCH_NORMS)):
                continue
            name = str(node.target)
            if not held:
                raise RuleError(
                    f"BatchNorm {name!r} keeps no running statistics: it takes those of the batch, and images would "
                    "explain each other"
                )
            before = self._before(node)
            folded = _folded(self._layers[before], layer) if before else None
            if before and folded is not None:
                self._layers[before], self._layers[name] = folded, nn.Identity()
                self._changes[name] = Change("folded", before)
            else:
                self._layers[name] = _affine(layer)
                self._changes[name] = Change("made_affine")

    def _before(self, node: fx.Node) -> str | None:
        """The layer that alone gives a node its values, to that node alone."""
        (before, *others) = node.all_input_nodes
        while not others and len(before.users) == 1 and before.op == "call_module":
            name = str(before.target)
            if not isinstance(self._layers[name], nn.Identity):
                return name
            before, *others = before.all_input_nodes
        return None


def _is_size(node: fx.Node) -> bool:
    """Whether a call asks a tensor for something that is none."""
    if node.target is getattr:
        return node.args[1] in _ATTRIBUTES
    return node.op == "call_method" and node.target in _SIZES


def _nodes_in(arguments: Any) -> list[fx.Node]:
    found: list[fx.Node] = []
    fx.map_arg(arguments, found.append)
    return found


def _leaf(layer: nn.Module, name: str) -> nn.Module:
    """The same layer built anew, working out of place: nothing but its settings and weights comes along."""
    kind, weights = layer_kind(layer) or type(layer), effective_weights(layer)
    if kind is nn.Identity:
        return nn.Identity()
    # These types keep the arguments of their constructors under their names, or do not need them any more.
    parameters = inspect.signature(kind).parameters
    left_out = ("bias", "inplace", "device", "dtype")
    settings = {key: getattr(layer, key) for key in parameters if key not in left_out and hasattr(layer, key)}
    if "bias" in parameters:
        settings["bias"] = weights.get("bias") is not None
    if "device" in parameters:
        settings["device"] = "meta"
    try:
        built = kind(**settings)
    except (ValueError, TypeError) as error:
        raise RuleError(f"layer {called(name, layer)} has settings that do not go together: {error}") from error
    for key, value in weights.items():
        built._parameters[key] = None if value is None else nn.Parameter(value, requires_grad=False)
    for key, buffer in layer._buffers.items():
        built._buffers[key] = None if buffer is None else buffer.detach().clone()
    return built


@torch.no_grad()
def _folded(before: nn.Module, norm: Any) -> nn.Module | None:
    """The layer with the BatchNorm behind it in its weights, None where it cannot take it."""
    if isinstance(before, nn.Linear):
        # Of other channels than the layer's outputs where these are the last dimension, and not the second.
        return fuse_linear_bn_eval(before, norm) if len(norm.running_mean) == before.out_features else None
    if not isinstance(before, CONVOLUTIONS):
        return None
    transposed = bool(getattr(before, "transposed", False))
    if transposed and before.groups > 1:
        return None
    return fuse_conv_bn_eval(before, norm, transpose=transposed)


def _affine(norm: Any) -> Affine:
    """BatchNorm as what it is in eval mode."""
    weight = (norm.running_var + norm.eps).rsqrt()
    if norm.weight is not None:
        weight = weight * norm.weight
    bias = -norm.running_mean * weight
    return Affine(weight, bias if norm.bias is None else bias + norm.bias, per_channel=True)
