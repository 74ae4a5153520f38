"""What a report refuses."""

from dataclasses import replace

import numpy as np
import pytest

from tests.report.contents import METHODS, SIDE, bare_report, example, halves, heatmaps, photo, small_report
from xaisigns.errors import ShapeError
from xaisigns.report.evaluation import ClassAccuracy
from xaisigns.report.sections.classes import Classes
from xaisigns.report.sections.classes.shown_class import ShownClass
from xaisigns.report.sections.front import Front

HIGHLIGHT = small_report().section(Front).highlights[0]


def refused(**changes):
    return lambda: small_report(**changes)


def with_example(**changes):
    return refused(classes=(ShownClass(0, (example(**changes),)),))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (refused(names={0: "a", 1: "b"}), "class 2 is used"),
        (refused(highlights=(replace(HIGHLIGHT, called=9),)), "class 9 is used"),
        (refused(highlights=(replace(HIGHLIGHT, heatmap=halves()[0]),)), "highlight 0, lrp: a heatmap"),
        (with_example(called=9), "class 9 is used"),
        (refused(classes=(ShownClass(7),)), "class 7 is used"),
        (refused(classes=(ShownClass(1), ShownClass(1))), "several for one"),
        (refused(methods=METHODS[:1]), "method 'saliency' is used"),
        (refused(metrics=()), "metric 'inside' is used"),
        (
            lambda: small_report(evaluation=replace(small_report().evaluation, confusion=np.zeros((2, 2), int))),
            r"got \(2, 2\)",
        ),
        (
            lambda: small_report(
                evaluation=replace(small_report().evaluation, classes=(ClassAccuracy(1, 1, 1.0),) * 3)
            ),
            "0 to 2",
        ),
        (with_example(image=photo().astype(float)), "uint8 is wanted, got .* float64"),
        (with_example(image=photo()[..., 0]), r"example 0 of class 0: an image .* got \(16, 16\)"),
        (with_example(image=np.zeros((0, 4, 3), np.uint8)), "an image"),
        (with_example(heatmaps={"lrp": halves()[None]}), r"lrp: a heatmap .* got \(1, 16, 16\)"),
        (with_example(heatmaps={"lrp": halves() * np.nan}), "no numbers"),
        (with_example(heatmaps={"lrp": halves() * np.inf}), "no numbers"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(make, message):
    with pytest.raises(ShapeError, match=message):
        make()


def test_a_report_can_do_without_most_of_its_parts():
    assert bare_report().section(Classes).classes[0].examples == ()
    assert heatmaps()["lrp"].shape == (SIDE, SIDE)
