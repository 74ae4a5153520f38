"""The propagation rules: how a layer hands relevance from its outputs to its inputs.

Definitions follow Zennit's, negative inputs included. ``x`` is the layer's input, ``z`` its output, ``r`` the relevance
of the output.
"""

import torch
from torch import Tensor, nn

from xaisigns.attribution.layer_rule import (
    NO_SIGNS,
    LayerRule,
    Signs,
    modified_layer,
    negative_part,
    positive_part,
    with_bias,
    without_bias,
)
from xaisigns.attribution.layers import (
    ACTIVATIONS,
    GATES,
    NORMS,
    SINGLE,
    UNCHANGED,
    WEIGHTED,
    Affine,
    Gate,
    Sum,
)
from xaisigns.attribution.options import Bias, Factor, Stabilizer
from xaisigns.errors import RuleError

Bounds = tuple[Tensor, Tensor]


class Pass(LayerRule):
    """Relevance goes through unchanged: for activations, and for normalisations, whose statistics are held."""

    spares_zero = False
    fits = (*ACTIVATIONS, *UNCHANGED, *NORMS, Affine)
    needs = "a layer that gives each value of its input another (an activation, a normalisation, Identity)"

    def __init__(self, layer: nn.Module, *, signs: Signs = NO_SIGNS) -> None:
        super().__init__(layer, signs=signs)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:  # noqa: ARG002
        return r


class Gradient(LayerRule):
    """Relevance follows the plain gradient: for max pooling (winner takes all), flatten, and what rearranges values."""

    spares_zero = False
    fits = (nn.Module,)

    def __init__(self, layer: nn.Module, *, signs: Signs = NO_SIGNS) -> None:
        super().__init__(layer, signs=signs)

    def backward_hook(
        self,
        layer: nn.Module,  # noqa: ARG002 (torch's)
        passed: tuple[Tensor | None, ...],
        received: tuple[Tensor | None, ...],
    ) -> None:
        """Notes what a ledger wants to know; what is not passed on went to padding."""
        if received[0] is None:  # no relevance arrives, as in the branch of a gate
            return
        self.note("received", received[0])
        self.note("bias", received[0])
        for part in passed:
            if part is not None:
                self.note("passed", part)
                self.note("bias", part, -1)


class Epsilon(LayerRule):
    """Each input's share of the output, ``x w / (z + epsilon sign z)`` [bach2015pixel].

    ``z`` is without the bias where that is ignored.
    """

    fits: tuple[type[nn.Module], ...] = SINGLE
    needs = "a layer with one input"

    def __init__(
        self, layer: nn.Module, epsilon: Stabilizer = 1e-6, bias: Bias = "absorb", *, signs: Signs = NO_SIGNS
    ) -> None:
        super().__init__(layer, epsilon, signs=signs)
        self.ignores_bias = bias == "ignore"

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:
        if self.ignores_bias:
            share = self.divided(r, without_bias(self.layer, x, z))
            return self.pulled_back(self.layer, x, share).mul_(x)
        if self.record is not None and isinstance(self.layer, NORMS):
            self.note("bias", r / self.stabilised(z) * (z - without_bias(self.layer, x, z)))
        affine = self.layer if isinstance(self.layer, (*WEIGHTED, Affine)) else None
        share = self.divided(r, z, affine)
        passed = self.pulled_back(self.layer, x, share).mul_(x)
        if self.record is not None and isinstance(self.layer, (*ACTIVATIONS, *GATES)):
            # Their tangents do not go through zero.
            self.note("bias", share * z - passed)
        return passed


class Norm(Epsilon):
    """The epsilon rule for what has no weights: averages, and sums, where it is a summand's share of the sum."""

    fits: tuple[type[nn.Module], ...] = (*SINGLE, Sum)
    needs = "a layer with one input, or a sum"

    def __init__(self, layer: nn.Module, stabilizer: Stabilizer = 1e-6, *, signs: Signs = NO_SIGNS) -> None:
        super().__init__(layer, stabilizer, signs=signs)

    def shared_out(self, inputs: tuple[Tensor, ...], z: Tensor, r: Tensor) -> tuple[Tensor | None, ...]:
        if not isinstance(self.layer, Sum):
            return super().shared_out(inputs, z, r)
        share = self.divided(r, z)
        shares = (share if sign > 0 else -share for sign in self.layer.signs)
        return tuple(_like(share * summand, summand) for share, summand in zip(shares, inputs, strict=True))


