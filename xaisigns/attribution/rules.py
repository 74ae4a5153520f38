"""The propagation rules: how a layer hands relevance from its outputs to its inputs.

Each rule is a Captum ``PropagationRule`` bound to one layer of a canonized network. Captum hooks it into the forward
pass; there it puts a node into the graph whose backward is the rule, so that Captum's gradient call propagates
relevance. Definitions follow Zennit's, negative inputs included. ``x`` is the layer's input, ``z`` its output, ``r``
the relevance of the output; modified weights are made once, when a rule is bound.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from captum.attr._utils.lrp_rules import PropagationRule
from torch import Tensor, nn

from xaisigns.errors import RuleError

Bounds = tuple[Tensor, Tensor]


class LayerRule(PropagationRule):  # type: ignore[misc] # Captum is not typed
    """A rule on one layer. Subclasses say in ``relevance`` what becomes of the relevance."""

    def __init__(self, layer: nn.Module, stabilizer: float = 1e-6) -> None:
        self.layer = layer
        self.stabilizer = stabilizer

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:
        """Relevance of the input, in the shape of ``x``."""
        raise NotImplementedError

    def forward_hook(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:  # noqa: ARG002
        """Captum's place to hook a rule in: the same output, but its backward is the rule."""
        propagated: Tensor = _Propagation.apply(inputs[0], output.detach(), self)
        return propagated

    def _manipulate_weights(self, module: nn.Module, inputs: Any, outputs: Any) -> None:
        """Captum's hook for rules that change the layer; these rules do not."""


class _Propagation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, z: Tensor, rule: LayerRule) -> Tensor:
        ctx.save_for_backward(x, z)
        ctx.rule = rule
        return z.view_as(z)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        x, z = ctx.saved_tensors
        return ctx.rule.relevance(x, z, gradients[0]), None, None


class Pass(LayerRule):
    """Relevance goes through unchanged: for activations."""

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:  # noqa: ARG002
        return r


