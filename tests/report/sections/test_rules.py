"""The rules in words."""

from tests.report.contents import small_report, told
from xaisigns.attribution.network import Change
from xaisigns.report.sections.rules import Rules, told_change


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
