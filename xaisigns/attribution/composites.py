"""Composites: which rule for which layer, as data. Names and defaults are Zennit's [anders2021software]."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import nn

from xaisigns.attribution.layers import (
    ACTIVATIONS,
    AVERAGES,
    CONVOLUTIONS,
    MAXIMA,
    MOVES,
    NORMS,
    RESIZES,
    UNCHANGED,
    Affine,
    Concatenation,
    Gate,
    Sum,
)
from xaisigns.attribution.named_rules import RULES, Rule
from xaisigns.attribution.options import Value, options_of, value_text
from xaisigns.attribution.specification import read_specification, spelled
from xaisigns.base.bounds import shown
from xaisigns.base.plugins import Registry
from xaisigns.errors import RuleError

Row = tuple[tuple[type[nn.Module], ...], Rule]


@dataclass(frozen=True)
class Composite:
    """``first`` is for the first convolution or linear layer; the others take the first row that has their type.

    A row is ``((types of layers), Rule)``, such as ``((nn.Conv2d, nn.Linear), Rule("epsilon"))``. Raises RuleError for
    anything else.
    """

    rows: tuple[Row, ...]
    first: Rule | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.rows, tuple | list) or not self.rows:
            raise RuleError(f"a composite wants rows such as ((nn.Conv2d,), Rule('epsilon')), got {shown(self.rows)}")
        for row in self.rows:
            _check_row(row)
        if self.first is not None and not isinstance(self.first, Rule):
            raise RuleError(f"the first layer's rule must be a Rule or None, got {shown(self.first)}")
        object.__setattr__(self, "rows", tuple(self.rows))

    def rule(self, layer: nn.Module, *, is_first: bool) -> Rule | None:
        """The rule for a layer; None where the composite has none for its type."""
        if is_first and self.first is not None:
            return self.first
        return next((rule for types, rule in self.rows if isinstance(layer, types)), None)


def _check_row(row: object) -> None:
    types, rule = row if isinstance(row, tuple) and len(row) == 2 else (None, None)
    layers = isinstance(types, tuple) and bool(types)
    if not layers or not all(isinstance(kind, type) and issubclass(kind, nn.Module) for kind in types or ()):
        raise RuleError(
            f"a row of a composite is ((types of layers), Rule), such as ((nn.ReLU,), Rule('pass')); got {shown(row)}"
        )
    if not isinstance(rule, Rule):
        raise RuleError(f"the rule of a row must be a Rule such as Rule('epsilon'), got {shown(rule)}")


def _composite(convolution: Rule, linear: Rule, first: Rule | None = None, activation: str = "pass") -> Composite:
    rows: tuple[Row, ...] = (
        ((nn.ReLU,), Rule(activation)),
        (ACTIVATIONS, Rule("pass")),
        ((*NORMS, Affine), Rule("epsilon")),
        (AVERAGES, Rule("norm")),
        ((Sum,), Rule("magnitude")),
        ((Gate,), Rule("signal")),
        ((*MAXIMA, *MOVES, *RESIZES, *UNCHANGED, Concatenation), Rule("gradient")),
        (CONVOLUTIONS, convolution),
        ((nn.Linear,), linear),
    )
    return Composite(rows, first)


_BUILT_IN = {
    "epsilon": _composite(Rule("epsilon"), Rule("epsilon")),
    "epsilon_plus": _composite(Rule("z_plus"), Rule("epsilon")),
    "epsilon_plus_flat": _composite(Rule("z_plus"), Rule("epsilon"), first=Rule("flat")),
    "epsilon_gamma_box": _composite(Rule("gamma"), Rule("epsilon"), first=Rule("z_box")),
    "epsilon_alpha2_beta1": _composite(Rule("alpha_beta"), Rule("epsilon")),
    "epsilon_alpha2_beta1_flat": _composite(Rule("alpha_beta"), Rule("epsilon"), first=Rule("flat")),
    "excitation_backprop": _composite(Rule("z_plus"), Rule("z_plus"), activation="gradient"),
}

# What scores and tuning compare: all of them, and the one that favours by gamma with more and less of it.
COMPARED = (*_BUILT_IN, *(f"epsilon_gamma_box:gamma={gamma}" for gamma in (0.02, 0.05, 0.1, 0.5)))


COMPOSITES: Registry[Composite] = Registry("composite", RuleError)


def register_composite(name: str, composite: Composite) -> None:
    """Make a composite of your own one that is found by its name, with - or _, wherever a composite is named.

    Raises RuleError for a name that is taken or cannot be written, and for what is no ``Composite``.
    """
    if not isinstance(composite, Composite):
        raise RuleError(f"a composite is wanted as Composite(rows, first), got {shown(composite)}")
    if spelled(name) == "contrast":
        raise RuleError(f"a composite cannot be named {name!r}, which has a meaning of its own; choose another name")
    COMPOSITES.register(spelled(name), composite)


for _name, _composite_of in _BUILT_IN.items():
    register_composite(_name, _composite_of)


def is_built_in(text: str) -> bool:
    """Whether the name of a composite and its parameters tell all that it does."""
    return _read(text)[0] in _BUILT_IN


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
    return ":".join([name, *(f"{parameter}={value_text(value)}" for parameter, value in changing.items())])


def _read(text: str) -> tuple[str, dict[str, Value]]:
    wanted = read_specification(text)
    if wanted.name not in COMPOSITES or wanted.words or wanted.contrast:
        raise RuleError(f"no composite {shown(text)}; there are {', '.join(COMPOSITES)}")
    known = {
        name: option
        for rule in _rules(COMPOSITES[wanted.name])
        for name, option in options_of(RULES[rule.name]).items()
    }
    for name in wanted.options:
        if name not in known:
            raise RuleError(f"composite {wanted.name!r} has no parameter {name!r}; it has {', '.join(sorted(known))}")
    return wanted.name, {
        name: known[name].read(name, value, float, RuleError) for name, value in wanted.options.items()
    }


def _rules(composite: Composite) -> list[Rule]:
    return [rule for _, rule in composite.rows] + ([composite.first] if composite.first else [])


def _with(rule: Rule, values: Mapping[str, Value]) -> Rule:
    own = {name: value for name, value in values.items() if name in rule.settings}
    return replace(rule, parameters={**rule.parameters, **own})
