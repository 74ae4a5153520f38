"""Composites: which rule for which layer, as data. Names and defaults are Zennit's [anders2021software]."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from xaisigns.attribution.rules import (
    AlphaBeta,
    Epsilon,
    Flat,
    Gamma,
    Gradient,
    LayerRule,
    Norm,
    Pass,
    WSquare,
    ZBox,
    ZPlus,
)
from xaisigns.attribution.specification import number, number_text, read_specification
from xaisigns.base.bounds import shown
from xaisigns.errors import RuleError

RULES: dict[str, type[LayerRule]] = {
    "epsilon": Epsilon,
    "gamma": Gamma,
    "alpha_beta": AlphaBeta,
    "z_plus": ZPlus,
    "flat": Flat,
    "w_square": WSquare,
    "z_box": ZBox,
    "pass": Pass,
    "norm": Norm,
    "gradient": Gradient,
}
# Of the composites compared in docs/scores.md, the one that put most of the relevance on the sticker.
DEFAULT_COMPOSITE = "epsilon_gamma_box:gamma=0.05"
# What a stabiliser of zero would divide by is zero, too.
_RANGES = {
    "epsilon": (1e-12, 1e12),
    "stabilizer": (1e-12, 1e12),
    "gamma": (0.0, 1e12),
    "alpha": (0.0, 1e12),
    "beta": (0.0, 1e12),
}


@dataclass(frozen=True)
class Rule:
    """A rule by its name, with the parameters that differ from its defaults: ``Rule("gamma", {"gamma": 0.1})``.

    Raises RuleError for a name or a parameter that does not exist, with those that do.
    """

    name: str
    parameters: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or self.name not in RULES:
            raise RuleError(f"no rule {shown(self.name)}; there are {', '.join(RULES)}")
        if not isinstance(self.parameters, Mapping):
            raise RuleError(f'parameters are wanted by name, such as {{"gamma": 0.1}}, got {shown(self.parameters)}')
        known = rule_defaults(self.name)
        for name, value in self.parameters.items():
            if name not in known:
                raise RuleError(
                    f"rule {self.name!r} has no parameter {shown(name)}; it has {', '.join(known) or 'none'}"
                )
            low, high = _RANGES[name]
            numeric = isinstance(value, int | float) and not isinstance(value, bool)
            if not numeric or not low <= value <= high:
                raise RuleError(
                    f"parameter {name!r} of rule {self.name!r} must be a number from {low:g} to {high:g}, "
                    f"got {shown(value)}"
                )

    @property
    def settings(self) -> dict[str, float]:
        """All parameters, the defaults included."""
        return {**rule_defaults(self.name), **self.parameters}


def rule_defaults(name: str) -> dict[str, float]:
    """The parameters of a rule and their defaults."""
    parameters = inspect.signature(RULES[name]).parameters.values()
    given: dict[str, Any] = {p.name: p.default for p in parameters if p.name not in ("layer", "bounds", "signs")}
    # Pass and gradient divide by nothing: they inherit the stabiliser and have no use for it.
    return {} if name in ("pass", "gradient") else given


@dataclass(frozen=True)
class Composite:
    """``first`` is for the first convolution or linear layer; the others take the first row that has their type."""

    rows: tuple[tuple[tuple[type[nn.Module], ...], Rule], ...]
    first: Rule | None = None

    def rule(self, layer: nn.Module, *, is_first: bool) -> Rule | None:
        """The rule for a layer; None where the composite has none for its type."""
        if is_first and self.first is not None:
            return self.first
        return next((rule for types, rule in self.rows if isinstance(layer, types)), None)


def _composite(convolution: Rule, linear: Rule, first: Rule | None = None, activation: str = "pass") -> Composite:
    rows: tuple[tuple[tuple[type[nn.Module], ...], Rule], ...] = (
        ((nn.ReLU,), Rule(activation)),
        ((nn.AvgPool2d, nn.AdaptiveAvgPool2d), Rule("norm")),
        ((nn.MaxPool2d, nn.Flatten, nn.Identity, nn.Dropout), Rule("gradient")),
        ((nn.Conv2d,), convolution),
        ((nn.Linear,), linear),
    )
    return Composite(rows, first)


COMPOSITES = {
    "epsilon": _composite(Rule("epsilon"), Rule("epsilon")),
    "epsilon_plus": _composite(Rule("z_plus"), Rule("epsilon")),
    "epsilon_plus_flat": _composite(Rule("z_plus"), Rule("epsilon"), first=Rule("flat")),
    "epsilon_gamma_box": _composite(Rule("gamma"), Rule("epsilon"), first=Rule("z_box")),
    "epsilon_alpha2_beta1": _composite(Rule("alpha_beta"), Rule("epsilon")),
    "epsilon_alpha2_beta1_flat": _composite(Rule("alpha_beta"), Rule("epsilon"), first=Rule("flat")),
    "excitation_backprop": _composite(Rule("z_plus"), Rule("z_plus"), activation="gradient"),
}

# What scores and tuning compare: all of them, and the one that favours by gamma with more and less of it.
COMPARED = (*COMPOSITES, *(f"epsilon_gamma_box:gamma={gamma}" for gamma in (0.02, 0.05, 0.1, 0.5)))


def find_composite(text: str) -> Composite:
    """A composite by its name, with - or _, and parameters: ``"epsilon_gamma_box:gamma=0.1"``.

    A parameter is set in every row whose rule has it. Raises RuleError for a name or a parameter that does not exist,
    with those that do, and for a value that the rule cannot have.
    """
    name, values = _read(text)
    found = COMPOSITES[name]
    rows = tuple((types, _with(rule, values)) for types, rule in found.rows)
    return Composite(rows, found.first and _with(found.first, values))


def canonical_composite(text: str) -> str:
    """The one text for a composite, however it was written: without parameters that change nothing, in order.

    Raises RuleError as ``find_composite`` does.

    >>> canonical_composite("epsilon-gamma-box:gamma=.10:epsilon=1e-6")
    'epsilon_gamma_box:gamma=0.1'
    """
    name, values = _read(text)
    find_composite(text)
    rules = _rules(COMPOSITES[name])
    changing = {
        parameter: value
        for parameter, value in sorted(values.items())
        if any(rule.settings.get(parameter, value) != value for rule in rules)
    }
    return ":".join([name, *(f"{parameter}={number_text(value)}" for parameter, value in changing.items())])


def _read(text: str) -> tuple[str, dict[str, float]]:
    wanted = read_specification(text)
    if wanted.name not in COMPOSITES or wanted.words or wanted.contrast:
        raise RuleError(f"no composite {shown(text)}; there are {', '.join(COMPOSITES)}")
    values = {name: number(name, value, float, RuleError) for name, value in wanted.options.items()}
    known = sorted({name for rule in _rules(COMPOSITES[wanted.name]) for name in rule.settings})
    for name in values:
        if name not in known:
            raise RuleError(f"composite {wanted.name!r} has no parameter {name!r}; it has {', '.join(known)}")
    return wanted.name, values


def _rules(composite: Composite) -> list[Rule]:
    return [rule for _, rule in composite.rows] + ([composite.first] if composite.first else [])


def _with(rule: Rule, values: Mapping[str, float]) -> Rule:
    own = {name: value for name, value in values.items() if name in rule.settings}
    return replace(rule, parameters={**rule.parameters, **own})
