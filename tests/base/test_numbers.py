"""Numbers as a language writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xaisigns.base.numbers import number, percent, whole, written


@pytest.mark.parametrize(
    ("value", "german", "english"),
    [
        (0, "0,00", "0.00"),
        (0.5, "0,500", "0.500"),
        (-0.01234, "−0,0123", "−0.0123"),
        (12.345, "12,3", "12.3"),
        (1234.5, "1234", "1234"),
        (1e-6, "1,0·10⁻⁶", "1.0·10⁻⁶"),
        (-2.34e7, "−2,3·10⁷", "−2.3·10⁷"),
        (float("nan"), "–", "–"),
        (float("inf"), "–", "–"),
    ],
)
def test_numbers(value, german, english):
    assert number(value, "de") == german
    assert number(value, "en") == english


@given(st.floats(-1e12, 1e12).filter(lambda value: abs(value) > 1e-9))
def test_numbers_say_the_value_to_two_digits(value):
    text = number(value, "en").replace("−", "-")
    mantissa, _, exponent = text.partition("·10")
    power = int(exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)
    assert float(mantissa) * 10.0**power == pytest.approx(value, rel=0.05)


def test_shares_counts_and_what_python_wrote():
    assert percent(0.9953, "de") == "99,5\u202f%"
    assert percent(0.9953, "en", 2) == "99.53%"
    assert percent(float("nan"), "de") == percent(None, "en") == "–"
    assert whole(12630, "de") == "12\u202f630"
    assert whole(12630, "en") == "12,630"
    assert written("± 0.25", "de") == "± 0,25"
    assert written("± 0.25", "en") == "± 0.25"
