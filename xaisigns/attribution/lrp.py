"""Layer-wise relevance propagation: Captum's pass, with a rule for every layer."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, overload

import torch
from torch import Tensor, nn

from xaisigns.attribution.accepted_images import Images
from xaisigns.attribution.agreement import faithful_copy, logits_of, memory_order, refuse_difference
from xaisigns.attribution.assignment import Assignment, Rules, assign
from xaisigns.attribution.captum_lrp import LRP as CaptumLRP  # noqa: N811 (a name, not a constant)
from xaisigns.attribution.contrast import Others, contrast_weights
from xaisigns.attribution.flow import first_layers, signs_of
from xaisigns.attribution.inner import Channels, watched
from xaisigns.attribution.layer_rule import LayerRule
from xaisigns.attribution.named_rules import RULES
from xaisigns.attribution.network import Network, is_of_one_size, leaves
from xaisigns.attribution.pixel_bounds import checked_bounds, refuse_unknown_bounds, seen_bounds
from xaisigns.attribution.rules import Bounds, Gradient, ZBox
from xaisigns.attribution.specification import DEFAULT_COMPOSITE, read_specification
from xaisigns.attribution.targets import Against, Target, check_outputs, class_ids, other_classes
from xaisigns.base.torch_state import own_torch_state
from xaisigns.errors import RuleError, ShapeError


class LedgerEntry(NamedTuple):
    """The relevance that reached a layer's output, and what became of it: each ``(N,)``, in units of the logit.

    ``passed`` on to its inputs; absorbed by its ``bias`` (and padding) and its ``stabilizer``, or created by them where
    that is negative. The three together are what it ``received``, but for a rule of the caller's. All are zero for a
    layer that no relevance reaches, as in the branch of a gate.
    """

    assignment: Assignment
    received: Tensor
    passed: Tensor
    bias: Tensor
    stabilizer: Tensor


class Propagation(NamedTuple):
    """``relevance`` in the shape of the images, ``logits`` ``(N, classes)`` of the network, ``ledger`` if wanted.

    ``layers`` has the relevance of the layers that were asked for, each in the shape of its output.
    """

    relevance: Tensor
    logits: Tensor
    ledger: list[LedgerEntry] | None
    layers: dict[str, Tensor]


class LRP:
    """Explains a convolutional network; builds its canonized copy and its modified weights once.

    ``rules`` sets rules over the ``composite``'s: by layer name (with wildcards), by index over the convolution and
    linear layers, or by type. ``bounds`` are the lowest and highest normalised pixel, broadcastable to the images;
    z_box needs them. The module is copied, never changed: train it further and build a new LRP. May be shared by
    threads, which then wait for each other. ``assignments`` tells the rule of every layer and who chose it.

    Raises RuleError for a layer, rule or composite that does not exist or does not fit, and for a module that gives
    other outputs than its layers do (asked once, on noise; where its code asks for sizes, for each further size of
    images, too); ModelError for one that gives NaN. Sources: [bach2015pixel], [montavon2019layer],
    [kokhlikyan2020captum].
    """

    def __init__(
        self,
        module: nn.Module,
        composite: str = DEFAULT_COMPOSITE,
        rules: Rules | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        with own_torch_state():
            self.composite = str(read_specification(composite))
            self.network, asked = faithful_copy(module)
            self._order = memory_order(self.network)
            self.assignments = assign(self.network, composite, rules)
            self._rules = _bound(self.network, self.assignments, bounds)
        self._bounds = bounds
        self._rule_of = dict(zip(leaves(self.network), self._rules, strict=True))
        self._images = Images(self.network)
        self._asked = asked if is_of_one_size(self.network) else None
        self._seen: set[torch.Size] = set()
        self._captum = _Driver(self.network, self._rules)
        self._lock = threading.Lock()

    @overload
    def attribute(
        self, x: Tensor, target: Target, against: Against | None = None, *, channels: Channels | None = None
    ) -> Tensor: ...

    @overload
    def attribute(
        self,
        x: Tensor,
        target: Target,
        against: Against | None = None,
        *,
        layers: Sequence[str],
        channels: Channels | None = None,
    ) -> dict[str, Tensor]: ...

    def attribute(
        self,
        x: Tensor,
        target: Target,
        against: Against | None = None,
        *,
        layers: Sequence[str] | None = None,
        channels: Channels | None = None,
    ) -> Tensor | dict[str, Tensor]:
        """Relevance of every input value for the target logit, in the shape of ``x`` ``(N, C, H, W)``.

        In units of the logit: it sums to the logit less what bias and stabilisers absorbed. ``target`` is one class id
        for all images or ``(N,)`` of them. With ``against``, likewise, the pass starts with the target's logit and with
        the other's taken negative: what speaks for the one rather than the other; with ``"rest"`` with the mean of all
        other logits taken negative.

        With ``layers``, names of the canonized network's, it is a mapping instead: from each to the relevance that
        reached its output, in the shape of that. Of a layer with ``channels`` only these, numbers in the second
        dimension of its output, pass relevance on [achtibat2023attribution].

        Raises ShapeError when images, targets and network do not belong together, RuleError for a layer or channel that
        does not exist, ModelError when the network gives NaN.
        """
        found = self.propagate(x, _named(target), against, layers=layers or (), channels=channels)
        return found.relevance if layers is None else found.layers

    def ledger(self, x: Tensor, target: Target, against: Against | None = None) -> list[LedgerEntry]:
        """Where relevance went: an entry for each layer, from the output to the input.

        Arguments and errors as for ``attribute``.
        """
        return self.propagate(x, _named(target), against, ledger=True).ledger or []

    def propagate(
        self,
        x: Tensor,
        target: Target | None,
        against: Against | None = None,
        *,
        ledger: bool = False,
        layers: Sequence[str] = (),
        channels: Channels | None = None,
    ) -> Propagation:
        """All that one pass gives: relevance, the logits of the network and, if wanted, the ledger and inner layers.

        Arguments and errors as for ``attribute``; without a target each image's is the class that the network predicts
        in this very pass. With ``channels`` the ledger tells of what these received.
        """
        with (
            self._ready(x, target, against) as (own, targets, others),
            watched(self._rule_of, layers, channels) as inner,
        ):
            records: list[dict[str, Tensor]] = [{} for _ in self._rules]
            try:
                if ledger:
                    for rule, record in zip(self._rules, records, strict=True):
                        rule.record = record
                with self._images.told(own):
                    self._bring_bounds(own)
                    relevance = self._captum.relevance(own, targets, others)
            finally:
                for rule in self._rules:
                    rule.record = None
            logits = self._captum.logits
        return Propagation(relevance, logits, self._entries(records, logits) if ledger else None, inner)

    def _bring_bounds(self, images: Tensor) -> None:
        """Tell z_box the bounds of what its layer sees, where other layers come before it."""
        boxes = {
            row.layer: rule
            for row, rule in zip(self.assignments, self._rules, strict=True)
            if isinstance(rule, ZBox) and self._bounds is not None
        }
        if self._bounds is not None and boxes:
            for name, seen in seen_bounds(self.network, boxes, self._bounds, images.detach()).items():
                boxes[name].low, boxes[name].high = seen

    def _entries(self, records: list[dict[str, Tensor]], logits: Tensor) -> list[LedgerEntry]:
        none = logits.new_zeros(len(logits))
        for assignment, record in zip(self.assignments, records, strict=True):
            if any(len(noted) != len(none) for noted in record.values()):
                raise RuleError(
                    f"no ledger for each image can be kept: images lie elsewhere than along the first dimension at "
                    f"layer {assignment.layer!r}; ask for the relevance alone"
                )
        return [
            LedgerEntry(assignment, *(record.get(name, none) for name in LedgerEntry._fields[1:]))
            for assignment, record in zip(reversed(self.assignments), reversed(records), strict=True)
        ]

    @contextmanager
    def _ready(
        self, x: Tensor, target: Target | None, against: Against | None
    ) -> Iterator[tuple[Tensor, Tensor | None, Others | None]]:
        """The caller's images as a leaf of our own, and the targets checked, while no other thread is in a pass."""
        with own_torch_state():
            own = self._images.own(x).contiguous(memory_format=self._order)
            targets = None if target is None else class_ids(target, len(own), "target", own.device)
            others = None if against is None else other_classes(against, len(own), own.device)
            with self._lock:
                self._refuse_another_network(own)
                yield own.requires_grad_(), targets, others

    def _refuse_another_network(self, x: Tensor) -> None:
        """Where a module's code asks for sizes, images of a new one may meet other layers."""
        if self._asked is not None and x.shape[1:] not in self._seen:
            with self._images.told(x):
                refuse_difference(self._asked.logits(x), logits_of(self.network, x))
            self._seen.add(x.shape[1:])


