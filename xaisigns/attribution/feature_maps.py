"""What Captum's methods need to know about a network's layers."""

from torch import Tensor, nn

from xaisigns.attribution.layers import (
    ACTIVATIONS,
    AVERAGES,
    MOVES,
    NORMS,
    RESIZES,
    UNCHANGED,
    WEIGHTED,
    Affine,
    Concatenation,
    Gate,
    Sum,
)
from xaisigns.attribution.network import Network, calls, graph_of, leaves
from xaisigns.errors import MethodError

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
# What comes behind a convolution and belongs to it; then something else makes other maps of these.
_BEHIND = (*ACTIVATIONS, *NORMS, *UNCHANGED, Affine, Concatenation, Gate, Sum)
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
    """The last convolution, or what is behind it: BatchNorm, activation, sum with a branch, concatenation.

    Raises MethodError for a network without a convolution.
    """
    order = {call.node: call for call in calls(network)}
    convolutions = [call for call in order.values() if isinstance(call.layer, _CONVOLUTIONS)]
    if not convolutions:
        raise MethodError("Grad-CAM needs a network with a convolution; this one has none")
    last = found = convolutions[-1]
    while len(found.node.users) == 1:
        following = order.get(next(iter(found.node.users)))
        if following is None or not isinstance(following.layer, _BEHIND):
            break
        found = following
        last = last if isinstance(found.layer, UNCHANGED) else found
    return last.layer


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
