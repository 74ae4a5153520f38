"""Functions and methods that a network calls, as layers: what they compute, with a place for a rule."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from xaisigns.attribution.layers import (
    Affine,
    Concatenation,
    Gate,
    Interpolation,
    Mean,
    Rearrangement,
    Sum,
    Total,
)
from xaisigns.errors import RuleError
from xaisigns.model.architectures import ATTENTION

_NOT_HERE = {
    **dict.fromkeys(("matmul", "bmm", "baddbmm", "einsum", "scaled_dot_product_attention"), ATTENTION),
    **dict.fromkeys(
        ("softmax", "log_softmax"),
        "what is explained is logits: leave it out of the network (in attention, there is no rule for it)",
    ),
    **dict.fromkeys(
        (f"{kind}max_pool{dims}d_with_indices" for kind in ("", "adaptive_") for dims in (1, 2, 3)),
        "it also returns indices; call it without return_indices",
    ),
}
_BOTH = "kernel_size", "stride", "padding"
_MAXIMUM = (*_BOTH, "dilation", "ceil_mode", "return_indices")
_AVERAGE = (*_BOTH, "ceil_mode", "count_include_pad", "divisor_override")
# The layer of torch that a function is, and what its arguments are called there, in their order.
_AS_LAYERS: dict[str, tuple[type[nn.Module], tuple[str, ...]]] = {
    "relu": (nn.ReLU, ()),
    "relu6": (nn.ReLU6, ()),
    "leaky_relu": (nn.LeakyReLU, ("negative_slope",)),
    "elu": (nn.ELU, ("alpha",)),
    "celu": (nn.CELU, ("alpha",)),
    "selu": (nn.SELU, ()),
    "gelu": (nn.GELU, ("approximate",)),
    "silu": (nn.SiLU, ()),
    "mish": (nn.Mish, ()),
    "hardswish": (nn.Hardswish, ()),
    "hardtanh": (nn.Hardtanh, ("min_val", "max_val")),
    "softplus": (nn.Softplus, ("beta", "threshold")),
    "tanh": (nn.Tanh, ()),
    "sigmoid": (nn.Sigmoid, ()),
    "hardsigmoid": (nn.Hardsigmoid, ()),
    "pixel_shuffle": (nn.PixelShuffle, ("upscale_factor",)),
    "pixel_unshuffle": (nn.PixelUnshuffle, ("downscale_factor",)),
    "channel_shuffle": (nn.ChannelShuffle, ("groups",)),
}
for _dims in (1, 2, 3):
    _AS_LAYERS[f"max_pool{_dims}d"] = getattr(nn, f"MaxPool{_dims}d"), _MAXIMUM
    _AS_LAYERS[f"avg_pool{_dims}d"] = getattr(nn, f"AvgPool{_dims}d"), _AVERAGE
    for _kind in ("Max", "Avg"):
        _name = f"Adaptive{_kind}Pool{_dims}d"
        _AS_LAYERS[f"adaptive_{_kind.lower()}_pool{_dims}d"] = getattr(nn, _name), ("output_size",)
_IN_PLACE: dict[Any, str] = {
    operator.iadd: "add",
    operator.isub: "sub",
    operator.imul: "mul",
    operator.itruediv: "truediv",
}
# Another type or device would make other outputs, which are compared.
_IDENTITIES = ("contiguous", "clone", "float", "double", "half", "to", "type_as")
_DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
_MOVES = [
    "view",
    "reshape",
    "permute",
    "transpose",
    "squeeze",
    "unsqueeze",
    "unflatten",
    "getitem",
    "narrow",
    "select",
    "movedim",
    "moveaxis",
    "swapaxes",
    "swapdims",
    "t",
    "expand",
    "repeat",
    "flip",
    "roll",
    "pad",
    "amax",
]
_LIKE_ANOTHER = ("expand_as", "view_as", "reshape_as")
# What gives the very tensor that it is given, where there is nothing to do.
PASSED_ON = ({*_IDENTITIES} - {"clone"}) | {*_DROPOUTS}
# What gives several tensors, of which one is taken by its number.
SPLITS = ("chunk", "split", "tensor_split", "unbind", "max")


class Made(NamedTuple):
    """A layer, and what it is called with: nodes and sizes."""

    layer: nn.Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = {}


class Called:
    """A recorded call of a function or method; ``values`` are its arguments: nodes of tensors or sizes, constants.

    ``gate_rank`` tells of a node how likely its values are a gate's, ``is_tensor`` whether it gives a tensor.
    """

    def __init__(
        self,
        node: fx.Node,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        is_tensor: Callable[[Any], bool],
        gate_rank: Callable[[fx.Node], int],
        like: Tensor,
    ) -> None:
        self.node, self.kwargs = node, dict(kwargs)
        named = [self.kwargs.pop(name) for name in ("input", "other") if name in self.kwargs]
        self.args = (*args, *named)
        self.is_tensor, self.gate_rank, self.like = is_tensor, gate_rank, like
        self.name = called_name(node)

    def settings(self, names: Sequence[str]) -> dict[str, Any]:
        """The arguments behind the first by their names."""
        return {**dict(zip(names, self.args[1:], strict=False)), **self.kwargs}

    def constant(self, value: Any) -> Tensor:
        """A number or a tensor of the caller's as a tensor of the network's."""
        return torch.as_tensor(value, dtype=self.like.dtype, device=self.like.device).clone()


def called_name(node: fx.Node) -> str:
    """What is called, the same for a function, a method, an operator and what works in place."""
    if node.target in _IN_PLACE:
        return _IN_PLACE[node.target]
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return name.strip("_")


def is_in_place(node: fx.Node) -> bool:
    """Whether a call changes its first argument."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return node.target in _IN_PLACE or bool(node.kwargs.get("inplace")) or name.endswith("_")


