"""What people write to choose a method or a composite: ``NAME:WORD:option=value``, with - or _ alike."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from xaisigns.errors import XaisignsError


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
    """Take ``occlusion:window=8:contrast`` apart. What the parts mean is for others to say."""
    name, *parts = (part.strip() for part in text.split(":"))
    words = [_written(part) for part in parts if "=" not in part]
    pairs = (part.split("=", 1) for part in parts if "=" in part)
    return Specification(
        _written(name),
        tuple(word for word in words if word != "contrast"),
        {_written(option): value.strip() for option, value in pairs},
        "contrast" in words,
    )


def number(option: str, value: str, kind: type[int] | type[float], error: type[XaisignsError]) -> float:
    """The value of an option as an int or a float; raises ``error`` for anything else."""
    try:
        return kind(value)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise error(f"{option} must be {wanted}, got {value!r}") from None


def _written(name: str) -> str:
    return name.strip().replace("-", "_")
