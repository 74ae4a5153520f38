"""What every rule is: a Captum ``PropagationRule`` bound to one layer of a canonized network.

Captum hooks it into the forward pass; there it puts a node into the graph whose backward is the rule, so that Captum's
gradient call propagates relevance. Modified weights are made once, when a rule is bound, and only those that will be
read. A rule knows its layer and no layer its rule, so that an explainer is gone with its last user.
"""

import copy
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.grad import conv2d_input

from xaisigns.attribution.captum_lrp import PropagationRule
from xaisigns.attribution.layers import (
    CONVOLUTIONS,
    NORMS,
    WEIGHTED,
    Affine,
)
from xaisigns.attribution.options import Stabilizer
from xaisigns.base.plugins import is_of_package
from xaisigns.errors import RuleError, XaisignsError


@dataclass(frozen=True)
class Signs:
    """What is known of a layer from its neighbours: half of the work falls away, and nothing of the result.

    ``input_nonnegative``: its input comes from a ReLU. ``relevance_above_zero``: it goes into a ReLU, and the rule
    behind that hands relevance only to inputs other than zero; so none reaches an output up to zero.
    """

    input_nonnegative: bool = False
    relevance_above_zero: bool = False


NO_SIGNS = Signs()


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

    def __init__(self, layer: nn.Module, stabilizer: Stabilizer = 1e-6, *, signs: Signs = NO_SIGNS) -> None:
        if not isinstance(layer, self.fits):
            raise RuleError(f"this rule needs {self.needs}, got {type(layer).__name__}")
        self.layer = layer
        self.stabilizer = stabilizer
        self.signs = signs
        # What the layer received, passed on and absorbed, by name, while somebody keeps a ledger.
        self.record: dict[str, Tensor] | None = None

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
        return modified_layer(self.layer, change, bias=bias)

    def stabilised(self, z: Tensor) -> Tensor:
        """``z`` moved away from zero by the rule's stabiliser, to divide by; zero counts as positive."""
        return stabilised(z, self.stabilizer)

    def divided(self, r: Tensor, z: Tensor, layer: nn.Module | None = None, factor: float = 1.0) -> Tensor:
        """``r`` over ``z``, stabilised.

        Where a ledger is kept, what the stabiliser and the bias of ``layer``, which gave ``z``, absorb is noted in it,
        times ``factor``.
        """
        divisor = self.stabilised(z)
        share = r / divisor
        if self.record is not None:
            self.note("stabilizer", share * (divisor - z), factor)
            bias = None if layer is None else getattr(layer, "bias", None)
            if bias is not None:
                self.note("bias", share * _spread(bias, layer, z.ndim), factor)
        return share

    def divided_in_place(self, r: Tensor, z: Tensor, layer: nn.Module, factor: float = 1.0) -> Tensor:
        """The same where ``layer`` has the stabiliser in its bias: less than half the work.

        ``z`` is its output, is not needed any more, and is nowhere below the stabiliser where there is relevance.
        """
        # Where there is no relevance, all that matters is that nothing is divided by zero.
        share = torch.div(r, z.clamp_(min=self.stabilizer), out=z)
        if self.record is not None:
            bias: Tensor = layer.bias  # type: ignore[assignment] # which with_bias has made
            self.note("stabilizer", share * self.stabilizer, factor)
            self.note("bias", share * _spread(bias - self.stabilizer, layer, z.ndim), factor)
        return share

    def note(self, name: str, relevance: Tensor, factor: float = 1.0) -> None:
        """Note relevance in the ledger, where one is kept; what has the same name adds up."""
        if self.record is not None:
            noted, known = _row_sums(relevance) * factor, self.record.get(name)
            # Of other sizes where images move to another dimension, which a ledger refuses in the end.
            self.record[name] = noted if known is None or known.shape != noted.shape else known + noted

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
        ctx.rule.note("received", received)
        for part in passed:
            if part is not None:
                ctx.rule.note("passed", part)
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


