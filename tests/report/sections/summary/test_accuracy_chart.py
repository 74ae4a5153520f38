"""The chart of accuracies: text that stays text, the same bytes each time."""

import re

from tests.report.charts import texts
from tests.report.contents import NAMES, small_report
from xaisigns.report.sections.summary import accuracies as told_accuracies
from xaisigns.report.sections.summary.accuracy_chart import accuracy_chart


def accuracies(**changes):
    return told_accuracies(small_report(**changes))


def test_every_class_has_its_name_number_and_accuracy_as_text():
    found = texts(accuracy_chart(accuracies(names={**NAMES, 1: "$x$ <b>"}), "de"))
    assert [text for text in found if not text.endswith("0\u202f%")] == ["Überholverbot", "0", "$x$ <b>", "1"]
    assert {"80,0\u202f%", "90,0\u202f%"} <= set(found)


def test_the_same_data_give_the_same_bytes():
    svg = accuracy_chart(accuracies(), "de")
    assert svg == accuracy_chart(accuracies(), "de")
    assert not re.search(rb"20\d\d-\d\d-\d\dT", svg)
