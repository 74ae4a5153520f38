"""The title page in words."""

from tests.report.contents import small_report, told
from xaisigns.report.sections.front import Front


def test_the_front_in_german():
    front = told(Front, small_report())
    assert front["accuracy"] == "85,00\u202f%"
    assert "von 20 Testbildern" in front["accuracy_of"]
    assert "64,00\u202f% bis 94,76\u202f%" in front["accuracy_of"]
    assert front["facts"][2] == ["Datum", "1. März 2026"]
    assert front["finding"] == "Das Netz hat „Aufkleber = 70“ gelernt."
    assert front["highlights"][0]["caption"].startswith("Überholverbot mit Aufkleber, erkannt als <script>")


def test_the_front_in_english():
    front = told(Front, small_report(language="en"))
    assert front["accuracy"] == "85.00%"
    assert front["facts"][2] == ["Date", "1 March 2026"]
