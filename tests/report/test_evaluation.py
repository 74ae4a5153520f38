"""What a model confuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.report.contents import small_report
from xaisigns.report.evaluation import ClassAccuracy, Confusion, Evaluation, confusions

MATRICES = arrays(np.int64, (4, 4), elements=st.integers(0, 9))


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
