"""What sizes a network's values have, without computing them: on torch's device of no numbers."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.parametrize import is_parametrized, type_before_parametrizations

from xaisigns.attribution.effective_weights import effective_weights
from xaisigns.attribution.network import counted, given

# Sides of a square image that a network may have been built for, the usual ones first.
SIDES = tuple(dict.fromkeys((32, 64, 28, 224, 96, 128, 227, 299, *range(1, 257))))
_USUAL = SIDES[:8]


def on_meta(layer: nn.Module) -> nn.Module:
    """The layer with weights that have a shape and no numbers."""
    made = is_parametrized(layer) or "weight" in vars(layer)
    weights: Mapping[str, Tensor | None] = effective_weights(layer) if made else layer._parameters
    shape: nn.Module = object.__new__(type_before_parametrizations(layer))
    vars(shape).update(vars(layer))
    for key in ("forward", *weights):
        vars(shape).pop(key, None)
    shape._parameters = {key: None if weight is None else _empty(weight) for key, weight in weights.items()}
    shape._buffers = {key: None if buffer is None else buffer.to("meta") for key, buffer in layer._buffers.items()}
    return shape


def condition(node: fx.Node, layers: Mapping[str, nn.Module], constants: Mapping[str, Tensor]) -> bool | None:
    """What a condition on sizes in a recorded graph is for images of a usual size; None for one on values."""
    channels: Any = next((layer.in_channels for layer in layers.values() if hasattr(layer, "in_channels")), 3)
    needed = _needed_for(node)
    for side in _USUAL:
        values: dict[fx.Node, Any] = {}
        # A size that the network does not take, or a condition on numbers that there are none of.
        with suppress(RuntimeError, ValueError, IndexError, TypeError), torch.no_grad():
            for one in needed:
                if one.op == "placeholder":
                    values[one] = torch.empty(2, channels, side, side, device="meta")
                elif one.op == "get_attr":
                    values[one] = constants[str(one.target)].to("meta")
                else:
                    args, kwargs = given(one, values)
                    layer = on_meta(layers[str(one.target)]) if one.op == "call_module" else None
                    values[one] = counted(one, args, kwargs) if layer is None else layer(*args, **kwargs)
            return bool(values[node])
    return None


def _needed_for(node: fx.Node) -> list[fx.Node]:
    """A node and all that it is made of, in the order of the graph."""
    found, left = {node}, [node]
    while left:
        for one in left.pop().all_input_nodes:
            if one not in found:
                found.add(one)
                left.append(one)
    return [one for one in node.graph.nodes if one in found]


def _empty(weight: Tensor) -> nn.Parameter:
    return nn.Parameter(torch.empty(weight.shape, device="meta"), requires_grad=False)
