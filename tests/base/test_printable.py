"""Anyone's text, made safe to show."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xaisigns.base.printable import printable


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
