"""What a page cannot hold is left out."""

import json

from hypothesis import given
from hypothesis import strategies as st

from xaisigns.report.page_text import plain


@given(st.text(st.characters()))
def test_plain_text_is_one_line_that_json_and_utf_8_hold(text):
    shown = plain(text)
    assert shown == plain(shown)
    assert json.loads(json.dumps(shown)) == shown
    assert shown.encode().decode() == shown
    assert shown.splitlines() in ([], [shown])


def test_plain_text_drops_what_no_font_shows():
    assert plain(" a\x00b\n\tc \ud800") == "a b c"


def test_plain_text_keeps_the_direction_of_its_line():
    assert plain("z\u202eevil \u2066x\u2069, \u0642\u0641\u200d") == "z evil x , \u0642\u0641\u200d"
