"""JSON as xaisigns writes it: read with nothing guessed, and what is wrong with it told in one line."""

import json
from typing import TYPE_CHECKING, Any

from xaisigns.data.bounds import shown

if TYPE_CHECKING:
    from pydantic import ValidationError


def strict_json(text: str | bytes) -> Any:
    """The document in a JSON text; raises ValueError for what other programs may read otherwise.

    That is a name that comes twice, a number that is none, and what is nested or long beyond sense.
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def first_fault(error: "ValidationError") -> str:
    """Where in a document the first fault is, what was wanted and what came."""
    fault = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(map(str, fault["loc"]))
    return f"{shown(place)[1:-1]}: {fault['msg']}, got {shown(fault['input'])}" if place else fault["msg"]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{shown(name)} is in it twice")
        found[name] = value
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON's")
