"""Layer-wise relevance propagation: Captum's pass, with a rule for every layer."""

import threading
from collections.abc import Mapping
from typing import Any

import torch
from captum.attr import LRP as CaptumLRP  # noqa: N811 (a name, not a constant)
from torch import Tensor, nn

from xaisigns.attribution.canonize import canonize, leaves
from xaisigns.attribution.composites import DEFAULT_COMPOSITE, RULES, Rule, assign
from xaisigns.attribution.rules import Bounds, LayerRule, ZBox
from xaisigns.errors import RuleError, ShapeError

Target = int | Tensor


class LRP:
    """Explains a VGG-like network; builds its canonized copy and its modified weights once.

    ``rules`` sets rules by layer name, over the ``composite``'s. ``bounds`` are the lowest and highest normalised
    pixel, broadcastable to the images; z_box needs them. The module is copied, never changed: train it further and
    build a new LRP. May be shared by threads, which then wait for each other.

    Raises RuleError for a layer, rule or composite that does not exist or does not fit. Sources: [bach2015pixel],
    [montavon2019layer], [kokhlikyan2020captum].
    """

    def __init__(
        self,
        module: nn.Module,
        composite: str = DEFAULT_COMPOSITE,
        rules: Mapping[str, Rule | str] | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        with torch.inference_mode(mode=False):
            self.network = canonize(module).to(memory_format=torch.channels_last)
            self.rules = assign(self.network, composite, rules)
            for name, layer in leaves(self.network):
                layer.rule = _bound(self.rules[name], name, layer, bounds)
        self._captum = _Driver(self.network)
        self._lock = threading.Lock()

    def attribute(self, x: Tensor, target: Target) -> Tensor:
        """Relevance of every input value for the target logit, in the shape of ``x`` ``(N, C, H, W)``.

        In units of the logit: it sums to the logit less what bias and stabilisers absorbed. ``target`` is one class id
        for all images or ``(N,)`` of them. Raises ShapeError when they do not belong together.
        """
        with torch.inference_mode(mode=False):
            own = x.detach()
            own = (own.clone() if own.is_inference() else own).contiguous(memory_format=torch.channels_last)
            targets = _targets(target, len(own))
            with self._lock:
                return self._captum.relevance(own.requires_grad_(), targets)


def lrp(
    module: nn.Module,
    x: Tensor,
    target: Target,
    *,
    composite: str = DEFAULT_COMPOSITE,
    rules: Mapping[str, Rule | str] | None = None,
    bounds: Bounds | None = None,
) -> Tensor:
    """``LRP(module, composite, rules, bounds).attribute(x, target)`` in one call."""
    return LRP(module, composite, rules, bounds).attribute(x, target)


class _Driver(CaptumLRP):  # type: ignore[misc] # Captum is not typed
    """Captum's LRP over layers that keep their rules.

    Captum 0.9 runs a first pass to change weights, and deletes rules and reloads weights after each call; these rules
    carry their weights with them, so one forward and one backward pass is all, and nothing has to be restored.
    """

    def relevance(self, x: Tensor, targets: Tensor) -> Tensor:
        self._targets = targets
        result: Tensor = self.attribute(x)
        return result.detach()

    def _check_and_attach_rules(self) -> None:
        """The rules are attached from the beginning."""

    def _compute_output_and_change_weights(self, inputs: tuple[Tensor, ...], *_: Any) -> Tensor:
        # Captum multiplies the relevance by this at the end. Ours starts from the logit, not from one.
        return inputs[0].new_ones(len(inputs[0]))

    def _register_forward_hooks(self) -> None:
        # Captum would treat activations apart; here they have a rule like every layer.
        self.forward_handles = [layer.register_forward_hook(layer.rule.forward_hook) for layer in self.layers]

    def _forward_fn_wrapper(self, *inputs: Tensor) -> Tensor:
        logits: Tensor = self.model(*inputs)
        if logits.ndim != 2 or int(self._targets.min()) < 0 or int(self._targets.max()) >= logits.shape[1]:
            raise ShapeError(
                f"target must name outputs of the network, whose logits are {tuple(logits.shape)}; "
                f"got {sorted(set(self._targets.tolist()))}"
            )
        chosen = logits.gather(1, self._targets[:, None]).squeeze(1)
        # The gradient of z * constant(z) by z starts the pass with z itself.
        return chosen * chosen.detach()

    def _restore_model(self) -> None:
        self._remove_forward_hooks()


def _targets(target: Target, count: int) -> Tensor:
    targets = torch.as_tensor(target)
    if targets.is_floating_point() or targets.shape not in ((), (count,)):
        raise ShapeError(
            f"target must be a class id or ({count},) of them, one for each image; "
            f"got shape {tuple(targets.shape)} of {targets.dtype}"
        )
    return targets.to(torch.int64).expand(count)


def _bound(rule: Rule, name: str, layer: nn.Module, bounds: Bounds | None) -> LayerRule:
    kind = RULES[rule.name]
    parameters: dict[str, Any] = dict(rule.parameters)
    if kind is ZBox:
        if bounds is None:
            raise RuleError(
                f"z_box on layer {name!r} needs bounds=(low, high): the lowest and the highest normalised pixel"
            )
        parameters["bounds"] = bounds
    try:
        return kind(layer, **parameters)
    except RuleError as error:
        raise RuleError(f"rule {rule.name!r} does not fit layer {name!r}: {error}") from error
