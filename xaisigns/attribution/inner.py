"""Relevance on its way: that of inner layers, and through some of their channels alone [achtibat2023attribution]."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from xaisigns.attribution.layer_rule import LayerRule
from xaisigns.attribution.rules import Gradient
from xaisigns.base.bounds import shown, whole
from xaisigns.errors import RuleError

Channels = Mapping[str, Sequence[int]]
_MOST = 10**9


@contextmanager
def watched(
    rules: Mapping[str, LayerRule], layers: Sequence[str], channels: Channels | None
) -> Iterator[dict[str, Tensor]]:
    """In here a pass notes the relevance of the outputs of ``layers``, and lets only the ``channels`` pass.

    Gives the mapping in which it is noted, in the shapes of the outputs. ``rules`` has the rule of every layer, which
    is hooked into it later, but runs before. Raises RuleError for layers and channels that do not exist, with those
    that do; for too large channels not before the forward pass.
    """
    kept = _checked(rules, layers, channels)
    found: dict[str, Tensor] = {}
    handles = [
        rules[name].layer.register_forward_hook(_Watch(name, rules[name], kept.get(name), found, notes=name in layers))
        for name in dict.fromkeys((*layers, *kept))
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


class _Watch:
    """A layer's forward hook: hears the relevance that reaches the output."""

    def __init__(
        self, name: str, rule: LayerRule, channels: Sequence[int] | None, found: dict[str, Tensor], *, notes: bool
    ) -> None:
        self._name, self._rule, self._channels = name, rule, channels
        self._found, self._notes = found, notes

    def __call__(self, layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:  # noqa: ARG002 (torch's)
        if self._notes:  # which stays so where no relevance arrives
            self._found[self._name] = output.new_zeros(output.shape)
        passing = None if self._channels is None else self._passing(output, self._channels)

        def arrived(relevance: Tensor | None) -> Tensor | None:
            if relevance is None:  # as in the branch of a gate
                return None
            passed = relevance
            if passing is not None:
                passed = relevance * passing
                if isinstance(self._rule, Gradient):  # whose ledger hears of all of it
                    self._rule.note("received", passed - relevance)
                    self._rule.note("bias", passed - relevance)
            if self._notes:
                self._found[self._name] = passed.detach().clone()
            return passed

        # A layer may give its very input, and that gets relevance from others, too.
        own = output.view_as(output)
        if own.requires_grad:
            own.register_hook(arrived)
        return own

    def _passing(self, output: Tensor, channels: Sequence[int]) -> Tensor:
        count = output.shape[1]
        if max(channels) >= count:
            raise RuleError(f"layer {self._name!r} has the channels 0 to {count - 1}, got {max(channels)}")
        passing = output.new_zeros(count)
        passing[list(channels)] = 1
        return passing.reshape(-1, *[1] * (output.ndim - 2))


def _checked(rules: Mapping[str, LayerRule], layers: Sequence[str], channels: Channels | None) -> dict[str, list[int]]:
    """The channels as plain numbers."""
    if isinstance(layers, str) or not isinstance(layers, Sequence):
        raise RuleError(f"layers are wanted as a list of names, got {shown(layers)}")
    if channels is not None and not isinstance(channels, Mapping):
        raise RuleError(f'channels are wanted by layer, such as {{"features.8": [12, 40]}}, got {shown(channels)}')
    for name in (*layers, *(channels or ())):
        if name not in rules:
            raise RuleError(f"no layer {shown(name)}; there are {', '.join(rules)}")
    kept = {}
    for name, numbers in (channels or {}).items():
        plain = [whole(number, 0, _MOST) for number in numbers] if isinstance(numbers, Iterable) else []
        kept[name] = [number for number in plain if number is not None]
        if not plain or len(kept[name]) < len(plain):
            raise RuleError(
                f"channels of layer {name!r} must be whole numbers from 0, one or more, got {shown(numbers)}"
            )
    return kept
