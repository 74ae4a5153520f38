"""The propagation rules: how a layer hands relevance from its outputs to its inputs.

Each rule is a Captum ``PropagationRule`` bound to one layer of a canonized network. Captum hooks it into the forward
pass; there it puts a node into the graph whose backward is the rule, so that Captum's gradient call propagates
relevance. Definitions follow Zennit's, negative inputs included. ``x`` is the layer's input, ``z`` its output, ``r``
the relevance of the output; modified weights are made once, when a rule is bound, and only those that will be read.
A rule knows its layer and no layer its rule, so that an explainer is gone with its last user.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.grad import conv2d_input

from xaisigns.attribution.captum_lrp import PropagationRule
from xaisigns.attribution.layers import (
    ACTIVATIONS,
    NORMS,
    SINGLE,
    UNCHANGED,
    WEIGHTED,
    Affine,
    Gate,
    Sum,
)
from xaisigns.attribution.options import Factor, Stabilizer
from xaisigns.base.plugins import is_of_package
from xaisigns.errors import RuleError, XaisignsError

Bounds = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Signs:
    """What is known of a layer from its neighbours: half of the work falls away, and nothing of the result.

    ``input_nonnegative``: its input comes from a ReLU. ``relevance_above_zero``: it goes into a ReLU, and the rule
    behind that hands relevance only to inputs other than zero; so none reaches an output up to zero.
    """

    input_nonnegative: bool = False
    relevance_above_zero: bool = False


_NO_SIGNS = Signs()


class LayerRule(PropagationRule):  # type: ignore[misc] # Captum is not typed
    """A rule on one layer: a subclass says in ``relevance`` what becomes of the relevance.

    Parameters of its constructor with a number as default are the rule's; ``signs`` is handed on. What ``relevance``
    needs of the layer, such as changed weights, is made in the constructor, once.
    """

    # Whether an input of zero gets no relevance: true of every rule that multiplies by the input.
    spares_zero = True
    # The layers that the rule can be on, and how they are called.
    fits: tuple[type[nn.Module], ...] = (*WEIGHTED, Affine)
    needs = "a layer with weights (convolution or linear)"

    def __init__(self, layer: nn.Module, stabilizer: Stabilizer = 1e-6, *, signs: Signs = _NO_SIGNS) -> None:
        if not isinstance(layer, self.fits):
            raise RuleError(f"this rule needs {self.needs}, got {type(layer).__name__}")
        self.layer = layer
        self.stabilizer = stabilizer
        self.signs = signs
        # Where to note what the layer received and passed on, while somebody keeps a ledger.
        self.record: dict[LayerRule, tuple[Tensor, Tensor]] | None = None

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:
        """Relevance of the input, in the shape of ``x``, from the relevance ``r`` of the output ``z``."""
        raise NotImplementedError

    def shared_out(self, inputs: tuple[Tensor, ...], z: Tensor, r: Tensor) -> tuple[Tensor | None, ...]:
        """Relevance of every input, of a layer that has several, too; None for one that gets none."""
        return (self.relevance(inputs[0], z, r),)

    def modified(self, change: Callable[[Tensor], Tensor], *, bias: bool = True) -> nn.Module:
        """A copy of the layer with changed weights and bias, or without a bias.

        Raises RuleError where the changed weights are not finite.
        """
        return _modified(self.layer, change, bias=bias)

    def stabilised(self, z: Tensor) -> Tensor:
        """``z`` moved away from zero by the rule's stabiliser, to divide by; zero counts as positive."""
        return stabilised(z, self.stabilizer)

    @staticmethod
    def pulled_back(layer: nn.Module, x: Tensor, share: Tensor) -> Tensor:
        """What the gradient of the layer or a modified one makes of ``share``, in the shape of ``x``: a new tensor."""
        return _pulled_back(layer, x, share)

    def forward_hook(self, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:  # noqa: ARG002
        """Captum's place to hook a rule in: the same output, but its backward is the rule."""
        propagated: Tensor = _Propagation.apply(output.detach(), self, *inputs)
        return propagated

    def _manipulate_weights(self, module: nn.Module, inputs: Any, outputs: Any) -> None:
        """Captum's hook for rules that change the layer; these rules do not."""


class _Propagation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, rule: LayerRule, *inputs: Tensor) -> Tensor:
        ctx.save_for_backward(z, *inputs)
        ctx.rule = rule
        return z.view_as(z)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        z, *inputs = ctx.saved_tensors
        received = gradients[0]
        passed = _shared_out(ctx.rule, tuple(inputs), z, received)
        if ctx.rule.record is not None:
            sums = [_row_sums(part) for part in passed if part is not None]
            ctx.rule.record[ctx.rule] = (_row_sums(received), sum(sums[1:], sums[0]))
        return None, None, *passed


