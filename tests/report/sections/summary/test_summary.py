"""The accuracies in words."""

import pytest

from tests.report.contents import bare_report, small_report, told
from xaisigns.report.sections.summary import Summary, accuracies


def test_accuracies_have_their_interval_and_leave_out_classes_without_images():
    rows = accuracies(small_report())
    assert [row["id"] for row in rows] == [0, 1]
    assert rows[0]["text"] == "80,0\u202f%"
    # Wilson's interval of 8 in 10, from a table.
    assert rows[0]["bar"]["low"] == pytest.approx(0.4902, abs=1e-4)
    assert rows[0]["bar"]["high"] == pytest.approx(0.9433, abs=1e-4)


def test_confusions_are_counted():
    shown = told(Summary, small_report())
    assert [(row["label"], row["called"], row["share"]) for row in shown["confusions"]] == [
        (0, 1, "10,0\u202f%"),
        (0, 2, "10,0\u202f%"),
        (1, 2, "10,0\u202f%"),
    ]
    assert shown["confusions_note"].endswith("insgesamt: 3.")
    assert told(Summary, bare_report())["confusions"] == []
