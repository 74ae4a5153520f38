"""What a method or a rule can be given: numbers with their ranges, and choices, as its signature tells them."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from xaisigns.attribution.specification import number, number_text
from xaisigns.base.bounds import shown
from xaisigns.errors import XaisignsError

Value = float | str

# Images in one pass through the network, whatever a method makes of each image.
BATCH = 32


class Between(NamedTuple):
    """The range of an option, both ends in it: ``Annotated[int, Between(1, 9)]`` in a signature."""

    low: float
    high: float


Count = Annotated[int, Between(1, 100_000)]
Pixels = Annotated[int, Between(1, 10_000)]
PixelsIfAny = Annotated[int, Between(0, 10_000)]  # 0: as many as fit the image
Seed = Annotated[int, Between(0, 2**32 - 1)]  # what numpy takes
# What a stabiliser of zero would divide by is zero, too.
Stabilizer = Annotated[float, Between(1e-12, 1e12)]
Factor = Annotated[float, Between(0, 1e12)]
# Whether a bias keeps its share of the relevance, or the inputs share all of it.
Bias = Literal["absorb", "ignore"]


class Option(NamedTuple):
    """An option's default, whose type is the option's, and the range of its values, or for a text the choices."""

    default: Value
    range: Between = Between(-math.inf, math.inf)
    choices: tuple[str, ...] = ()

    def takes(self, value: object) -> bool:
        """Whether it is one of the choices, or a number within the range."""
        if self.choices:
            return isinstance(value, str) and value in self.choices
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        return numeric and self.range.low <= value <= self.range.high  # type: ignore[operator]

    def read(self, name: str, text: str, kind: type[int] | type[float], error: type[XaisignsError]) -> Value:
        """The value that a text says: a choice, or a number of that kind, whose range is for others to check.

        Raises ``error``, naming the option, for anything else.
        """
        if not self.choices:
            return number(name, text, kind, error)
        if text not in self.choices:
            raise error(f"{name} must be {' or '.join(self.choices)}, got {shown(text)}")
        return text


def options_of(function: Callable[..., Any]) -> Mapping[str, Option]:
    """The options of a function or class by name: its parameters with a number, or a choice of texts, as default.

    The choices are those of ``Literal["one", "another"]`` in the signature.
    """
    found = {}
    for parameter in _signature(function).parameters.values():
        choices = _choices(parameter.annotation) if isinstance(parameter.default, str) else ()
        if choices or type(parameter.default) in (int, float):
            found[parameter.name] = Option(parameter.default, _range(parameter.annotation), choices)
    return found


def value_text(value: Value) -> str:
    """A value as it is written in a specification."""
    return value if isinstance(value, str) else number_text(value)


def _range(annotation: Any) -> Between:
    ranges = (one for one in getattr(annotation, "__metadata__", ()) if isinstance(one, Between))
    return next(ranges, Between(-math.inf, math.inf))


def _choices(annotation: Any) -> tuple[str, ...]:
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    return choices if all(isinstance(choice, str) for choice in choices) else ()


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except NameError:  # a type that is imported for type checkers only
        return inspect.signature(function)
