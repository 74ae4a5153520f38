"""Composites: which rule for which layer, as data. Names and defaults are Zennit's [anders2021software]."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import nn

from xaisigns.attribution.canonize import leaves
from xaisigns.attribution.rules import Epsilon, Flat, Gamma, Gradient, LayerRule, Norm, Pass, ZBox, ZPlus
from xaisigns.errors import RuleError

RULES: dict[str, type[LayerRule]] = {
    "epsilon": Epsilon,
    "gamma": Gamma,
    "z_plus": ZPlus,
    "flat": Flat,
    "z_box": ZBox,
    "pass": Pass,
    "norm": Norm,
    "gradient": Gradient,
}
DEFAULT_COMPOSITE = "epsilon_gamma_box"


@dataclass(frozen=True)
class Rule:
    """A rule by its name, with the parameters that differ from its defaults: ``Rule("gamma", {"gamma": 0.1})``."""

    name: str
    parameters: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name not in RULES:
            raise RuleError(f"no rule {self.name!r}; there are {', '.join(RULES)}")
        known = [name for name in inspect.signature(RULES[self.name]).parameters if name not in ("layer", "bounds")]
        unknown = [name for name in self.parameters if name not in known]
        if unknown:
            raise RuleError(f"rule {self.name!r} has no parameter {unknown[0]!r}; it has {', '.join(known) or 'none'}")


@dataclass(frozen=True)
class Composite:
    """``first`` is for the first convolution or linear layer; the others take the first row that has their type."""

    rows: tuple[tuple[tuple[type[nn.Module], ...], Rule], ...]
    first: Rule | None = None


_WITHOUT_WEIGHTS: tuple[tuple[tuple[type[nn.Module], ...], Rule], ...] = (
    ((nn.ReLU, nn.Identity, nn.Dropout), Rule("pass")),
    ((nn.AvgPool2d, nn.AdaptiveAvgPool2d), Rule("norm")),
    ((nn.MaxPool2d, nn.Flatten), Rule("gradient")),
)

COMPOSITES = {
    "epsilon_gamma_box": Composite(
        (*_WITHOUT_WEIGHTS, ((nn.Conv2d,), Rule("gamma")), ((nn.Linear,), Rule("epsilon"))),
        first=Rule("z_box"),
    ),
    "epsilon_plus_flat": Composite(
        (*_WITHOUT_WEIGHTS, ((nn.Conv2d,), Rule("z_plus")), ((nn.Linear,), Rule("epsilon"))),
        first=Rule("flat"),
    ),
}


def assign(network: nn.Module, composite: str, rules: Mapping[str, Rule | str] | None = None) -> dict[str, Rule]:
    """The rule of every layer of a canonized network, by layer name; ``rules`` (by layer name) come first.

    Raises RuleError for a composite, rule or layer that does not exist, with the names that do.
    """
    chosen = COMPOSITES.get(composite.replace("-", "_"))
    if chosen is None:
        raise RuleError(f"no composite {composite!r}; there are {', '.join(COMPOSITES)}")
    layers = dict(leaves(network))
    own = {name: rule if isinstance(rule, Rule) else Rule(rule) for name, rule in (rules or {}).items()}
    unknown = [name for name in own if name not in layers]
    if unknown:
        raise RuleError(f"no layer {unknown[0]!r}; there are {', '.join(layers)}")
    first = next((name for name, layer in layers.items() if isinstance(layer, nn.Conv2d | nn.Linear)), None)
    table = {name: _by_type(chosen, layer) for name, layer in layers.items()}
    if chosen.first is not None and first is not None:
        table[first] = chosen.first
    return {**table, **own}


def _by_type(composite: Composite, layer: nn.Module) -> Rule:
    for types, rule in composite.rows:
        if isinstance(layer, types):
            return rule
    raise RuleError(f"the composite has no rule for a layer of type {type(layer).__name__}; name one in rules")
