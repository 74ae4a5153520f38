from xaisigns.attribution.canonize import Change
from xaisigns.report.rule_words import told_change, told_source


def test_what_is_changed_before_lrp_is_told():
    folded = Change("folded", "features.0")._asdict()
    assert told_change(folded, "en") == "folded into features.0"
    assert told_change(folded, "de") == "in features.0 eingerechnet"
    assert told_change(Change("made_layer")._asdict(), "de") == "zur Schicht gemacht"
    assert told_change(Change("out_of_place")._asdict(), "en") == "made to work out of place"
    assert told_change(None, "de") == ""


def test_who_chose_a_rule_is_told():
    assert [told_source("composite", language) for language in ("en", "de")] == ["composite", "Zusammenstellung"]
