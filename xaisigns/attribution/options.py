"""The numbers that a method or a rule can be given: their defaults and ranges, as its signature tells them."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

# Images in one pass through the network, whatever a method makes of each image.
BATCH = 32


class Between(NamedTuple):
    """The range of an option, both ends in it: ``Annotated[int, Between(1, 9)]`` in a signature."""

    low: float
    high: float


Count = Annotated[int, Between(1, 100_000)]
Pixels = Annotated[int, Between(1, 10_000)]
Seed = Annotated[int, Between(0, 2**32 - 1)]  # what numpy takes
# What a stabiliser of zero would divide by is zero, too.
Stabilizer = Annotated[float, Between(1e-12, 1e12)]
Factor = Annotated[float, Between(0, 1e12)]


class Option(NamedTuple):
    """An option's default, whose type is the option's, and the range of its values."""

    default: float
    range: Between = Between(-math.inf, math.inf)


def options_of(function: Callable[..., Any]) -> Mapping[str, Option]:
    """The options of a function or class: its parameters that have a number as default, by name."""
    return {
        parameter.name: Option(parameter.default, *_ranges(parameter.annotation))
        for parameter in _signature(function).parameters.values()
        if type(parameter.default) in (int, float)
    }


def _ranges(annotation: Any) -> list[Between]:
    return [one for one in getattr(annotation, "__metadata__", ()) if isinstance(one, Between)][:1]


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except NameError:  # a type that is imported for type checkers only
        return inspect.signature(function)