def _spread(bias: Tensor, layer: nn.Module | None, dims: int) -> Tensor:
    """A bias in a shape that broadcasts to the layer's output."""
    per_channel = isinstance(layer, CONVOLUTIONS) or getattr(layer, "per_channel", False)
    return bias.reshape(-1, *[1] * (dims - 2)) if per_channel else bias


def stabilised(z: Tensor, by: float) -> Tensor:
    """``z`` moved away from zero by ``by``; zero counts as positive."""
    # A tensor of z's own type, since 0.01 of float32 is not that of float64; and -0 + 0 is 0, which is positive.
    return torch.copysign(torch.tensor(by, dtype=z.dtype, device=z.device), z + 0).add_(z)


def positive_part(weights: Tensor) -> Tensor:
    """The weights above zero, the others zero."""
    return weights.clamp(min=0)


def negative_part(weights: Tensor) -> Tensor:
    """The weights below zero, the others zero."""
    return weights.clamp(max=0)


def _pulled_back(layer: nn.Module, x: Tensor, share: Tensor) -> Tensor:
    """What the layer's gradient makes of ``share``, in the shape of ``x``: a new tensor."""
    if isinstance(layer, nn.Linear):
        return share.matmul(layer.weight)
    if isinstance(layer, NORMS):
        return share * held_scale(layer, x)
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


def held_scale(layer: Any, x: Tensor) -> Tensor:
    """What a normalisation multiplies each value by, with the statistics of these images held [ali2022xai]."""
    weight: Tensor | None = layer.weight
    if isinstance(layer, nn.LayerNorm):
        variance = x.var(tuple(range(-len(layer.normalized_shape), 0)), correction=0, keepdim=True)
    else:
        grouped = x.unflatten(1, (getattr(layer, "num_groups", x.shape[1]), -1)).flatten(2)
        variance = grouped.var(2, correction=0).repeat_interleave(x.shape[1] // grouped.shape[1], 1)
        spatial = [1] * (x.ndim - 2)
        variance = variance.reshape(*variance.shape, *spatial)
        weight = None if weight is None else weight.reshape(-1, *spatial)
    scale: Tensor = (variance + layer.eps).rsqrt()
    return scale if weight is None else scale * weight


def without_bias(layer: Any, x: Tensor, z: Tensor) -> Tensor:
    """What the inputs ``x`` of a layer add to its output ``z``; of a normalisation, with the statistics held."""
    if isinstance(layer, NORMS):
        return held_scale(layer, x) * x
    bias = layer.bias if isinstance(layer, (*WEIGHTED, Affine)) else None
    return z if bias is None else z - _spread(bias, layer, z.ndim)


def modified_layer(layer: nn.Module, change: Callable[[Tensor], Tensor], *, bias: bool = True) -> nn.Module:
    """A copy of the layer with changed weights and bias, or without a bias."""
    changed = copy.copy(layer)
    # Those of the layer come and go with each pass.
    changed._forward_hooks = OrderedDict()
    changed._parameters = dict(layer._parameters)
    for key, value in layer._parameters.items():
        kept = value is not None and (bias or key != "bias")
        changed._parameters[key] = _finite(change(value.detach())) if value is not None and kept else None
    return changed


def with_bias(layer: Any, by: float) -> nn.Module:
    """The same layer with ``by`` added to its bias; the weights are shared."""
    shifted = modified_layer(layer, lambda values: values)
    if layer.bias is not None:
        bias = layer.bias.detach() + by
    elif isinstance(layer, Affine):
        bias = torch.full_like(layer.weight, by)
    else:
        outputs = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
        bias = layer.weight.new_full((outputs,), by)
    shifted._parameters["bias"] = nn.Parameter(bias, requires_grad=False)
    return shifted


def _finite(weights: Tensor) -> nn.Parameter:
    # The sum tells at once, where it is finite.
    if not weights.sum().isfinite() and not weights.isfinite().all():
        raise RuleError("its parameters make weights that are not finite; give smaller ones")
    return nn.Parameter(weights, requires_grad=False)
