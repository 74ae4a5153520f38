"""What values the first layers can see: pixels lie between two bounds, and layers before the first ones move these."""

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, fx, nn

from xaisigns.attribution.layers import AVERAGES, MAXIMA, MOVES, RESIZES, UNCHANGED, Affine, Concatenation
from xaisigns.attribution.network import Network, counted, given, nodes_of
from xaisigns.attribution.rules import Bounds
from xaisigns.base.bounds import shown
from xaisigns.errors import RuleError

# What gives the lowest and the highest value for the lowest and the highest, or the other way round.
_MONOTONE = (Affine, *MOVES, *UNCHANGED, *MAXIMA, *AVERAGES, *RESIZES, Concatenation)


def checked_bounds(bounds: Bounds | None, *, is_first: bool) -> Bounds:
    """The bounds of pixels for z_box on a layer. Raises RuleError for what are none, and for any but a first layer."""
    if not is_first:
        raise RuleError("z_box is for pixels, which only the first convolution or linear layer sees")
    if bounds is None:
        raise RuleError(
            "z_box needs bounds=(low, high), the lowest and the highest normalised pixel; give them, or another "
            "composite such as epsilon_plus_flat"
        )
    pair = bounds if isinstance(bounds, tuple | list) and len(bounds) == 2 else ()
    if not pair or not all(isinstance(bound, Tensor) and bound.is_floating_point() for bound in pair):
        raise RuleError(f"bounds must be two tensors of floats, (low, high), got {shown(bounds)}")
    low, high = pair
    try:
        sound = low.ndim <= 4 and high.ndim <= 4 and bool((low < high).all() and (high - low).isfinite().all())
    except RuntimeError:
        sound = False
    if not sound:
        raise RuleError("bounds must be finite, of shapes such as (1, 3, 1, 1), and low everywhere below high")
    return low, high


def refuse_unknown_bounds(network: Network, name: str) -> None:
    """Raise RuleError where the layers before a first layer give values whose bounds are not those of pixels moved."""
    known: set[fx.Node] = set()
    for node, layer in nodes_of(network):
        if node.op == "call_module" and node.target == name:
            unknown = [one for one in node.all_input_nodes if one not in known]
            if unknown:
                raise RuleError(
                    f"z_box needs to know the lowest and highest values that the layer sees, and {unknown[0].target!r} "
                    "before it gives others than pixels; give the layer another rule, such as w_square or flat"
                )
        elif node.op == "placeholder" or (_moves(layer) and known.issuperset(node.all_input_nodes)):
            known.add(node)


@torch.no_grad()
def seen_bounds(network: Network, names: Collection[str], bounds: Bounds, images: Tensor) -> dict[str, Bounds]:
    """The lowest and highest values, ``(1, ...)``, that each of these first layers can be given for such images."""
    pixels = tuple(bound.to(images).expand(1, *images.shape[1:]) for bound in bounds)
    values: dict[fx.Node, tuple[Any, Any]] = {}
    seen: dict[str, Bounds] = {}
    for node, layer in nodes_of(network):
        if node.op == "placeholder":
            values[node] = pixels[0], pixels[1]
        elif str(node.target) in names:
            seen[str(node.target)] = values[node.all_input_nodes[0]]
            if len(seen) == len(names):
                break
        elif _moves(layer) and node.op != "output" and values.keys() >= set(node.all_input_nodes):
            values[node] = _moved(node, layer, values)
    return seen


def _moves(layer: nn.Module | None) -> bool:
    """Whether bounds are known behind a layer where they are before it; those of sizes, which no layer gives, are."""
    return layer is None or isinstance(layer, _MONOTONE)


def _moved(node: fx.Node, layer: nn.Module | None, values: dict[fx.Node, tuple[Any, Any]]) -> tuple[Any, Any]:
    ends = []
    for end in (0, 1):
        args, kwargs = given(node, {one: pair[end] for one, pair in values.items()})
        ends.append(counted(node, args, kwargs) if layer is None else layer(*args, **kwargs))
    one, other = ends
    if not isinstance(one, Tensor):
        return one, other
    return torch.minimum(one, other), torch.maximum(one, other)
