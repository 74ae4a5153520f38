"""Where what speaks for a class lies, against its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numbers

from xaisigns.pictures.whereabouts import place_of, smallest_half, whereabouts

heatmaps = numbers.arrays(
    np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(-1, 1, width=32)
)


@given(heatmaps)
def test_no_fewer_cells_hold_half(heatmap):
    half = smallest_half(heatmap)
    positive = heatmap.astype(np.float64).clip(min=0)
    if half is None:
        assert not positive.any()
        return
    held = np.sort(positive[half])
    assert held.sum() >= positive.sum() / 2 - 1e-12
    assert held[1:].sum() < positive.sum() / 2 + 1e-12  # without its least one it is no half
    assert held[0] >= positive[~half].max(initial=0)


def spot(row, column, side=9):
    heatmap = np.full((side, side), -1.0)
    heatmap[row, column] = 1
    return heatmap


@pytest.mark.parametrize(
    ("row", "column", "place"),
    [
        (0, 2, "upper_left"),
        (1, 5, "top"),
        (2, 8, "upper_right"),
        (3, 0, "left"),
        (4, 4, None),
        (5, 6, "right"),
        (8, 0, "lower_left"),
        (6, 3, "bottom"),
        (6, 6, "lower_right"),
    ],
)
def test_the_place_is_the_ninth_that_holds_most(row, column, place):
    heatmap = spot(row, column)
    assert place_of(heatmap, smallest_half(heatmap)) == place


def test_what_is_spread_has_no_place():
    assert whereabouts(np.ones((10, 10)), "it", "en") == "Half of what speaks for it lies on 50% of the image"


@pytest.mark.parametrize(
    ("heatmap", "language", "told"),
    [
        (spot(6, 0), "en", "Half of what speaks for it lies on 1.2% of the image, lower left"),
        (spot(6, 0), "de", "Die Hälfte dessen, was it spricht, liegt auf 1,2\u202f% des Bildes, unten links"),
        (-np.ones((3, 3)), "en", "Nothing speaks for it"),
        (np.full((3, 3), np.nan), "en", "Where that lies is not known: the heatmap holds what is no number"),
    ],
)
def test_it_is_told_in_words(heatmap, language, told):
    assert whereabouts(heatmap, "it", language) == told
