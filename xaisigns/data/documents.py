"""JSON that every reader takes, and that loses nothing."""

import json
import math
from typing import Any


def json_text(document: Any, *, indent: int | None = 2, encoding: str = "utf-8") -> str:
    """The document as JSON, in which a number that is not finite is null.

    Text stays as it is where ``encoding`` can hold it. Else all beyond ASCII is escaped, so that no character is lost:
    not in an ASCII terminal, and not a byte of a file name that is no UTF-8, which Python has as half a character.
    """
    finite = _finite(document)
    text = json.dumps(finite, ensure_ascii=False, allow_nan=False, indent=indent)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(finite, allow_nan=False, indent=indent)
    return text


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
