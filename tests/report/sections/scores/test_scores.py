"""The scores in words and bars."""

import pytest

from tests.report.contents import METHODS, small_report, told
from xaisigns.report.scores import Score
from xaisigns.report.sections.scores import MethodScores

NAN = float("nan")


def test_controls_come_last_in_the_scores():
    methods = (METHODS[2], METHODS[0], METHODS[1])
    rows = told(MethodScores, small_report(methods=methods))["metrics"][0]["rows"]
    assert [row["key"] for row in rows] == ["lrp", "saliency", "random"]
    assert rows[0]["text"] == "0,750"
    assert rows[0]["interval"] == "0,700 … 0,800"
    assert rows[0]["bar"] == pytest.approx({"zero": 0, "value": 0.9375, "low": 0.875, "high": 1})


def test_a_score_that_was_not_measured_is_a_dash_without_a_bar():
    content = small_report(scores={"inside": {"lrp": Score(NAN, NAN, NAN)}})
    row = told(MethodScores, content)["metrics"][0]["rows"][0]
    assert (row["text"], row["bar"]) == ("–", None)


def test_a_bar_without_an_interval_has_one_of_no_width():
    content = small_report(scores={"inside": {"lrp": Score(0.4, NAN, NAN)}})
    bar = told(MethodScores, content)["metrics"][0]["rows"][0]["bar"]
    assert bar == pytest.approx({"zero": 0, "value": 0.5, "low": 0.5, "high": 0.5})


def test_bars_of_a_metric_below_zero_go_to_the_left():
    scores = {"inside": {"lrp": Score(-1, -1, -1), "saliency": Score(3, 3, 3)}}
    rows = told(MethodScores, small_report(scores=scores))["metrics"][0]["rows"]
    assert [(row["bar"]["zero"], row["bar"]["value"]) for row in rows] == [(0.25, 0), (0.25, 1)]
