"""A canonized network: layers with names, and the graph that says what each of them is given."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from torch import Tensor, fx, nn


class Change(NamedTuple):
    """What canonization does to a layer.

    "folded" into another, made to work "out_of_place", "made_layer" of a function that the network calls, or of a
    BatchNorm that could not be folded "made_affine".
    """

    kind: Literal["folded", "out_of_place", "made_layer", "made_affine"]
    into: str | None = None


class Call(NamedTuple):
    """A layer's place in a network: its name, the layer, and its node in the graph."""

    name: str
    layer: nn.Module
    node: fx.Node


class Network(nn.Module):
    """Layers without children, by name, run as a graph says.

    Each node of the graph that is no input or output calls a layer (``call_module``, by its name), or counts with
    sizes. What is known of a network is told by the functions of this module, since an attribute of any name may be a
    layer of the caller's. ``types`` are the names of the layers' types before canonization, ``changes`` what it did.
    """

    def __init__(
        self,
        graph: fx.Graph,
        layers: Mapping[str, nn.Module],
        types: Mapping[str, str] | None = None,
        changes: Mapping[str, Change] | None = None,
    ) -> None:
        super().__init__()
        names = [str(node.target) for node in graph.nodes if node.op == "call_module"]
        self._graph = graph
        self._layers = {name: layers[name] for name in names}
        self._types = {name: kind for name, kind in (types or {}).items() if name in self._layers}
        self._changes = {name: change for name, change in (changes or {}).items() if name in self._layers}
        for name, layer in self._layers.items():
            self._place(name, layer)
        self._is_of_one_size = False
        self._plan = [(node, self._layers.get(str(node.target)), done) for node, done in _last_uses(graph)]
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(N, classes)`` of images."""
        values: dict[fx.Node, Any] = {}
        for node, layer, done in self._plan:
            if node.op == "placeholder":
                values[node] = images
            else:
                args, kwargs = given(node, values)
                values[node] = counted(node, args, kwargs) if layer is None else layer(*args, **kwargs)
            for one in done:
                del values[one]
        (logits,) = values.values()
        return logits  # type: ignore[no-any-return]

    def _place(self, name: str, layer: nn.Module) -> None:
        *parents, key = name.split(".")
        home: nn.Module = self
        for parent in parents:
            home = home._modules.setdefault(parent, nn.Module())  # type: ignore[assignment]
        home._modules[key] = layer


def leaves(network: Network) -> dict[str, nn.Module]:
    """The layers by name, in the order of the forward pass."""
    return dict(network._layers)


def calls(network: Network) -> Iterator[Call]:
    """The layers with their nodes, in the order of the forward pass."""
    for node in network._graph.nodes:
        if node.op == "call_module":
            yield Call(str(node.target), network._layers[str(node.target)], node)


def nodes_of(network: Network) -> Iterator[tuple[fx.Node, nn.Module | None]]:
    """All nodes in the order of the forward pass, with the layer that one calls."""
    for node, layer, _ in network._plan:
        yield node, layer


def changes_of(network: Network) -> dict[str, Change]:
    """What canonization did, by layer name; a layer that stayed as it was is not there."""
    return dict(network._changes)


def types_of(network: Network) -> dict[str, str]:
    """The name of every layer's type as the caller has it; for one made of a function, of its own."""
    return {name: network._types.get(name, type(layer).__name__) for name, layer in network._layers.items()}


def of_one_size(network: Network) -> Network:
    """The network, marked as what its module does with images of one size; it may do another thing with others."""
    network._is_of_one_size = True
    return network


def is_of_one_size(network: Network) -> bool:
    """Whether the module has to be asked about images of each further size."""
    return network._is_of_one_size


def graph_of(network: Network) -> fx.Graph:
    """A copy of the graph, to be changed and made a network again; nodes have their names."""
    graph = fx.Graph()
    graph.output(graph.graph_copy(network._graph, {}))
    return graph


def followed_by(network: Network, name: str, layer: nn.Module) -> Network:
    """A network of the same layers, with another behind the last."""
    graph = graph_of(network)
    (output,) = (node for node in graph.nodes if node.op == "output")
    with graph.inserting_before(output):
        output.args = (graph.call_module(name, output.args),)
    return Network(graph, {**network._layers, name: layer})


def given(node: fx.Node, values: Mapping[fx.Node, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a node is called with."""
    args = fx.map_arg(node.args, values.__getitem__)
    return args, fx.map_arg(node.kwargs, values.__getitem__) if node.kwargs else {}


def counted(node: fx.Node, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """What a node gives that calls no layer: a size, a number made of sizes, or at the end the output."""
    if node.op == "output":
        return args[0]
    if node.op == "call_method":
        return getattr(args[0], str(node.target))(*args[1:], **kwargs)
    assert callable(node.target)  # noqa: S101 (for the type checker: a call_function has one)
    return node.target(*args, **kwargs)


def _last_uses(graph: fx.Graph) -> list[tuple[fx.Node, list[fx.Node]]]:
    """Every node, with those whose values nobody needs after it."""
    seen: set[fx.Node] = set()
    plan = []
    for node in reversed(graph.nodes):
        done = [one for one in node.all_input_nodes if one not in seen]
        if not node.users and node.op != "output":
            done.append(node)
        seen.update(done)
        plan.append((node, done))
    return plan[::-1]
