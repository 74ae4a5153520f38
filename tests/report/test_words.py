"""Both languages say the same, and write numbers their own way."""

import datetime
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xaisigns.report.words import WORDS, date, duration, number, percent, plain, whole


def test_both_languages_have_every_text_with_the_same_blanks():
    assert WORDS["de"].keys() == WORDS["en"].keys()
    for key, english in WORDS["en"].items():
        blanks = [sorted(re.findall(r"{\w+}", text)) for text in (english, WORDS["de"][key])]
        assert blanks[0] == blanks[1], key


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


def test_shares_counts_dates_and_durations():
    assert percent(0.9953, "de") == "99,5\u202f%"
    assert percent(0.9953, "en", 2) == "99.53%"
    assert percent(float("nan"), "de") == "–"
    assert whole(12630, "de") == "12\u202f630"
    assert whole(12630, "en") == "12,630"
    assert date(datetime.date(2026, 3, 1), "de") == "1. März 2026"
    assert date(datetime.date(2026, 3, 1), "en") == "1 March 2026"
    assert duration(83.4) == "1 min 23 s"
    assert duration(4.2) == "4 s"


@given(st.text(st.characters()))
def test_plain_text_is_one_line_that_json_and_utf_8_hold(text):
    shown = plain(text)
    assert shown == plain(shown)
    assert json.loads(json.dumps(shown)) == shown
    assert shown.encode().decode() == shown
    assert shown.splitlines() in ([], [shown])


def test_plain_text_drops_what_no_font_shows():
    assert plain(" a\x00b\n\tc \ud800") == "a b c"
