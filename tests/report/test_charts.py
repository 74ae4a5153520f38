"""The summary's charts: text that stays text, the same bytes each time."""

import re
from xml.etree import ElementTree

import pytest

from tests.report.contents import MARKUP, METHODS, NAMES, small_report
from xaisigns.report.charts import accuracy_chart, scores_chart
from xaisigns.report.content import Score
from xaisigns.report.document import Document


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def accuracies(**changes):
    return Document(small_report(**changes)).accuracies()


def scores(**changes):
    return Document(small_report(**changes)).metrics()[0]["rows"]


def test_every_class_has_its_name_number_and_accuracy_as_text():
    found = texts(accuracy_chart(accuracies(names={**NAMES, 1: "$x$ <b>"}), "de"))
    assert [text for text in found if not text.endswith("0\u202f%")] == ["Überholverbot", "0", "$x$ <b>", "1"]
    assert {"80,0\u202f%", "90,0\u202f%"} <= set(found)


def test_a_name_that_is_too_long_is_cut():
    shown = next(text for text in texts(accuracy_chart(accuracies(), "en")) if text.startswith("<script>"))
    assert len(shown) == 60
    assert shown == f"{MARKUP[:59]}…"


def test_every_method_has_its_score_as_text():
    assert texts(scores_chart(scores())) == ["LRP ε-γ", "0,750", "Saliency", "0,500", "Zufall", "0,200"]


def test_a_score_that_was_not_measured_has_no_bar():
    missing = {"inside": {"lrp": Score(*[float("nan")] * 3)}}
    svg = scores_chart(scores(scores=missing))
    assert texts(svg) == ["LRP ε-γ", "–"]
    assert b"#2f6690" not in svg


def test_controls_are_grey():
    assert scores_chart(scores()).count(b"#9aa5b1") == 1
    assert b"#9aa5b1" not in scores_chart(scores(methods=METHODS, scores={"inside": {"lrp": Score(1, 1, 1)}}))


@pytest.mark.parametrize(
    "draw", [lambda: accuracy_chart(accuracies(), "de"), lambda: scores_chart(scores())], ids=["accuracy", "scores"]
)
def test_the_same_data_give_the_same_bytes(draw):
    svg = draw()
    assert svg == draw()
    assert not re.search(rb"20\d\d-\d\d-\d\dT", svg)
