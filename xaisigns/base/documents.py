"""JSON: written so that every reader takes it and nothing is lost, read with nothing guessed."""

import json
import math
from typing import TYPE_CHECKING, Any

from xaisigns.base.bounds import shown

if TYPE_CHECKING:
    from pydantic import ValidationError

_DEEPEST = 20


def json_text(document: Any, *, indent: int | None = 2, encoding: str = "utf-8") -> str:
    """The document as JSON, in which a number that is not finite is null.

    Text stays as it is where ``encoding`` can hold it. Else all beyond ASCII is escaped, so that no character is lost:
    not in an ASCII terminal, and not a byte of a file name that is no UTF-8, which Python has as half a character.
    """
    finite = _with_null(document)
    text = json.dumps(finite, ensure_ascii=False, allow_nan=False, indent=indent)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(finite, allow_nan=False, indent=indent)
    return text


def strict_json(text: str | bytes) -> Any:
    """The document in a JSON text; raises ValueError for what other programs may read otherwise.

    That is a name that comes twice, a number that is not finite or has no room in 64 bits, half a character, and what
    is nested beyond sense.
    """
    try:
        document = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite, parse_int=_in_64_bits
        )
        json.dumps(document, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if _depth(document) > _DEEPEST:
        raise ValueError(f"it is nested more than {_DEEPEST} deep")
    return document


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


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON's")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:30]} is too large")
    return value


def _in_64_bits(text: str) -> int:
    if len(text) > 20 or abs(value := int(text)) >= 2**64:
        raise ValueError(f"{text[:30]} has no room in 64 bits")
    return value


def _depth(document: Any) -> int:
    depth, level = 0, [document]
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
        ]
    return depth


def _with_null(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _with_null(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_with_null(one) for one in value]
    return value
