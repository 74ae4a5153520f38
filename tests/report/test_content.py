"""What follows from a report's content, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.report.contents import METHODS, SIDE, bare_report, example, halves, heatmaps, photo, small_report
from xaisigns.errors import ShapeError
from xaisigns.report.content import (
    ClassAccuracy,
    Confusion,
    Evaluation,
    Score,
    Section,
    confusions,
    scale_limit,
    score_range,
)

MATRICES = arrays(np.int64, (4, 4), elements=st.integers(0, 9))
VALUES = arrays(np.float64, (8, 8), elements=st.floats(-100, 100).map(lambda value: round(value, 3)))


def evaluation(matrix):
    classes = tuple(ClassAccuracy(index, int(row.sum()), None) for index, row in enumerate(matrix))
    return Evaluation(int(matrix.sum()), 0.5, (0.4, 0.6), classes, matrix)


def test_confusions_by_hand():
    assert confusions(small_report().evaluation) == [
        Confusion(0, 1, 1, 0.1),
        Confusion(0, 2, 1, 0.1),
        Confusion(1, 2, 1, 0.1),
    ]
    assert confusions(small_report().evaluation, 1) == [Confusion(1, 2, 1, 0.1)]


@given(MATRICES)
def test_confusions_are_all_that_lies_beside_the_diagonal(matrix):
    found = confusions(evaluation(matrix))
    assert sum(one.count for one in found) == matrix.sum() - np.trace(matrix)
    assert [one.count for one in found] == sorted((one.count for one in found), reverse=True)
    for one in found:
        assert one.count == matrix[one.label, one.called]
        assert one.share == pytest.approx(one.count / matrix[one.label].sum())
    assert sorted(map(repr, found)) == sorted(
        repr(one) for label in range(4) for one in confusions(evaluation(matrix), label)
    )


def test_a_few_strong_pixels_do_not_stretch_the_scale():
    heatmap = np.full((64, 64), 0.5)
    heatmap[0, :10] = -100
    assert scale_limit([heatmap]) == pytest.approx(0.5)


def test_a_scale_of_few_relevant_pixels_ends_at_the_strongest():
    heatmap = np.zeros((64, 64))
    heatmap[0, 0], heatmap[1, 1] = 2, -3
    assert scale_limit([heatmap]) == 3


@pytest.mark.parametrize("given_heatmaps", [[], [np.zeros((4, 4))]])
def test_a_scale_of_nothing_ends_at_one(given_heatmaps):
    assert scale_limit(given_heatmaps) == 1


@given(VALUES, st.floats(0.01, 100))
def test_a_scale_follows_its_heatmaps(heatmap, factor):
    limit = scale_limit([heatmap])
    assert limit > 0
    assert scale_limit([-heatmap]) == limit
    if np.any(heatmap):
        assert scale_limit([heatmap * factor]) == pytest.approx(limit * factor)
    assert scale_limit([heatmap[:4], heatmap[4:]]) == limit


def test_the_axis_of_a_metric_holds_zero_and_every_score_of_the_report():
    section = Section(0, scores={"inside": {"lrp": Score(-0.5, -0.75, float("nan"))}})
    content = small_report(sections=(section,))
    assert score_range(content, "inside") == (-0.75, 0.8)
    assert score_range(small_report(), "inside") == (0, 0.8)
    assert score_range(bare_report(), "inside") == (0, 1)


def refused(**changes):
    return lambda: small_report(**changes)


def with_example(**changes):
    return refused(sections=(Section(0, (example(**changes),)),))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (refused(names={0: "a", 1: "b"}), "class 2 is used"),
        (with_example(called=9), "class 9 is used"),
        (refused(sections=(Section(7),)), "class 7 is used"),
        (refused(sections=(Section(1), Section(1))), "several for one"),
        (refused(methods=METHODS[:1]), "method 'saliency' is used"),
        (refused(metrics=()), "metric 'inside' is used"),
        (refused(evaluation=replace(small_report().evaluation, confusion=np.zeros((2, 2), int))), r"got \(2, 2\)"),
        (refused(evaluation=replace(small_report().evaluation, classes=(ClassAccuracy(1, 1, 1.0),) * 3)), "0 to 2"),
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
    assert bare_report().sections[0].examples == ()
    assert heatmaps()["lrp"].shape == (SIDE, SIDE)