def _row_sums(relevance: Tensor) -> Tensor:
    return relevance.flatten(1).sum(dim=1)


def _shared_out(rule: LayerRule, inputs: tuple[Tensor, ...], z: Tensor, received: Tensor) -> tuple[Tensor | None, ...]:
    """What a rule gives; one of the caller's is named where it fails or gives anything but relevance of the input."""
    if is_of_package(type(rule)):
        return rule.shared_out(inputs, z, received)
    name = type(rule).__name__
    try:
        passed = rule.shared_out(inputs, z, received)
    except XaisignsError:
        raise
    except Exception as error:
        raise RuleError(f"rule {name} failed: {type(error).__name__}: {error}; mend its relevance") from error
    for part, x in zip(passed, inputs, strict=True):
        came = tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__
        if came != tuple(x.shape):
            raise RuleError(
                f"rule {name} gave {came}, wanted the shape of its input {tuple(x.shape)}; mend its relevance"
            )
    return passed


class Pass(LayerRule):
    """Relevance goes through unchanged: for activations, and for normalisations, whose statistics are held."""

    spares_zero = False
    fits = (*ACTIVATIONS, *UNCHANGED, *NORMS, Affine)
    needs = "a layer that gives each value of its input another (an activation, a normalisation, Identity)"

    def __init__(self, layer: nn.Module, *, signs: Signs = _NO_SIGNS) -> None:
        super().__init__(layer, signs=signs)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:  # noqa: ARG002
        return r


class Gradient(LayerRule):
    """Relevance follows the plain gradient: for max pooling (winner takes all) and flatten."""

    spares_zero = False
    fits = (nn.Module,)

    def __init__(self, layer: nn.Module, *, signs: Signs = _NO_SIGNS) -> None:
        super().__init__(layer, signs=signs)


class Epsilon(LayerRule):
    """Each input's share of the output, ``x w / (z + epsilon sign z)`` [bach2015pixel]."""

    fits = SINGLE
    needs = "a layer with one input"

    def __init__(self, layer: nn.Module, epsilon: Stabilizer = 1e-6, *, signs: Signs = _NO_SIGNS) -> None:
        super().__init__(layer, epsilon, signs=signs)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:
        return self.pulled_back(self.layer, x, r / self.stabilised(z)).mul_(x)


class Norm(Epsilon):
    """The epsilon rule for what has no weights: averages, and sums, where it is a summand's share of the sum."""

    fits = (*SINGLE, Sum)
    needs = "a layer with one input, or a sum"

    def __init__(self, layer: nn.Module, stabilizer: Stabilizer = 1e-6, *, signs: Signs = _NO_SIGNS) -> None:
        super().__init__(layer, stabilizer, signs=signs)

    def shared_out(self, inputs: tuple[Tensor, ...], z: Tensor, r: Tensor) -> tuple[Tensor | None, ...]:
        if not isinstance(self.layer, Sum):
            return super().shared_out(inputs, z, r)
        share = r / self.stabilised(z)
        shares = (share if sign > 0 else -share for sign in self.layer.signs)
        return tuple(_like(share * summand, summand) for share, summand in zip(shares, inputs, strict=True))


class Magnitudes(LayerRule):
    """A summand's share by its magnitude, ``|x| / sum |x|``: none gets more than there is."""

    fits = (Sum,)
    needs = "a sum"

    def shared_out(self, inputs: tuple[Tensor, ...], z: Tensor, r: Tensor) -> tuple[Tensor | None, ...]:
        sizes = [summand.abs().expand(z.shape) for summand in inputs]
        share = r / self.stabilised(sum(sizes[1:], sizes[0]))
        return tuple(_like(share * size, summand) for size, summand in zip(sizes, inputs, strict=True))