def made_layer(called: Called) -> Made:
    """The layer that computes what is called. Raises RuleError with the reason where there is none."""
    name = called.name
    if name in _NOT_HERE:
        raise RuleError(_NOT_HERE[name])
    for names, make in _MAKERS:
        if name in names:
            return make(called)
    raise RuleError("no rule is known for it; docs/networks.md says what is taken")


def _as_layer(called: Called) -> Made:
    kind, names = _AS_LAYERS[called.name]
    settings = called.settings(names)
    settings.pop("inplace", None)
    if _is_global_pool(called, settings):
        return Made(nn.AdaptiveAvgPool2d(1), called.args[:1])
    return Made(_built(kind, settings), called.args[:1])


def _is_global_pool(called: Called, settings: Mapping[str, Any]) -> bool:
    """Whether the window is the whole image: ``avg_pool2d(x, x.shape[2:])``."""
    window = settings.get("kernel_size")
    if called.name != "avg_pool2d" or not isinstance(window, fx.Node):
        return False
    sliced = window.target is operator.getitem and window.args[1] == slice(2, None, None)
    shape = window.args[0]
    return sliced and isinstance(shape, fx.Node) and shape.args[0] is called.args[0]


def _built(kind: type[nn.Module], settings: Mapping[str, Any]) -> nn.Module:
    dynamic = [name for name, value in settings.items() if _has_nodes(value)]
    if dynamic:
        raise RuleError(f"its {', '.join(dynamic)} depends on the size of the images; write a number")
    try:
        return kind(**settings)
    except (TypeError, ValueError, AssertionError) as error:
        raise RuleError(f"its arguments are not those of {kind.__name__}: {error}") from error


def _has_nodes(value: Any) -> bool:
    found: list[fx.Node] = []
    fx.map_arg(value, found.append)
    return bool(found)


def _flatten(called: Called) -> Made:
    settings = called.settings(("start_dim", "end_dim"))
    return Made(_built(nn.Flatten, {"start_dim": 0, **settings}), called.args[:1])


def _identity(called: Called) -> Made:
    return Made(nn.Identity(), called.args[:1])


def _dropout(called: Called) -> Made:
    settings = called.settings(("p", "training", "inplace"))
    if settings.get("training", True) and settings.get("p", 0.5):
        raise RuleError("it drops values in eval mode, too: give it training=self.training, or use nn.Dropout")
    return _identity(called)


def _move(called: Called) -> Made:
    name, args, node = called.name, called.args, called.node
    if name == "pad" and called.settings(("pad", "mode", "value")).get("value"):
        raise RuleError("it pads with another value than zero")
    if name in ("view", "reshape"):
        sizes = args[1] if len(args) == 2 and isinstance(args[1], tuple | list) else args[1:]
        if len(sizes) == 2 and sizes[1] == -1 and _is_batch_size(sizes[0], args[0]):
            return Made(nn.Flatten(1), args[:1])
        return Made(Rearrangement(name, torch.reshape), (args[0], tuple(sizes)), called.kwargs)
    if node.op == "call_method":
        return Made(Rearrangement(name, getattr(Tensor, str(node.target))), args, called.kwargs)
    assert callable(node.target)  # noqa: S101 (for the type checker)
    return Made(Rearrangement(name, node.target), args, called.kwargs)


