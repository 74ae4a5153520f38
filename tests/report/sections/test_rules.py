"""The rules in words."""

import pytest

from tests.report.contents import small_report, told
from xaisigns.attribution.network import Change
from xaisigns.report.sections.rules import Rules, _told, told_change


@pytest.mark.parametrize(
    ("value", "written"), [(0.05, "gamma 0,05"), (2, "gamma 2"), (-1.5, "gamma −1,5"), (1e-9, "gamma 1,0·10⁻⁹")]
)
def test_a_parameter_has_all_its_digits_and_no_more(value, written):
    assert _told("gamma", value, "de") == written


def test_every_layer_has_its_rule():
    shown = told(Rules, small_report())
    assert shown["rules"][0]["parameters"] == "stabilizer 1,0·10⁻⁶"
    assert [row["source"] for row in shown["rules"]] == ["Zusammenstellung", "Art"]
    assert [row["change"] for row in shown["rules"]] == ["", "in features.0 eingerechnet"]


def test_what_is_changed_before_lrp_is_told():
    folded = Change("folded", "features.0")._asdict()
    assert told_change(folded, "en") == "folded into features.0"
    assert told_change(folded, "de") == "in features.0 eingerechnet"
    assert told_change(Change("made_layer")._asdict(), "de") == "zur Schicht gemacht"
    assert told_change(Change("made_affine")._asdict(), "en") == "turned into a scale and a shift"
    assert told_change(Change("out_of_place")._asdict(), "en") == "works on a copy"
    assert told_change(None, "de") == ""