class Magnitudes(LayerRule):
    """A summand's share by its magnitude, ``|x| / sum |x|``: none gets more than there is."""

    fits = (Sum,)
    needs = "a sum"

    def shared_out(self, inputs: tuple[Tensor, ...], z: Tensor, r: Tensor) -> tuple[Tensor | None, ...]:
        sizes = [summand.abs().expand(z.shape) for summand in inputs]
        share = self.divided(r, sum(sizes[1:], sizes[0]))
        return tuple(_like(share * size, summand) for size, summand in zip(sizes, inputs, strict=True))


class Signal(LayerRule):
    """All to the signal, none to the gate [arras2017explaining]."""

    spares_zero = False
    fits = (Gate,)
    needs = "a gate"

    def __init__(self, layer: nn.Module, *, signs: Signs = NO_SIGNS) -> None:
        super().__init__(layer, signs=signs)

    def shared_out(self, inputs: tuple[Tensor, ...], z: Tensor, r: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ARG002
        return _like(r, inputs[0]), None


def _like(relevance: Tensor, x: Tensor) -> Tensor:
    """Relevance in the shape of an input that broadcast."""
    return relevance if relevance.shape == x.shape else relevance.sum_to_size(x.shape)


class _TwoSided(LayerRule):
    """Shares by one set of weights where the input is positive and by another where it is negative."""

    def _stabilised_layer(self, changed: nn.Module) -> nn.Module:
        """The layer with the stabiliser in its bias, for ``divided_in_place``, where no input is negative."""
        return with_bias(changed, self.stabilizer) if self.signs.input_nonnegative else changed

    def _without_bias(self, changed: nn.Module) -> nn.Module | None:
        """The same weights for negative inputs, None where there are no such inputs."""
        return None if self.signs.input_nonnegative else modified_layer(changed, lambda weights: weights, bias=False)

    def _shares(
        self,
        for_positive: nn.Module,
        for_negative: nn.Module | None,
        x: Tensor,
        r: Tensor,
        factor: float = 1.0,
        *,
        signed: bool = False,
    ) -> Tensor:
        """Shares of ``r``; ``factor`` is what the caller multiplies them with, for the ledger.

        Unless ``signed``, what is shared is nowhere negative where all inputs are positive and there is relevance, and
        ``for_positive`` is of ``_stabilised_layer``.
        """
        if for_negative is None:
            divided = self.divided if signed else self.divided_in_place
            share = divided(r, for_positive(x), for_positive, factor)
            return self.pulled_back(for_positive, x, share).mul_(x)
        above, below = x.clamp(min=0), x.clamp(max=0)
        share = self.divided(r, for_positive(above) + for_negative(below), for_positive, factor)
        of_above, of_below = self.pulled_back(for_positive, x, share), self.pulled_back(for_negative, x, share)
        return of_above.mul_(above).add_(of_below.mul_(below))


class ZPlus(_TwoSided):
    """Only what speaks for the output: weights of the sign of their input [montavon2017explaining]."""

    def __init__(
        self, layer: nn.Module, stabilizer: Stabilizer = 1e-6, bias: Bias = "absorb", *, signs: Signs = NO_SIGNS
    ) -> None:
        super().__init__(layer, stabilizer, signs=signs)
        self.positive = self._stabilised_layer(self.modified(positive_part, bias=bias == "absorb"))
        self.negative = None if signs.input_nonnegative else self.modified(negative_part, bias=False)

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
        bias: Bias = "absorb",
        *,
        signs: Signs = NO_SIGNS,
    ) -> None:
        super().__init__(layer, stabilizer, signs=signs)
        if min(alpha, beta) < 0 or abs(alpha - beta - 1) > 1e-9:
            raise RuleError(f"alpha and beta must not be negative and alpha - beta must be 1, got {alpha} and {beta}")
        self.alpha, self.beta = alpha, beta
        self.positive, self.negative = (
            self.modified(part, bias=bias == "absorb") for part in (positive_part, negative_part)
        )
        self.positive_without_bias = self._without_bias(self.positive)
        self.negative_without_bias = self._without_bias(self.negative)
        self.positive = self._stabilised_layer(self.positive)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:  # noqa: ARG002
        result = self._shares(self.positive, self.negative_without_bias, x, r, self.alpha).mul_(self.alpha)
        if self.beta:
            against = self._shares(self.negative, self.positive_without_bias, x, r, -self.beta, signed=True)
            result -= against.mul_(self.beta)
        return result


