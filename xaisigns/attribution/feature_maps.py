"""What Captum's methods need to know about a network's layers."""

from torch import Tensor, nn

from xaisigns.attribution.canonize import leaves
from xaisigns.errors import MethodError


def last_feature_maps(network: nn.Module) -> nn.Module:
    """The last convolution, or the ReLU right behind it: what the layers after it see of it.

    Raises MethodError for a network without a convolution.
    """
    layers = [layer for _, layer in leaves(network) if not isinstance(layer, nn.Identity)]
    places = [place for place, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)]
    if not places:
        raise MethodError("Grad-CAM needs a network with a convolution; this one has none")
    behind = layers[places[-1] + 1 : places[-1] + 2]
    return behind[0] if behind and isinstance(behind[0], nn.ReLU) else layers[places[-1]]


def with_copies(network: nn.Module) -> nn.Sequential:
    """The same layers with a copy before each ReLU and maximum, for DeepLIFT.

    Captum hooks a layer's backward into its input and output tensors. Where a maximum follows a ReLU that is one
    tensor, and the ReLU would receive what the maximum's rule has not yet changed. Raises MethodError for a maximum
    whose windows overlap, which its rule cannot take.
    """
    layers: list[nn.Module] = []
    for name, layer in leaves(network):
        if isinstance(layer, nn.MaxPool2d) and _overlapping(layer):
            raise MethodError(f"deep_lift needs max pooling with windows side by side; those of {name!r} overlap")
        layers += [_Copy(), layer] if isinstance(layer, nn.ReLU | nn.MaxPool2d) else [layer]
    return nn.Sequential(*layers)


class _Copy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


def _overlapping(layer: nn.MaxPool2d) -> bool:
    """Whether a value may be in two windows, as those with gaps are by reaching into each other."""
    sizes = layer.kernel_size, layer.stride, layer.dilation
    both = [(size, size) if isinstance(size, int) else size for size in sizes]
    return any(window > 1 and (window > stride or gap > 1) for window, stride, gap in zip(*both, strict=True))