class Signal(LayerRule):
    """All to the signal, none to the gate [arras2017explaining]."""

    spares_zero = False
    fits = (Gate,)
    needs = "a gate"

    def __init__(self, layer: nn.Module, *, signs: Signs = _NO_SIGNS) -> None:
        super().__init__(layer, signs=signs)

    def shared_out(self, inputs: tuple[Tensor, ...], z: Tensor, r: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ARG002
        return _like(r, inputs[0]), None


def _like(relevance: Tensor, x: Tensor) -> Tensor:
    """Relevance in the shape of an input that broadcast."""
    return relevance if relevance.shape == x.shape else relevance.sum_to_size(x.shape)


class _TwoSided(LayerRule):
    """Shares by one set of weights where the input is positive and by another where it is negative."""

    def _without_bias(self, changed: nn.Module) -> nn.Module | None:
        """The same weights for negative inputs, None where there are no such inputs."""
        return None if self.signs.input_nonnegative else _modified(changed, lambda weights: weights, bias=False)

    def _shares(self, for_positive: nn.Module, for_negative: nn.Module | None, x: Tensor, r: Tensor) -> Tensor:
        if for_negative is None:
            share = r / self.stabilised(for_positive(x))
            return self.pulled_back(for_positive, x, share).mul_(x)
        above, below = x.clamp(min=0), x.clamp(max=0)
        share = r / self.stabilised(for_positive(above) + for_negative(below))
        of_above, of_below = self.pulled_back(for_positive, x, share), self.pulled_back(for_negative, x, share)
        return of_above.mul_(above).add_(of_below.mul_(below))


class ZPlus(_TwoSided):
    """Only what speaks for the output: weights of the sign of their input [montavon2017explaining]."""

    def __init__(self, layer: nn.Module, stabilizer: Stabilizer = 1e-6, *, signs: Signs = _NO_SIGNS) -> None:
        super().__init__(layer, stabilizer, signs=signs)
        self.positive = self.modified(_positive)
        self.negative = None if signs.input_nonnegative else self.modified(_negative, bias=False)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:  # noqa: ARG002
        return self._shares(self.positive, self.negative, x, r)


class AlphaBeta(_TwoSided):
    """What speaks for the output times ``alpha`` less what speaks against it times ``beta`` [bach2015pixel]."""

    def __init__(
        self,
        layer: nn.Module,
        alpha: Factor = 2.0,
        beta: Factor = 1.0,
        stabilizer: Stabilizer = 1e-6,
        *,
        signs: Signs = _NO_SIGNS,
    ) -> None:
        super().__init__(layer, stabilizer, signs=signs)
        if min(alpha, beta) < 0 or abs(alpha - beta - 1) > 1e-9:
            raise RuleError(f"alpha and beta must not be negative and alpha - beta must be 1, got {alpha} and {beta}")
        self.alpha, self.beta = alpha, beta
        self.positive, self.negative = self.modified(_positive), self.modified(_negative)
        self.positive_without_bias = self._without_bias(self.positive)
        self.negative_without_bias = self._without_bias(self.negative)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:  # noqa: ARG002
        result = self._shares(self.positive, self.negative_without_bias, x, r).mul_(self.alpha)
        if self.beta:
            result -= self._shares(self.negative, self.positive_without_bias, x, r).mul_(self.beta)
        return result


class Gamma(_TwoSided):
    """Favours what agrees with the output's sign by ``gamma``; for inputs of either sign [andeol2021learning]."""

    def __init__(
        self, layer: nn.Module, gamma: Factor = 0.25, stabilizer: Stabilizer = 1e-6, *, signs: Signs = _NO_SIGNS
    ) -> None:
        super().__init__(layer, stabilizer, signs=signs)
        self.raised = self.modified(lambda weights: weights + gamma * _positive(weights))
        self.raised_without_bias = self._without_bias(self.raised)
        # Negative outputs go by the lowered weights, and so do negative inputs of positive ones.
        self.lowered = self.lowered_without_bias = None
        if not (signs.relevance_above_zero and signs.input_nonnegative):
            self.lowered = self.modified(lambda weights: weights + gamma * _negative(weights))
            self.lowered_without_bias = self._without_bias(self.lowered)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:
        if self.lowered is None or self.signs.relevance_above_zero:
            return self._shares(self.raised, self.lowered_without_bias, x, r)
        result = self._shares(self.raised, self.lowered_without_bias, x, r * (z > 0))
        result += self._shares(self.lowered, self.raised_without_bias, x, r * (z < 0))
        return result


class Flat(LayerRule):
    """The same share for every input that an output sees, whatever weights and inputs are [lapuschkin2019unmasking]."""

    spares_zero = False

    def __init__(self, layer: nn.Module, stabilizer: Stabilizer = 1e-6, *, signs: Signs = _NO_SIGNS) -> None:
        super().__init__(layer, stabilizer, signs=signs)
        self.changed = self.modified(torch.ones_like, bias=False)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:  # noqa: ARG002
        seen = self.changed(torch.ones_like(x[:1]))
        return self.pulled_back(self.changed, x, r / self.stabilised(seen))


class WSquare(Flat):
    """A share by the squared weight, whatever the inputs are: for inputs without bounds [montavon2017explaining]."""

    def __init__(self, layer: nn.Module, stabilizer: Stabilizer = 1e-6, *, signs: Signs = _NO_SIGNS) -> None:
        super().__init__(layer, stabilizer, signs=signs)
        self.changed = self.modified(torch.square)


class ZBox(LayerRule):
    """For pixels, which lie between ``low`` and ``high``: how far each is from its worst [montavon2017explaining]."""

    spares_zero = False
    fits = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
    needs = "a convolution or linear layer"

    def __init__(
        self, layer: nn.Module, bounds: Bounds, stabilizer: Stabilizer = 1e-6, *, signs: Signs = _NO_SIGNS
    ) -> None:
        super().__init__(layer, stabilizer, signs=signs)
        self.low, self.high = bounds
        self.positive, self.negative = self.modified(_positive), self.modified(_negative)
        # Both side by side, within each group of a grouped convolution: one pass over the relevance in place of two.
        self.both = self.modified(lambda w: torch.cat((_positive(w), _negative(w)), dim=1), bias=False)
        self.groups = getattr(layer, "groups", 1)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:
        low, high = (bound.to(x).expand(1, *x.shape[1:]) for bound in (self.low, self.high))
        share = r / self.stabilised(z - self.positive(low) - self.negative(high))
        # The layer's own weights are the positive and the negative ones together: they need no pass of their own.
        distances = [(x - bound).unflatten(1, (self.groups, -1)) for bound in (low, high)]
        paired = torch.cat(distances, dim=2).flatten(1, 2)
        shares = self.pulled_back(self.both, paired, share).mul_(paired)
        summed: Tensor = shares.unflatten(1, (self.groups, 2, -1)).sum(dim=2)
        return summed.flatten(1, 2)


def stabilised(z: Tensor, by: float) -> Tensor:
    """``z`` moved away from zero by ``by``; zero counts as positive."""
    # A tensor of z's own type, since 0.01 of float32 is not that of float64; and -0 + 0 is 0, which is positive.
    return torch.copysign(torch.tensor(by, dtype=z.dtype, device=z.device), z + 0).add_(z)


def _positive(weights: Tensor) -> Tensor:
    return weights.clamp(min=0)


def _negative(weights: Tensor) -> Tensor:
    return weights.clamp(max=0)


def _pulled_back(layer: nn.Module, x: Tensor, share: Tensor) -> Tensor:
    """What the layer's gradient makes of ``share``, in the shape of ``x``: a new tensor."""
    if isinstance(layer, nn.Linear):
        return share.matmul(layer.weight)
    if isinstance(layer, NORMS):
        return share * _held_scale(layer, x)
    if isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros" and not isinstance(layer.padding, str):
        spread: Tensor = conv2d_input(
            list(x.shape), layer.weight, share, layer.stride, layer.padding, layer.dilation, layer.groups
        )
        return spread
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        # forward, not a call: the layer of the network carries this very rule as a hook.
        z = layer.forward(leaf)
        # As a sum: given a gradient to start from, torch imports its symbolic shapes, which takes half a second.
        weighted = (z * share).sum()
    (gradient,) = torch.autograd.grad(weighted, leaf)
    return gradient.clone()


def _held_scale(layer: nn.Module, x: Tensor) -> Tensor:
    """What a normalisation multiplies each value by, with the statistics of these images held [ali2022xai]."""
    weight = layer.weight
    if isinstance(layer, nn.LayerNorm):
        variance = x.var(tuple(range(-len(layer.normalized_shape), 0)), correction=0, keepdim=True)
    else:
        grouped = x.unflatten(1, (getattr(layer, "num_groups", x.shape[1]), -1)).flatten(2)
        variance = grouped.var(2, correction=0).repeat_interleave(x.shape[1] // grouped.shape[1], 1)
        variance, weight = (
            value if value is None else value.reshape(*value.shape, *[1] * (x.ndim - 2)) for value in (variance, weight)
        )
    scale = (variance + layer.eps).rsqrt()  # type: ignore[operator]
    return scale if weight is None else scale * weight


def _modified(layer: nn.Module, change: Callable[[Tensor], Tensor], *, bias: bool = True) -> nn.Module:
    """A copy of the layer with changed weights and bias, or without a bias."""
    changed = copy.copy(layer)
    changed._parameters = dict(layer._parameters)
    for key, value in layer._parameters.items():
        kept = value is not None and (bias or key != "bias")
        changed._parameters[key] = _checked(change(value.detach())) if value is not None and kept else None
    return changed


def _checked(weights: Tensor) -> nn.Parameter:
    if not weights.isfinite().all():
        raise RuleError("its parameters make weights that are not finite; give smaller ones")
    return nn.Parameter(weights, requires_grad=False)