def lrp(
    module: nn.Module,
    x: Tensor,
    target: Target,
    against: Against | None = None,
    *,
    composite: str = DEFAULT_COMPOSITE,
    rules: Rules | None = None,
    bounds: Bounds | None = None,
) -> Tensor:
    """``LRP(module, composite, rules, bounds).attribute(x, target, against)`` in one call. Raises as both do."""
    return LRP(module, composite, rules, bounds).attribute(x, target, against)


def _named(target: Target) -> Target:
    """Raises ShapeError for None, which an explanation that tells nothing of its target cannot mean."""
    if target is None:
        raise ShapeError("target must be a class id or one for each image, got None")
    return target


class _Driver(CaptumLRP):  # type: ignore[misc] # Captum is not typed
    """Captum's LRP over layers that keep their rules.

    Captum 0.9 runs a first pass to change weights, and deletes rules and reloads weights after each call; these rules
    carry their weights with them, so one forward and one backward pass is all, and nothing has to be restored.
    """

    def __init__(self, network: Network, rules: list[LayerRule]) -> None:
        super().__init__(network)
        self._rules = rules

    def relevance(self, x: Tensor, targets: Tensor | None, others: Others | None) -> Tensor:
        """Relevance of ``x`` for the targets, or for what the network predicts.

        Afterwards ``logits`` are the network's.
        """
        self._targets, self._others = targets, others
        result: Tensor = self.attribute(x).detach()
        if not result.isfinite().all():
            raise RuleError(
                f"relevance is not finite in {result.dtype}: take a larger stabilizer or epsilon, or a float32 model"
            )
        return result

    def _check_and_attach_rules(self) -> None:
        """The rules are beside the layers, not on them."""

    def _compute_output_and_change_weights(self, inputs: tuple[Tensor, ...], *_: Any) -> Tensor:
        # Captum multiplies the relevance by this at the end. Ours starts from the logit, not from one.
        return inputs[0].new_ones(len(inputs[0]))

    def _register_forward_hooks(self) -> None:
        # Captum would treat activations apart; here they have a rule like every layer. The plain gradient needs none.
        self.forward_handles = []
        for rule in self._rules:
            if not isinstance(rule, Gradient):
                # Before the hooks of those who wait for the relevance of the output that this one makes.
                self.forward_handles.append(rule.layer.register_forward_hook(rule.forward_hook, prepend=True))
            elif rule.record is not None:
                self.forward_handles.append(rule.layer.register_full_backward_hook(rule.backward_hook))

    def _forward_fn_wrapper(self, *inputs: Tensor) -> Tensor:
        logits: Tensor = self.model(*inputs)
        self.logits = logits.detach().clone()  # since a rule of the last layer may use their memory
        targets = self.logits.argmax(dim=1) if self._targets is None else self._targets
        check_outputs(logits, targets)
        if isinstance(self._others, Tensor):
            check_outputs(logits, self._others)
        weights = contrast_weights(self.logits, targets, self._others)
        # The gradient of z * constant(z) by z starts the pass with z itself.
        return (logits * self.logits * weights).sum(dim=1)

    def _restore_model(self) -> None:
        self._remove_forward_hooks()


def _bound(network: Network, assignments: list[Assignment], bounds: Bounds | None) -> list[LayerRule]:
    """Each layer's rule, made for it."""
    layers, first = leaves(network), first_layers(network)
    kinds = {row.layer: RULES[row.rule.name] for row in assignments}
    signs = signs_of(network, kinds)
    rules = []
    for row in assignments:
        kind, parameters = kinds[row.layer], dict[str, Any](row.rule.parameters)
        try:
            if issubclass(kind, ZBox):
                parameters["bounds"] = checked_bounds(bounds, is_first=row.layer in first)
                refuse_unknown_bounds(network, row.layer)
            rules.append(kind(layers[row.layer], **parameters, signs=signs[row.layer]))
        except RuleError as error:
            raise RuleError(f"rule {row.rule.name!r} does not fit layer {row.layer!r}: {error}") from error
    return rules
