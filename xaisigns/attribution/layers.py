"""The layers that functions become, and what kinds of layers there are."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Sum(nn.Module):
    """The sum of tensors of shapes that broadcast, each with its sign."""

    def __init__(self, signs: Sequence[int] = (1, 1)) -> None:
        super().__init__()
        self.signs = tuple(signs)

    def forward(self, *summands: Tensor) -> Tensor:
        """Their sum."""
        first, *others = (value if sign > 0 else -value for value, sign in zip(summands, self.signs, strict=True))
        total = first
        for value in others:
            total = total + value
        return total

    def extra_repr(self) -> str:  # noqa: D102 (nn.Module's)
        return f"signs={self.signs}"


class Concatenation(nn.Module):
    """Tensors side by side along a dimension."""

    def __init__(self, dim: int = 1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *parts: Tensor) -> Tensor:
        """One tensor of them."""
        return torch.cat(parts, self.dim)

    def extra_repr(self) -> str:  # noqa: D102 (nn.Module's)
        return f"dim={self.dim}"


class Gate(nn.Module):
    """A signal times what lets more or less of it pass, as squeeze-and-excitation has it."""

    def forward(self, signal: Tensor, gate: Tensor) -> Tensor:
        """Their product."""
        return signal * gate


class Affine(nn.Module):
    """Each value times a weight plus a bias: what BatchNorm does in eval mode, and arithmetic with fixed numbers.

    Both broadcast to the values; where they are ``per_channel``, ``(C,)`` of them, from the second dimension on.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, *, per_channel: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
        self.per_channel = per_channel

    def forward(self, x: Tensor) -> Tensor:
        """``x * weight + bias``."""
        scaled = x * self._fitting(self.weight, x)
        return scaled if self.bias is None else scaled + self._fitting(self.bias, x)

    def _fitting(self, value: Tensor, x: Tensor) -> Tensor:
        return value.reshape(-1, *[1] * (x.ndim - 2)) if self.per_channel else value


class Mean(nn.Module):
    """The mean over dimensions."""

    def __init__(self, dims: Sequence[int], *, keepdim: bool = False) -> None:
        super().__init__()
        self.dims, self.keepdim = tuple(dims), keepdim

    def forward(self, x: Tensor) -> Tensor:
        """``x`` with these dimensions of size 1, or without them."""
        return x.mean(self.dims, keepdim=self.keepdim)

    def extra_repr(self) -> str:  # noqa: D102 (nn.Module's)
        return f"dims={self.dims}, keepdim={self.keepdim}"


class Total(Mean):
    """The sum over dimensions."""

    def forward(self, x: Tensor) -> Tensor:
        """``x`` with these dimensions of size 1, or without them."""
        return x.sum(self.dims, keepdim=self.keepdim)


class Rearrangement(nn.Module):
    """The same values elsewhere, some left out or repeated: view, permute, chunk, pad, maximum and the like."""

    def __init__(self, name: str, move: Callable[..., Tensor]) -> None:
        super().__init__()
        self.name, self._move = name, move

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """``x`` rearranged; more arguments are sizes."""
        return self._move(x, *args, **kwargs)

    def extra_repr(self) -> str:  # noqa: D102 (nn.Module's)
        return self.name


class Interpolation(nn.Module):
    """A larger or smaller image, each pixel a mean of some of the given ones."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.settings = settings

    def forward(self, x: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
        """``x`` in another size."""
        return functional.interpolate(x, size, scale_factor, **self.settings)

    def extra_repr(self) -> str:  # noqa: D102 (nn.Module's)
        return ", ".join(f"{key}={value}" for key, value in self.settings.items())


CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
# What rules by index count, and what "the first layer" is one of.
WEIGHTED = (*CONVOLUTIONS, nn.Linear)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
# Statistics of the image itself, in training or not.
NORMS = (nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
ACTIVATIONS = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.CELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Hardswish,
    nn.Softplus,
    nn.Hardtanh,
    nn.Tanh,
)
# Between 0 and 1: what a signal is multiplied with; as a signal they say little, and have no rule.
GATES = (nn.Sigmoid, nn.Hardsigmoid)
MAXIMA = (
    nn.MaxPool1d,
    nn.MaxPool2d,
    nn.MaxPool3d,
    nn.AdaptiveMaxPool1d,
    nn.AdaptiveMaxPool2d,
    nn.AdaptiveMaxPool3d,
)
AVERAGES = (
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AvgPool3d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveAvgPool3d,
    Mean,
)
UNCHANGED = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
MOVES = (
    nn.Flatten,
    nn.Unflatten,
    nn.PixelShuffle,
    nn.PixelUnshuffle,
    nn.ChannelShuffle,
    nn.ZeroPad1d,
    nn.ZeroPad2d,
    nn.ZeroPad3d,
    nn.ReflectionPad2d,
    nn.ReplicationPad2d,
    nn.CircularPad2d,
    Rearrangement,
)
RESIZES = (nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d, Interpolation)
# All that have one input.
SINGLE = (
    *WEIGHTED,
    Affine,
    *BATCH_NORMS,
    *NORMS,
    *ACTIVATIONS,
    *GATES,
    *MAXIMA,
    *AVERAGES,
    *UNCHANGED,
    *MOVES,
    *RESIZES,
)
# The layers of torch's that are taken as they are; BatchNorm is folded or becomes an Affine.
SUPPORTED = tuple(kind for kind in SINGLE if kind.__module__.startswith("torch."))
