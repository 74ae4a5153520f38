"""The ledger in words."""

from tests.report.contents import small_report, told
from xaisigns.report.sections.conservation import Conservation


def test_every_layer_has_what_it_received_and_passed_on():
    shown = told(Conservation, small_report())
    assert shown["ledger_of"] == "Das Bild: 0."
    assert shown["ledger"][0] == {
        "layer": "classifier.0",
        "type": "Linear",
        "rule": "epsilon",
        "received": "5,65",
        "passed": "5,00",
        "kept": "88,5\u202f%",
    }