class Gradient(LayerRule):
    """Relevance follows the plain gradient: for max pooling (winner takes all) and flatten."""

    def forward_hook(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:  # noqa: ARG002
        return output


class Epsilon(LayerRule):
    """Each input's share of the output, ``x w / (z + epsilon sign z)`` [bach2015pixel]."""

    def __init__(self, layer: nn.Module, epsilon: float = 1e-6) -> None:
        super().__init__(layer, epsilon)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:
        share = r / stabilised(z, self.stabilizer)
        return x * _pulled_back(self.layer, x, lambda _: share)


class Norm(Epsilon):
    """The epsilon rule for a layer without weights: for average pooling."""

    def __init__(self, layer: nn.Module, stabilizer: float = 1e-6) -> None:
        super().__init__(layer, stabilizer)


class ZPlus(LayerRule):
    """Only what speaks for the output: weights of the sign of their input [montavon2017explaining]."""

    def __init__(self, layer: nn.Module, stabilizer: float = 1e-6) -> None:
        super().__init__(layer, stabilizer)
        self.positive = _modified(layer, lambda value: value.clamp(min=0))
        self.negative = _modified(layer, lambda value: value.clamp(max=0), bias=False)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:  # noqa: ARG002
        return _two_sided(self.positive, self.negative, x, r, self.stabilizer)


class Gamma(LayerRule):
    """Favours what agrees with the output's sign by ``gamma``; for inputs of either sign [andeol2021learning]."""

    def __init__(self, layer: nn.Module, gamma: float = 0.25, stabilizer: float = 1e-6) -> None:
        super().__init__(layer, stabilizer)
        raised, lowered = (
            (lambda value: value + gamma * value.clamp(min=0)),
            (lambda value: value + gamma * value.clamp(max=0)),
        )
        self.raised, self.raised_without_bias = _modified(layer, raised), _modified(layer, raised, bias=False)
        self.lowered, self.lowered_without_bias = (
            _modified(layer, lowered),
            _modified(layer, lowered, bias=False),
        )

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:
        result = _two_sided(self.raised, self.lowered_without_bias, x, r * (z > 0), self.stabilizer)
        below = r * (z < 0)
        # Before a ReLU nothing is relevant below zero: half of the work falls away, and nothing of the result.
        if bool(below.any()):
            result = result + _two_sided(self.lowered, self.raised_without_bias, x, below, self.stabilizer)
        return result


class Flat(LayerRule):
    """The same share for every input that an output sees, whatever weights and inputs are [lapuschkin2019unmasking]."""

    def __init__(self, layer: nn.Module, stabilizer: float = 1e-6) -> None:
        super().__init__(layer, stabilizer)
        self.ones = _modified(layer, torch.ones_like, bias=False)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:  # noqa: ARG002
        seen = self.ones(torch.ones_like(x[:1]))
        return _pulled_back(self.ones, x, lambda _: r / stabilised(seen, self.stabilizer))


class ZBox(LayerRule):
    """For pixels, which lie between ``low`` and ``high``: how far each is from its worst [montavon2017explaining]."""

    def __init__(self, layer: nn.Module, bounds: Bounds, stabilizer: float = 1e-6) -> None:
        super().__init__(layer, stabilizer)
        self.low, self.high = bounds
        self.positive = _modified(layer, lambda value: value.clamp(min=0))
        self.negative = _modified(layer, lambda value: value.clamp(max=0))

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:
        low, high = (bound.to(x).expand(1, *x.shape[1:]) for bound in (self.low, self.high))
        share = r / stabilised(z - self.positive(low) - self.negative(high), self.stabilizer)
        return (
            x * _pulled_back(self.layer, x, lambda _: share)
            - low * _pulled_back(self.positive, x, lambda _: share)
            - high * _pulled_back(self.negative, x, lambda _: share)
        )


def stabilised(z: Tensor, by: float) -> Tensor:
    """``z`` moved away from zero by ``by``; zero counts as positive."""
    # A tensor of z's own type, since 0.01 of float32 is not that of float64; and -0 + 0 is 0, which is positive.
    return z + torch.copysign(torch.tensor(by, dtype=z.dtype, device=z.device), z + 0)


def _two_sided(for_positive: nn.Module, for_negative: nn.Module, x: Tensor, r: Tensor, stabilizer: float) -> Tensor:
    """Shares by one set of weights where the input is positive and by another where it is negative."""
    if bool(x.min() >= 0):
        return x * _pulled_back(for_positive, x, lambda z: r / stabilised(z, stabilizer))
    above, below = x.clamp(min=0), x.clamp(max=0)
    share = r / stabilised(for_positive(above) + for_negative(below), stabilizer)
    return above * _pulled_back(for_positive, above, lambda _: share) + below * _pulled_back(
        for_negative, below, lambda _: share
    )


def _pulled_back(layer: nn.Module, x: Tensor, shares: Callable[[Tensor], Tensor]) -> Tensor:
    """What the layer's gradient makes of ``shares(layer(x))``."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        # forward, not a call: the layer of the network carries this very rule as a hook.
        z = layer.forward(leaf)
    (gradient,) = torch.autograd.grad(z, leaf, shares(z.detach()))
    return gradient


def _modified(layer: nn.Module, change: Callable[[Tensor], Tensor], *, bias: bool = True) -> nn.Conv2d | nn.Linear:
    """A copy of the layer with changed weights and bias, or without a bias."""
    if not isinstance(layer, nn.Conv2d | nn.Linear):
        raise RuleError(f"this rule needs a layer with weights (convolution or linear), got {type(layer).__name__}")
    changed = copy.deepcopy(layer)
    changed.weight = nn.Parameter(change(layer.weight.detach()), requires_grad=False)
    old = layer.bias
    changed.bias = nn.Parameter(change(old.detach()), requires_grad=False) if old is not None and bias else None
    return changed
