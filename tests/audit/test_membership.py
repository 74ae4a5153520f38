import numpy as np
import pytest

from xaisigns.audit.membership import refined, stability_of

COUNT = 120


def answers(distance, carriers=20):
    """Of images of which the first have something that is so far off in one of ten channels."""
    found = np.random.default_rng(0).normal(size=(COUNT, 10)).astype(np.float32)
    found[:carriers, 3] += distance
    return found, np.arange(COUNT) < carriers


def test_what_was_found_in_a_sample_is_told_in_all():
    given, truth = answers(10)
    sample = np.arange(0, COUNT, 2)
    np.testing.assert_array_equal(refined(given, sample, truth[sample]), truth)


def test_what_was_missed_or_taken_wrongly_is_put_right():
    given, truth = answers(10)
    found = truth.copy()
    found[[2, 50, 70]] ^= True
    np.testing.assert_array_equal(refined(given, np.arange(COUNT), found), truth)


@pytest.mark.parametrize(("distance", "low", "high"), [(12, 0.95, 1), (0, 0, 0.5)])
def test_a_cluster_is_stable_where_halves_of_the_class_agree_on_it(distance, low, high):
    given, truth = answers(distance)
    assert low <= stability_of(given, truth, np.random.default_rng(0)) <= high


def test_a_half_that_has_nothing_but_the_cluster_says_nothing():
    given, _ = answers(10)
    few = np.arange(8) < 4
    with np.errstate(all="raise"):
        assert 0 <= stability_of(given[:8], few, np.random.default_rng(3)) <= 1
