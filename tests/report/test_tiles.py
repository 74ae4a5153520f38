"""Tiles: one size, and colours that mean what the reader is told."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.report.contents import heatmaps
from xaisigns.pictures.figures import coloured
from xaisigns.report.tiles import tile_side

RED, WHITE, BLUE = [255, 0, 0], [255, 255, 255], [0, 0, 255]


def test_colours_end_at_the_limit():
    values = np.array([[3.0, 1.0, 0.0, -1.0, -7.0]])
    assert coloured(values, 1).tolist() == [[RED, RED, WHITE, BLUE, BLUE]]


@given(arrays(np.float64, (3, 3), elements=st.floats(-2, 2)))
def test_red_is_for_and_blue_against(values):
    red, green, blue = coloured(values, 1.0).astype(int).transpose(2, 0, 1)
    np.testing.assert_allclose(green, 255 * (1 - np.abs(values).clip(0, 1)), atol=3)
    assert (red[values >= 0] >= 254).all()
    assert (blue[values <= 0] >= 254).all()
    np.testing.assert_array_equal(coloured(-values, 1.0)[..., ::-1], coloured(values, 1.0))


def test_tiles_are_as_large_as_the_largest_heatmap_up_to_a_bound():
    assert tile_side([*heatmaps(16).values(), *heatmaps(8).values()]) == 16
    assert tile_side(heatmaps(224).values()) == 128
    assert tile_side([]) == 64