def _is_batch_size(size: Any, values: Any) -> bool:
    """Whether a size is the number of images: ``x.size(0)`` or ``x.shape[0]``."""
    if not isinstance(size, fx.Node):
        return False
    if size.target == "size":
        return size.args == (values, 0)
    shape = size.args[0]
    is_first = size.target is operator.getitem and size.args[1] == 0
    return bool(is_first and isinstance(shape, fx.Node) and shape.args[0] is values)


def _like_another(called: Called) -> Made:
    sized = Tensor.expand if called.name == "expand_as" else torch.reshape
    return Made(Rearrangement(called.name, lambda x, other: sized(x, other.shape)), called.args[:2])


def _maximum(called: Called) -> Made:
    first, second = called.args[:2]
    if not called.is_tensor(first) or not called.is_tensor(second):
        raise RuleError("it is no activation: take nn.ReLU, or clamp with two numbers")
    return Made(Rearrangement("maximum", torch.maximum), (first, second))


def _mean(called: Called) -> Made:
    settings = called.settings(("dim", "keepdim"))
    dims = settings.get("dim")
    dims = (dims,) if isinstance(dims, int) else tuple(dims or ())
    if not dims or 0 in dims:
        raise RuleError(f"a {called.name} over the images mixes them; give it the dimensions of an image")
    kind = Total if called.name == "sum" else Mean
    return Made(kind(dims, keepdim=bool(settings.get("keepdim", False))), called.args[:1])


def _cat(called: Called) -> Made:
    settings = {**dict(zip(("tensors", "dim"), called.args, strict=False)), **called.kwargs}
    parts, dim = settings["tensors"], settings.get("dim", settings.get("axis", 0))
    if not all(map(called.is_tensor, parts)):
        raise RuleError("it joins what does not come from the images")
    return Made(Concatenation(dim), tuple(parts))


def _interpolate(called: Called) -> Made:
    names = "size", "scale_factor", "mode", "align_corners", "recompute_scale_factor", "antialias"
    settings = called.settings(names)
    args = called.args[0], settings.pop("size", None), settings.pop("scale_factor", None)
    return Made(Interpolation(**settings), args)


def _clamp(called: Called) -> Made:
    settings = called.settings(("min", "max"))
    low, high = settings.get("min"), settings.get("max")
    if low == 0 and high is None:
        return Made(nn.ReLU(), called.args[:1])
    if any(not isinstance(bound, int | float) for bound in (low, high)):
        raise RuleError("it is no activation: give it two numbers, or 0 as the lowest")
    return Made(_built(nn.Hardtanh, {"min_val": low, "max_val": high}), called.args[:1])


def _add(called: Called) -> Made:
    if called.kwargs.get("alpha", 1) != 1:
        raise RuleError("its alpha is not 1; multiply before")
    return _summed(called, 1)


def _sub(called: Called) -> Made:
    if called.kwargs.get("alpha", 1) != 1:
        raise RuleError("its alpha is not 1; multiply before")
    return _summed(called, -1)


def _summed(called: Called, sign: int) -> Made:
    first, second = called.args[:2]
    if called.is_tensor(first) and called.is_tensor(second):
        return Made(Sum((1, sign)), (first, second))
    if called.is_tensor(first):
        shift = sign * called.constant(_fixed(second))
        if not shift.any():
            return Made(nn.Identity(), (first,))
        return Made(Affine(torch.ones_like(shift), shift), (first,))
    shift = called.constant(_fixed(first))
    return Made(Affine(torch.full_like(shift, sign), shift), (second,))


def _neg(called: Called) -> Made:
    return Made(Affine(called.constant(-1)), called.args[:1])


def _mul(called: Called) -> Made:
    first, second = called.args[:2]
    if not called.is_tensor(second):
        return Made(Affine(called.constant(_fixed(second))), (first,))
    if not called.is_tensor(first):
        return Made(Affine(called.constant(_fixed(first))), (second,))
    ranks = called.gate_rank(first), called.gate_rank(second)
    if first is second or ranks[0] == ranks[1]:
        raise RuleError(
            "it multiplies two signals, and neither is a gate (a sigmoid or the like): no rule shares relevance out "
            "between them"
        )
    return Made(Gate(), (first, second) if ranks[1] > ranks[0] else (second, first))


def _div(called: Called) -> Made:
    first, second = called.args[:2]
    if called.is_tensor(second) or called.kwargs.get("rounding_mode"):
        raise RuleError("it divides by what depends on the images: no rule is known for that")
    return Made(Affine(1 / called.constant(_fixed(second))), (first,))


def _fixed(value: Any) -> Any:
    if isinstance(value, fx.Node):
        raise RuleError("it computes with the size of the images")
    return value


