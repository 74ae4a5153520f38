"""Rules by their names, with the parameters that they take."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field

from xaisigns.attribution.layer_rule import LayerRule
from xaisigns.attribution.options import Value, options_of, value_text
from xaisigns.attribution.rules import (
    AlphaBeta,
    Epsilon,
    Flat,
    Gamma,
    Gradient,
    Magnitudes,
    Norm,
    Pass,
    Signal,
    WSquare,
    ZBox,
    ZPlus,
)
from xaisigns.base.bounds import shown
from xaisigns.base.plugins import Registry, is_of_package
from xaisigns.errors import RuleError

RULES: Registry[type[LayerRule]] = Registry("rule", RuleError)


def register_rule(name: str, rule: type[LayerRule]) -> None:
    """Make a subclass of LayerRule a rule that is found by its name: in Python, in files of rules and in composites.

    Parameters of its constructor with a number as default are the rule's; ``Annotated[float, Between(low, high)]``
    gives one a range. So are those with a text as default and its choices as type, ``Literal["one", "another"]``.
    Raises RuleError for a name that is taken or cannot be written, and for a class that is no rule.
    """
    if not isinstance(rule, type) or not issubclass(rule, LayerRule):
        raise RuleError(f"a rule is a subclass of LayerRule, got {shown(rule)}")
    if not _says(rule):
        raise RuleError(f"rule {rule.__name__} must say what becomes of the relevance: def relevance(self, x, z, r)")
    _check_constructor(rule)
    _check_relevance(rule)
    RULES.register(name, rule)


@dataclass(frozen=True)
class Rule:
    """A rule by its name, with the parameters that differ from its defaults: ``Rule("gamma", {"gamma": 0.1})``.

    Raises RuleError for a name or a parameter that does not exist, with those that do.
    """

    name: str
    parameters: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or self.name not in RULES:
            raise RuleError(f"no rule {shown(self.name)}; there are {', '.join(RULES)}")
        if not isinstance(self.parameters, Mapping):
            raise RuleError(f'parameters are wanted by name, such as {{"gamma": 0.1}}, got {shown(self.parameters)}')
        known = options_of(RULES[self.name])
        for name, value in self.parameters.items():
            if name not in known:
                raise RuleError(
                    f"rule {self.name!r} has no parameter {shown(name)}; it has {', '.join(known) or 'none'}"
                )
            if not known[name].takes(value):
                low, high = known[name].range
                wanted = " or ".join(known[name].choices) or f"a number from {low:g} to {high:g}"
                raise RuleError(f"parameter {name!r} of rule {self.name!r} must be {wanted}, got {shown(value)}")

    @property
    def settings(self) -> dict[str, Value]:
        """All parameters, the defaults included."""
        return {**rule_defaults(self.name), **self.parameters}

    @property
    def is_built_in(self) -> bool:
        """Whether name and parameters tell all that the rule does, which they do not for a class of the caller's."""
        return is_of_package(RULES[self.name])


def rule_defaults(name: str) -> dict[str, Value]:
    """The parameters of a rule and their defaults."""
    return {parameter: option.default for parameter, option in options_of(RULES[name]).items()}


def _says(rule: type[LayerRule]) -> bool:
    """Whether a rule says what becomes of the relevance."""
    own = rule.relevance is not LayerRule.relevance or rule.shared_out is not LayerRule.shared_out
    return own or issubclass(rule, Gradient)


def _check_relevance(rule: type[LayerRule]) -> None:
    try:
        inspect.signature(rule.relevance).bind(None, None, None, None)
    except TypeError as error:
        raise RuleError(
            f"rule {rule.__name__} must say what becomes of the relevance: def relevance(self, x, z, r); "
            f"its own cannot be called so: {error}"
        ) from error


def _check_constructor(rule: type[LayerRule]) -> None:
    """Raise RuleError for a constructor that cannot be called with a layer, ``signs`` and the rule's own parameters."""
    layer, *parameters = inspect.signature(rule).parameters.values()
    kinds = {parameter.name: parameter.kind for parameter in parameters}
    if "signs" not in kinds and inspect.Parameter.VAR_KEYWORD not in kinds.values():
        raise RuleError(f"the constructor of rule {rule.__name__} must take signs=... and hand it on to LayerRule's")
    options = options_of(rule)
    made = {"signs", "bounds"} if issubclass(rule, ZBox) else {"signs"}
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    wrong = [name for name, kind in kinds.items() if name not in {*made, *options} and kind not in variable]
    if wrong or layer.kind in variable:
        raise RuleError(
            f"the constructor of rule {rule.__name__} must take a layer and then parameters with a number as default, "
            f"or with a text that is a choice of their Literal; {', '.join(wrong) or layer.name} is none"
        )
    for name, option in options.items():
        if not option.takes(option.default):
            low, high = option.range
            known = f"choices are {', '.join(option.choices)}" if option.choices else f"range is {low:g} to {high:g}"
            raise RuleError(f"{name} of rule {rule.__name__} is {value_text(option.default)} by default, its {known}")


for _name, _rule in (
    ("epsilon", Epsilon),
    ("gamma", Gamma),
    ("alpha_beta", AlphaBeta),
    ("z_plus", ZPlus),
    ("flat", Flat),
    ("w_square", WSquare),
    ("z_box", ZBox),
    ("pass", Pass),
    ("norm", Norm),
    ("magnitude", Magnitudes),
    ("signal", Signal),
    ("gradient", Gradient),
):
    register_rule(_name, _rule)
