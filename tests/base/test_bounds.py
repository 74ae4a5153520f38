import math
from fractions import Fraction

import numpy as np
import pytest

from xaisigns.base.bounds import LARGEST_SEED, check_seed, each, real, shown, whole
from xaisigns.errors import DataError


@pytest.mark.parametrize("value", [0, 9, np.int64(3), np.uint8(9)])
def test_whole_numbers_become_pythons(value):
    assert whole(value, 0, 9) == value
    assert type(whole(value, 0, 9)) is int


@pytest.mark.parametrize("value", [-1, 10, 1.0, "1", None, True, np.bool_(True), 10**400, math.nan, [1]])
def test_anything_else_is_no_whole_number_within_bounds(value):
    assert whole(value, 0, 9) is None


@pytest.mark.parametrize("value", [0, 0.5, 1, np.float32(0.5), np.int8(1), Fraction(1, 2)])
def test_numbers_become_pythons(value):
    assert real(value, 0, 1) == value
    assert type(real(value, 0, 1)) is float


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf, -math.inf, "0.5", None, True, 10**400, 1j, [0.5]])
def test_anything_else_is_no_number_within_bounds(value):
    assert real(value, 0, 1) is None


@pytest.mark.parametrize("values", [(1,), (1, 2, 3), (1, None), ("1", "2"), "12", 12, None])
def test_so_many_numbers_or_none(values):
    assert each([1, 2], 2, lambda value: whole(value, 0, 9)) == (1, 2)
    assert each(values, 2, lambda value: whole(value, 0, 9)) is None


def test_the_seeds_bounds_are_torchs_and_told():
    assert check_seed(np.int64(LARGEST_SEED)) == LARGEST_SEED == 2**63 - 1
    with pytest.raises(DataError, match=f"^a seed must be a whole number from 0 to {2**63 - 1}, got {2**63}$"):
        check_seed(2**63)


def test_a_value_is_shown_in_one_short_line():
    assert shown("a\nb") == r"'a\nb'"
    assert shown("x" * 1000) == f"'{'x' * 99}..."
    assert shown(10**5000) == "a int too long to be shown"
