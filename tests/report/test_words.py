"""Both languages say the same."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xaisigns.attribution.canonize import Change
from xaisigns.report.words import METRIC_WORDS, WORDS, plain, told_change

METRICS = {
    language: {f"{key} {place}": text for key, texts in told.items() for place, text in enumerate(texts)}
    for language, told in METRIC_WORDS.items()
}


@pytest.mark.parametrize(
    "words",
    [WORDS, METRICS],
    ids=["report", "metrics"],
)
def test_both_languages_have_every_text_with_the_same_blanks(words):
    assert words["de"].keys() == words["en"].keys()
    for key, english in words["en"].items():
        blanks = [sorted(re.findall(r"{\w+}", text)) for text in (english, words["de"][key])]
        assert blanks[0] == blanks[1], key


def test_what_is_changed_before_lrp_is_told():
    folded = Change("folded", "features.0")._asdict()
    assert told_change(folded, "en") == "folded into features.0"
    assert told_change(folded, "de") == "in features.0 eingerechnet"
    assert told_change(Change("made_layer")._asdict(), "de") == "zur Schicht gemacht"
    assert told_change(Change("out_of_place")._asdict(), "en") == "made to work out of place"
    assert told_change(None, "de") == ""


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
