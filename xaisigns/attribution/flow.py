"""What a network's graph tells of its layers: which come first, which only feed gates, what signs values have."""

from collections.abc import Mapping

from torch import fx, nn

from xaisigns.attribution.layer_rule import LayerRule, Signs
from xaisigns.attribution.layers import (
    AVERAGES,
    GATES,
    MAXIMA,
    MOVES,
    UNCHANGED,
    WEIGHTED,
    Affine,
    Concatenation,
    Gate,
    Sum,
)
from xaisigns.attribution.network import Call, Network, calls
from xaisigns.attribution.rules import Gradient, Pass

_KEEP_VALUES = (*MAXIMA, *MOVES, *UNCHANGED, Concatenation)
_KEEP_SIGNS = (*_KEEP_VALUES, *AVERAGES, Gate, Sum)
_NONNEGATIVE = (nn.ReLU, nn.ReLU6, nn.Softplus, *GATES)


def first_layers(network: Network) -> set[str]:
    """The convolution and linear layers with none before them: one, but where a network branches at its input."""
    behind: set[fx.Node] = set()
    first = set()
    for call in calls(network):
        if any(one in behind for one in call.node.all_input_nodes):
            behind.add(call.node)
        elif isinstance(call.layer, WEIGHTED):
            first.add(call.name)
            behind.add(call.node)
    return first


def input_affines(network: Network) -> set[str]:
    """What is done to each pixel before the first layers, as by a network that normalises its images itself."""
    first = first_layers(network)
    before: set[fx.Node] = set()
    for call in reversed(list(calls(network))):
        users = [user for user in call.node.users if user.op == "call_module"]
        if users and all(user in before or str(user.target) in first for user in users):
            before.add(call.node)
    return {call.name for call in calls(network) if call.node in before and isinstance(call.layer, Affine)}


def gate_layers(network: Network) -> set[str]:
    """The layers whose values go to gates only, which get no relevance."""
    layers = {call.node: call.layer for call in calls(network)}
    found: dict[fx.Node, str] = {}
    for call in reversed(list(calls(network))):
        users = [user for user in call.node.users if user in layers or user.op == "output"]
        if users and all(user in found or _only_gates(call.node, user, layers.get(user)) for user in users):
            found[call.node] = call.name
    return set(found.values())


def signs_of(network: Network, kinds: Mapping[str, type[LayerRule]]) -> dict[str, Signs]:
    """What the neighbours of every layer tell of the signs of its input and of its relevance, under these rules."""
    order = list(calls(network))
    nonnegative = _nonnegative(order)
    users = {call.node: call for call in order}
    # Of the values between layers: has a zero no relevance, has nothing up to zero any?
    known: dict[str, tuple[bool, bool]] = {}
    for call in reversed(order):
        told = [_of_input(users[user], known, kinds) if user in users else (False, False) for user in call.node.users]
        spared, positive = zip(*told, strict=True) if told else ((False,), (False,))
        known[call.name] = all(spared), all(positive)
    return {
        call.name: Signs(all(nonnegative.get(node, False) for node in call.node.all_input_nodes), known[call.name][1])
        for call in order
    }


def _only_gates(node: fx.Node, user: fx.Node, layer: nn.Module | None) -> bool:
    return isinstance(layer, Gate) and user.args[0] is not node


def _nonnegative(order: list[Call]) -> dict[fx.Node, bool]:
    """Whether what a layer gives is nowhere negative."""
    known: dict[fx.Node, bool] = {}
    for _, layer, node in order:
        inputs = all(known.get(one, False) for one in node.all_input_nodes)
        known[node] = isinstance(layer, _NONNEGATIVE) or (inputs and _keeps_signs(layer))
    return known


def _keeps_signs(layer: nn.Module) -> bool:
    if isinstance(layer, Sum):
        return min(layer.signs) > 0
    return isinstance(layer, _KEEP_SIGNS) and (getattr(layer, "divisor_override", None) or 1) > 0


def _of_input(
    call: Call, known: Mapping[str, tuple[bool, bool]], kinds: Mapping[str, type[LayerRule]]
) -> tuple[bool, bool]:
    """What a layer makes known of the relevance that it gives to its input."""
    kind, (spared, positive) = kinds[call.name], known[call.name]
    follows = issubclass(kind, Gradient)
    if isinstance(call.layer, nn.ReLU) and issubclass(kind, Pass | Gradient):
        return (spared or follows,) * 2
    if isinstance(call.layer, _KEEP_VALUES) and follows:
        return spared, positive
    return kind.spares_zero, False
