"""Which values the settings of metrics may take, on the command line and in Python."""

from typing import Literal

from xaisigns.base.bounds import shown
from xaisigns.errors import MetricError

# What a network computes with: the type of its weights, or bfloat16.
Precision = Literal["full", "bf16"]

MOST_STEPS = 10_000
MOST_OF_A_CLASS = 100_000
_LARGEST = 1e300
_MOST_DRAWN = 2**26  # numbers drawn at once: 512 MB in float64


def check_whole(name: str, value: int, least: int, most: int) -> None:
    """Raise MetricError, naming the setting, for what is not a whole number of ``least`` to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise MetricError(f"{name} must be a whole number from {least} to {most}, got {shown(value)}")


def check_precision(precision: str) -> None:
    """Raise MetricError for a precision that networks are not asked in."""
    if precision not in ("full", "bf16"):
        raise MetricError(f"precision must be full or bf16, got {shown(precision)}")


def check_samples(samples: int, size: int) -> None:
    """Raise MetricError for fewer than one sample of ``size`` numbers, or for more than memory should hold."""
    check_whole("samples", samples, 1, max(1, _MOST_DRAWN // size))


def check_positive(name: str, value: float) -> None:
    """Raise MetricError, naming the setting, for what is not a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LARGEST:
        raise MetricError(f"{name} must be a finite number above 0, got {shown(value)}")
