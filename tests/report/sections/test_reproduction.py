"""What it takes to make a report again, in words."""

from tests.report.contents import small_report, told
from xaisigns.report.sections.reproduction import Reproduction


def test_how_it_was_made():
    shown = told(Reproduction, small_report())
    assert shown["facts"] == [["Startwert", "7"], ["Prozessor", "2 Kerne"], ["Dauer", "1 min 23 s"]]
    assert shown["command"] == "xaisigns report gtsrb --out a.pdf"
    assert (shown["versions"], shown["fingerprints"]) == ([["torch", "2.14"]], [["Modell", "abc123"]])
