"""Where colour scales end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.report.contents import halves
from xaisigns.report.heatmaps import scale_limit, scale_limits

VALUES = arrays(np.float64, (8, 8), elements=st.floats(-100, 100).map(lambda value: round(value, 3)))


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


def test_a_method_has_one_scale_in_all_rows_where_it_has_a_heatmap():
    strong, weak = halves(), halves() / 2
    assert scale_limits([{"lrp": strong}, {"lrp": weak, "saliency": weak}]) == {"lrp": 1.0, "saliency": 0.5}
    assert scale_limits([]) == {}
