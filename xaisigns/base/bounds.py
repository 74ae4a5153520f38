"""Numbers from people, programs and files: plain ones within bounds, checked before work begins."""

import numbers
from collections.abc import Callable
from typing import Any, TypeVar

from xaisigns.errors import DataError

LARGEST_SEED = 2**63 - 1
SMALLEST_SIDE, LARGEST_SIDE = 16, 2048  # pixels of a drawn sign; the largest is drawn in half a gigabyte of memory
LARGEST_PER_CLASS = 10_000  # drawn images, of which each class of GTSRB gets a third more to test
_MOST_SHOWN = 100  # characters

Number = TypeVar("Number", int, float)


def whole(value: Any, lowest: int, highest: int) -> int | None:
    """A whole number of Python's or NumPy's as Python's own; None for anything else or beyond the bounds."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        return None
    number = int(value)
    return number if lowest <= number <= highest else None


def real(value: Any, lowest: float, highest: float) -> float | None:
    """A number of Python's or NumPy's as Python's own; None for anything else, NaN, or beyond the bounds."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if lowest <= number <= highest else None


def each(values: Any, count: int, plain: Callable[[Any], Number | None]) -> tuple[Number, ...] | None:
    """``count`` numbers, each passed through ``plain``; None for another count or when one of them is None."""
    try:
        made = [plain(value) for value in values]
    except TypeError:
        return None
    found = tuple(value for value in made if value is not None)
    return found if len(found) == len(made) == count else None


def check_seed(seed: Any) -> int:
    """The seed as Python's own number. Raises DataError for what is not a whole number in 0..2**63 - 1."""
    checked = whole(seed, 0, LARGEST_SEED)
    if checked is None:
        raise DataError(f"a seed must be a whole number from 0 to {LARGEST_SEED}, got {shown(seed)}")
    return checked


def shown(value: Any) -> str:
    """A value as an error message shows it: on one line, and cut where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, lists in lists
        text = f"a {type(value).__name__} too long to be shown"
    text = " ".join(text.split())
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
