"""What it takes to make a report again, in words."""

from dataclasses import replace

import pytest

from tests.report.contents import small_report, told
from xaisigns.report.html import html_report
from xaisigns.report.sections.reproduction import Reproduction


def test_how_it_was_made():
    shown = told(Reproduction, small_report())
    assert shown["facts"] == [["Startwert", "7"], ["Prozessor", "2 Kerne"], ["Dauer", "1 min 23 s"]]
    assert shown["command"] == "xaisigns report gtsrb --out a.pdf"
    assert (shown["versions"], shown["fingerprints"]) == ([["torch", "2.14"]], [["Modell", "abc123"]])


@pytest.mark.parametrize(("command", "shown"), [("xaisigns report", "xaisigns report"), (None, None)])
def test_a_command_is_shown_or_said_to_be_missing(command, shown):
    report = small_report()
    made = replace(report.section(Reproduction), command=command)
    sections = tuple(made if isinstance(one, Reproduction) else one for one in report.sections)
    page = html_report(replace(report, sections=sections)).decode()
    assert ("Kein einzelner Befehl erzeugt diesen Bericht" in page) == (shown is None)
    assert ("<pre>xaisigns report</pre>" in page) == (shown is not None)
    assert "None" not in page
