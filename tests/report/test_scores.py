"""Bars and their axes."""

from tests.report.contents import SCORES, small_report
from xaisigns.report.scores import Score, score_range
from xaisigns.report.sections.classes import Classes
from xaisigns.report.sections.classes.shown_class import ShownClass
from xaisigns.report.sections.scores import MethodScores


def test_the_axis_of_a_metric_holds_zero_and_every_score_of_the_report():
    of_class = {"inside": {"lrp": Score(-0.5, -0.75, float("nan"))}}
    content = small_report(classes=(ShownClass(0, scores=of_class),))
    for kind in (MethodScores, Classes):
        assert [metric.axis for metric in content.section(kind).metrics] == [(-0.75, 0.8)]
    assert score_range([SCORES], "inside") == (0, 0.8)
    assert score_range([], "inside") == (0, 1)
