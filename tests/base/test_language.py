"""Which language is spoken, and how it writes numbers and foreign names."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xaisigns.base.language import chosen_language
from xaisigns.base.numbers import number, percent, whole, written
from xaisigns.base.printable import printable
from xaisigns.base.texts import Text, Texts
from xaisigns.errors import LanguageError


def test_the_argument_wins_over_the_variable_and_that_over_english(monkeypatch):
    assert chosen_language() == "en"
    monkeypatch.setenv("XAISIGNS_LANG", "")
    assert chosen_language() == "en"
    monkeypatch.setenv("XAISIGNS_LANG", "de")
    assert chosen_language() == "de"
    assert chosen_language("en") == "en"
    monkeypatch.setenv("XAISIGNS_LANG", "nonsense")
    assert chosen_language("de") == "de"


@pytest.mark.parametrize("name", ["fr", "DE", "de_DE.UTF-8", " en"])
def test_another_language_is_refused(name, monkeypatch):
    with pytest.raises(LanguageError, match=f"language must be de or en, got {name!r}"):
        chosen_language(name)
    monkeypatch.setenv("XAISIGNS_LANG", name)
    with pytest.raises(LanguageError, match=f"XAISIGNS_LANG must be de or en, got {name!r}"):
        chosen_language()


def test_a_text_is_told_in_the_wanted_language():
    assert [Text("sign", "Schild").told(language) for language in ("en", "de")] == ["sign", "Schild"]


def test_a_single_thing_has_its_own_text():
    told = [Texts("cli").counted("images", count, "de") for count in (0, 1, 2, 39209)]
    assert told == ["0 Bilder", "1 Bild", "2 Bilder", "39\u202f209 Bilder"]


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


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Überholverbot 日本 [red] C:\\x", "Überholverbot 日本 [red] C:\\x"),
        ("99,5\u202f%", "99,5\u202f%"),
        ("a\x1b[2Jb\a\r\n\t", r"a\x1b[2Jb\x07\r\n\t"),
        ("\x7f\x85\x9b31m", r"\x7f\x85\x9b31m"),
        ("\u202egnp.exe\u2066\u200b\u200d\ufeff\u00ad\u2028", r"\u202egnp.exe\u2066\u200b\u200d\ufeff\xad\u2028"),
        ("stra\udcdfe\U000e0041", r"stra\udcdfe\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_or_hide_is_escaped(name, shown):
    assert printable(name) == shown


@given(st.text(st.characters()))
def test_what_is_shown_is_one_line_without_controls(text):
    shown = printable(text)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")