class Gamma(_TwoSided):
    """Favours what agrees with the output's sign by ``gamma``; for inputs of either sign [andeol2021learning]."""

    def __init__(
        self,
        layer: nn.Module,
        gamma: Factor = 0.25,
        stabilizer: Stabilizer = 1e-6,
        bias: Bias = "absorb",
        *,
        signs: Signs = NO_SIGNS,
    ) -> None:
        super().__init__(layer, stabilizer, signs=signs)
        absorbs = bias == "absorb"
        # Without its bias, the sum of an output above zero may be below.
        self._signed = not absorbs
        self.raised = self.modified(lambda weights: weights + gamma * positive_part(weights), bias=absorbs)
        self.raised_without_bias = self._without_bias(self.raised)
        if absorbs:
            self.raised = self._stabilised_layer(self.raised)
        # Negative outputs go by the lowered weights, and so do negative inputs of positive ones.
        self.lowered = self.lowered_without_bias = None
        if not (signs.relevance_above_zero and signs.input_nonnegative):
            self.lowered = self.modified(lambda weights: weights + gamma * negative_part(weights), bias=absorbs)
            self.lowered_without_bias = self._without_bias(self.lowered)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:
        if self.lowered is None or self.signs.relevance_above_zero:
            return self._shares(self.raised, self.lowered_without_bias, x, r, signed=self._signed)
        self.note("stabilizer", r * (z == 0))  # which has no share for anybody
        result = self._shares(self.raised, self.lowered_without_bias, x, r * (z > 0), signed=self._signed)
        result += self._shares(self.lowered, self.raised_without_bias, x, r * (z < 0), signed=True)
        return result


class Flat(LayerRule):
    """The same share for every input that an output sees, whatever weights and inputs are [lapuschkin2019unmasking]."""

    spares_zero = False

    def __init__(self, layer: nn.Module, stabilizer: Stabilizer = 1e-6, *, signs: Signs = NO_SIGNS) -> None:
        super().__init__(layer, stabilizer, signs=signs)
        self.changed = self.modified(torch.ones_like, bias=False)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:
        seen = self.changed(torch.ones_like(x[:1]))
        if self.record is not None:
            share = self.divided(r, seen, self.changed)
        else:
            # All that the output went into is behind us: its memory is free, and at the pixels it is the largest.
            share = torch.div(r, self.stabilised(seen), out=z)
        return self.pulled_back(self.changed, x, share)


class WSquare(Flat):
    """A share by the squared weight, whatever the inputs are: for inputs without bounds [montavon2017explaining]."""

    def __init__(
        self, layer: nn.Module, stabilizer: Stabilizer = 1e-6, bias: Bias = "absorb", *, signs: Signs = NO_SIGNS
    ) -> None:
        super().__init__(layer, stabilizer, signs=signs)
        self.changed = self.modified(torch.square, bias=bias == "absorb")


class ZBox(LayerRule):
    """For pixels, which lie between ``low`` and ``high``: how far each is from its worst [montavon2017explaining].

    The bias cancels out.
    """

    spares_zero = False
    fits = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
    needs = "a convolution or linear layer"

    def __init__(
        self, layer: nn.Module, bounds: Bounds, stabilizer: Stabilizer = 1e-6, *, signs: Signs = NO_SIGNS
    ) -> None:
        super().__init__(layer, stabilizer, signs=signs)
        self.low, self.high = bounds
        self.positive, self.negative = self.modified(positive_part), self.modified(negative_part)
        # Both side by side, within each group of a grouped convolution: one pass over the relevance in place of two.
        self.both = self.modified(lambda w: torch.cat((positive_part(w), negative_part(w)), dim=1), bias=False)
        self.groups = getattr(layer, "groups", 1)

    def relevance(self, x: Tensor, z: Tensor, r: Tensor) -> Tensor:
        low, high = (bound.to(x).expand(1, *x.shape[1:]) for bound in (self.low, self.high))
        distances = [x - bound for bound in (low, high)]
        share = self._share(r, z - self.positive(low).add_(self.negative(high)), *distances)
        # The layer's own weights are the positive and the negative ones together: they need no pass of their own.
        paired = torch.cat([part.unflatten(1, (self.groups, -1)) for part in distances], dim=2).flatten(1, 2)
        shares = self.pulled_back(self.both, paired, share).mul_(paired)
        summed: Tensor = shares.unflatten(1, (self.groups, 2, -1)).sum(dim=2)
        return summed.flatten(1, 2)

    def _share(self, r: Tensor, z: Tensor, above: Tensor, below: Tensor) -> Tensor:
        """``r`` over ``z``, which is not needed any more: nowhere negative, but for pixels out of bounds."""
        if self.record is not None or bool((above < 0).any()) or bool((below > 0).any()):
            return self.divided(r, z)
        return torch.div(r, z.clamp_(min=0).add_(self.stabilizer), out=z)
