"""What people write to choose a method or a composite: ``NAME:WORD:option=value``, with - or _ alike."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from xaisigns.base.bounds import shown
from xaisigns.errors import MethodError, XaisignsError

# Of the composites compared in docs/scores.md, the one that put most of the relevance on the sticker.
DEFAULT_COMPOSITE = "epsilon_gamma_box:gamma=0.05"


class Specification(NamedTuple):
    """A name, the plain words after it, the options as text, and whether the word ``contrast`` is among them."""

    name: str
    words: tuple[str, ...] = ()
    options: Mapping[str, str] = MappingProxyType({})
    contrast: bool = False

    def __str__(self) -> str:
        options = (f"{name}={value}" for name, value in self.options.items())
        return ":".join([self.name, *self.words, *options, *(["contrast"] if self.contrast else [])])


def read_specification(text: str) -> Specification:
    """Take ``occlusion:window=8:contrast`` apart. What the parts mean is for others to say.

    Raises MethodError for what is no text, and for an option that is given twice.

    >>> read_specification("occlusion:window=8:contrast").contrast
    True
    >>> str(read_specification("integrated-gradients: steps = 50"))
    'integrated_gradients:steps=50'
    """
    if not isinstance(text, str):
        raise MethodError(f"a method or composite is wanted as text, such as 'lrp:epsilon', got {shown(text)}")
    name, *parts = (part.strip() for part in text.split(":"))
    words = [spelled(part) for part in parts if "=" not in part]
    options: dict[str, str] = {}
    for part in parts:
        option, given, value = part.partition("=")
        if given and options.setdefault(spelled(option), value.strip()) != value.strip():
            raise MethodError(f"option {spelled(option)!r} is given twice in {text!r}")
    return Specification(
        spelled(name), tuple(word for word in words if word != "contrast"), options, "contrast" in words
    )


def number(option: str, value: str, kind: type[int] | type[float], error: type[XaisignsError]) -> float:
    """The value of an option as an int or a finite float; raises ``error`` for anything else."""
    wanted = "a whole number" if kind is int else "a number"
    try:
        read = kind(value)
    except ValueError:
        raise error(f"{option} must be {wanted}, got {value[:40]!r}") from None
    if kind is float and not math.isfinite(read):
        raise error(f"{option} must be {wanted} that is finite, got {value[:40]!r}")
    return read + 0  # so that -0.0 is 0.0


def number_text(value: float) -> str:
    """A number as it is written in a specification: the same for 0.1, 0.10 and 1e-1."""
    return repr(value).removesuffix(".0")


def spelled(name: str) -> str:
    """A name as it is known: with _ for -, whatever stands around it."""
    return name.strip().replace("-", "_")