def _conv(called: Called) -> Made:
    settings = called.settings(("weight", "bias", "stride", "padding", "dilation", "groups"))
    weight, bias = _weights(settings)
    dims, groups = weight.ndim - 2, settings.pop("groups", 1)
    kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[dims]
    made = weight.shape[1] * groups, weight.shape[0], tuple(weight.shape[2:])
    layer = kind(*made, groups=groups, bias=bias is not None, device="meta", **settings)  # type: ignore[arg-type]
    return Made(_with(layer, weight=weight, bias=bias), called.args[:1])


def _linear(called: Called) -> Made:
    weight, bias = _weights(called.settings(("weight", "bias")))
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    return Made(_with(layer, weight=weight, bias=bias), called.args[:1])


def _batch_norm(called: Called) -> Made:
    names = "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"
    settings = called.settings(names)
    mean, var = settings.get("running_mean"), settings.get("running_var")
    if settings.get("training") or not isinstance(mean, Tensor) or not isinstance(var, Tensor):
        raise RuleError("it takes its statistics from the batch: images would explain each other")
    weight, bias = _norm_weights(settings)
    layer = nn.BatchNorm2d(len(mean), settings.get("eps", 1e-5), affine=weight is not None, device="meta")
    layer.running_mean, layer.running_var, layer.num_batches_tracked = mean, var, None
    return Made(_with(layer, weight=weight, bias=bias), called.args[:1])


def _layer_norm(called: Called) -> Made:
    settings = called.settings(("normalized_shape", "weight", "bias", "eps"))
    weight, bias = _norm_weights(settings)
    shape, eps = settings["normalized_shape"], settings.get("eps", 1e-5)
    layer = nn.LayerNorm(shape, eps, elementwise_affine=weight is not None, bias=bias is not None, device="meta")
    return Made(_with(layer, weight=weight, bias=bias), called.args[:1])


def _group_norm(called: Called) -> Made:
    settings = called.settings(("num_groups", "weight", "bias", "eps"))
    weight, bias = _norm_weights(settings)
    groups = settings["num_groups"]
    channels = groups if weight is None else len(weight)
    layer = nn.GroupNorm(groups, channels, settings.get("eps", 1e-5), affine=weight is not None, device="meta")
    return Made(_with(layer, weight=weight, bias=bias), called.args[:1])


def _norm_weights(settings: dict[str, Any]) -> tuple[Tensor | None, Tensor | None]:
    weight, bias = settings.get("weight"), settings.get("bias")
    if isinstance(weight, fx.Node) or isinstance(bias, fx.Node):
        raise RuleError("its weights depend on the images: no rule is known for that")
    return weight, bias


def _weights(settings: dict[str, Any]) -> tuple[Tensor, Tensor | None]:
    weight, bias = settings.pop("weight", None), settings.pop("bias", None)
    if not isinstance(weight, Tensor) or not (bias is None or isinstance(bias, Tensor)):
        raise RuleError("its weights depend on the images: no rule is known for that")
    return weight, bias


def _with(layer: nn.Module, **weights: Tensor | None) -> nn.Module:
    for name, value in weights.items():
        layer._parameters[name] = None if value is None else nn.Parameter(value.clone(), requires_grad=False)
    return layer


_MAKERS: tuple[tuple[Sequence[str], Callable[[Called], Made]], ...] = (
    (tuple(_AS_LAYERS), _as_layer),
    (("flatten",), _flatten),
    (_IDENTITIES, _identity),
    (_DROPOUTS, _dropout),
    (_MOVES, _move),
    (_LIKE_ANOTHER, _like_another),
    (("maximum", "max"), _maximum),
    (("mean", "sum"), _mean),
    (("cat", "concat", "concatenate"), _cat),
    (("interpolate",), _interpolate),
    (("clamp", "clip"), _clamp),
    (("add",), _add),
    (("sub", "subtract"), _sub),
    (("mul", "multiply"), _mul),
    (("div", "divide", "true_divide", "truediv"), _div),
    (("neg", "negative"), _neg),
    (("conv1d", "conv2d", "conv3d"), _conv),
    (("linear",), _linear),
    (("batch_norm",), _batch_norm),
    (("layer_norm",), _layer_norm),
    (("group_norm",), _group_norm),
)


def part_of(node: fx.Node, index: int) -> Rearrangement:
    """The part with this number of what a call splits a tensor into."""
    target = getattr(Tensor, node.target) if isinstance(node.target, str) else node.target
    assert callable(target)  # noqa: S101 (for the type checker)

    def part(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        parts: tuple[Tensor, ...] = target(x, *args, **kwargs)
        return parts[index]

    return Rearrangement(called_name(node), part)
