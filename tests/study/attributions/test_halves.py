import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xaisigns.study.attributions.halves import from_halves, to_halves

ANY = st.floats(-(2.0**127), 2.0**127, width=32)


@given(arrays(np.float32, (2, 3, 4), elements=ANY))
def test_a_value_is_off_by_what_float16_rounds_and_no_more(heatmaps):
    halves, scales = to_halves(heatmaps)
    found = from_halves(halves, scales).astype(np.float64)
    exact = heatmaps.astype(np.float64)
    peaks = np.abs(exact).max(axis=(1, 2), keepdims=True)
    least = 2.0**-150  # half of the smallest number above 0 that float32 has
    assert (np.abs(found - exact) <= np.maximum(2.0**-11 * np.abs(exact), np.maximum(2.0**-39 * peaks, least))).all()
    assert np.isfinite(found).all()


def test_the_scale_of_each_is_a_power_of_two_by_its_own_largest():
    heatmaps = np.array([[[1.0, -3.0]], [[0.0, 1e-12]], [[0.0, 0.0]], [[3e38, 1.0]]], dtype=np.float32)
    halves, scales = to_halves(heatmaps)
    assert (halves.dtype, scales.dtype) == (np.float16, np.float32)
    mantissas, _ = np.frexp(scales)
    assert (mantissas == 0.5).all()
    assert (np.abs(halves[[0, 1, 3]]).max(axis=(1, 2)) >= 2**14).all()
    assert not halves[2].any()
    assert (from_halves(halves[0], scales[0]) == heatmaps[0]).all()


def test_plain_float16_would_lose_what_this_keeps():
    heatmaps = np.array([[[3e-9, -1e-8]], [[1e6, 70_000.0]]], dtype=np.float32)
    with np.errstate(over="ignore"):
        assert not np.isfinite(heatmaps.astype(np.float16)).all()
    np.testing.assert_allclose(from_halves(*to_halves(heatmaps)), heatmaps, rtol=2**-11)
