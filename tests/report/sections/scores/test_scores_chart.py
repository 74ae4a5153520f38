"""The chart of scores: text that stays text, controls in grey, the same bytes each time."""

import re

from tests.report.charts import texts
from tests.report.contents import METHODS, small_report, told
from xaisigns.report.scores import Score
from xaisigns.report.sections.scores import MethodScores
from xaisigns.report.sections.scores.scores_chart import scores_chart


def scores(**changes):
    return told(MethodScores, small_report(**changes))["metrics"][0]["rows"]


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


def test_the_same_data_give_the_same_bytes():
    svg = scores_chart(scores())
    assert svg == scores_chart(scores())
    assert not re.search(rb"20\d\d-\d\d-\d\dT", svg)
