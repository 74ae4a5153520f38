"""What Captum's methods need to know about a network's layers."""

from torch import Tensor, nn

from xaisigns.attribution.layers import (
    AVERAGES,
    MAXIMA,
    MOVES,
    RESIZES,
    UNCHANGED,
    WEIGHTED,
    Affine,
    Concatenation,
    Sum,
)
from xaisigns.attribution.network import Network, calls, graph_of, leaves
from xaisigns.errors import MethodError

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
# What makes a vector of maps, and what may be between it and the maps.
_OF_MAPS = (*AVERAGES, *MAXIMA, nn.Flatten)
_BETWEEN = (*_OF_MAPS, *MOVES, *UNCHANGED)
# Those whose rules Captum's DeepLIFT has; it would take the others for linear.
_LINEAR = (*WEIGHTED, *AVERAGES, *MOVES, *RESIZES, *UNCHANGED, Affine, Concatenation, Sum)
_DEEP_LIFTED = (
    nn.ReLU,
    nn.ELU,
    nn.LeakyReLU,
    nn.Sigmoid,
    nn.Tanh,
    nn.Softplus,
    nn.MaxPool1d,
    nn.MaxPool2d,
    nn.MaxPool3d,
)


def last_feature_maps(network: Network) -> nn.Module:
    """The layer whose maps the head of a network pools or flattens: the last convolution, or what belongs to it.

    That is an activation, a sum with a branch, a concatenation. Raises MethodError for a network without a convolution.
    """
    layers = {call.node: call.layer for call in calls(network)}
    convolutions = [layer for layer in layers.values() if isinstance(layer, _CONVOLUTIONS)]
    if not convolutions:
        raise MethodError("Grad-CAM needs a network with a convolution; this one has none")
    node, behind = list(layers)[-1], None
    while node in layers:
        layer = layers[node]
        if isinstance(layer, _OF_MAPS):
            behind = node
        if isinstance(layer, _CONVOLUTIONS) or len(node.all_input_nodes) != 1:
            break
        node = node.all_input_nodes[0]
    if behind is None:
        return convolutions[-1]
    node = behind
    while node in layers and isinstance(layers[node], _BETWEEN):
        node = node.all_input_nodes[0]
    return layers.get(node, convolutions[-1])


def with_copies(network: Network) -> Network:
    """The same layers with a copy before each that is not linear, for DeepLIFT.

    Captum hooks a layer's backward into its input and output tensors. Where a maximum follows a ReLU that is one
    tensor, and the ReLU would receive what the maximum's rule has not yet changed. Raises MethodError for a layer that
    Captum has no rule for, and for a maximum whose windows overlap, which its rule cannot take.
    """
    graph, layers = graph_of(network), leaves(network)
    for node in list(graph.nodes):
        layer = layers.get(str(node.target)) if node.op == "call_module" else None
        if layer is None or isinstance(layer, _LINEAR):
            continue
        name = str(node.target)
        if not isinstance(layer, _DEEP_LIFTED):
            raise MethodError(f"deep_lift has no rule for layer {name!r} of type {type(layer).__name__}")
        if isinstance(layer, nn.MaxPool2d) and _overlapping(layer):
            raise MethodError(f"deep_lift needs max pooling with windows side by side; those of {name!r} overlap")
        copy = f"{name}_copied_input"
        layers[copy] = _Copy()
        with graph.inserting_before(node):
            node.args = (graph.call_module(copy, node.args[:1]), *node.args[1:])
    return Network(graph, layers)


class _Copy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


def _overlapping(layer: nn.MaxPool2d) -> bool:
    """Whether a value may be in two windows, as those with gaps are by reaching into each other."""
    sizes = layer.kernel_size, layer.stride, layer.dilation
    both = [(size, size) if isinstance(size, int) else size for size in sizes]
    return any(window > 1 and (window > stride or gap > 1) for window, stride, gap in zip(*both, strict=True))
