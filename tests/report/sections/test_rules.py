"""The rules in words."""

from tests.report.contents import small_report, told
from xaisigns.report.sections.rules import Rules


def test_every_layer_has_its_rule():
    shown = told(Rules, small_report())
    assert shown["rules"][0]["parameters"] == "stabilizer 1,0·10⁻⁶"
    assert [row["source"] for row in shown["rules"]] == ["Zusammenstellung", "Art"]
    assert [row["change"] for row in shown["rules"]] == ["", "in features.0 eingerechnet"]
