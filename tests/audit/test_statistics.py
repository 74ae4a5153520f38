"""Intervals and tests against their definitions, and Holm's correction against a slow one."""

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xaisigns.audit.evidence import Rate
from xaisigns.audit.statistics import holm, interval, p_above_zero, p_lower


@pytest.mark.parametrize(("rate", "wanted"), [(Rate(0, 58), (0, 0.0616)), (Rate(5, 6), (0.3588, 0.9958))])
def test_interval_is_clopper_and_pearsons(rate, wanted):
    assert interval(rate) == pytest.approx(wanted, abs=5e-5)


def test_no_images_leave_all_rates_open():
    assert interval(Rate(0, 0)) == (0, 1)


def test_p_lower_counts_the_tables_with_as_few_hits():
    rate, others = Rate(1, 5), Rate(6, 7)
    tables = [comb(5, hits) * comb(7, 7 - hits) for hits in range(2)]
    assert p_lower(rate, others) == pytest.approx(sum(tables) / comb(12, 7))


@pytest.mark.parametrize("count", [1, 6, 12])
def test_p_above_zero_counts_the_signs_with_as_large_a_sum(count):
    told = np.random.default_rng(0).integers(-3, 6, count) / 8
    told[told == 0] = 0.5
    sums = np.array(list(product((-1, 1), repeat=count))) @ np.abs(told)
    wanted = (sums >= told.sum() - 1e-9).mean()
    assert p_above_zero(np.concatenate([told, np.zeros(4)])) == pytest.approx(wanted)


def test_of_more_sources_signs_are_drawn_and_no_p_is_zero():
    assert p_above_zero(np.ones(24)) == 1e-4
    assert p_above_zero(np.array([0.4, 0.1, -0.2, 0.3] * 5)) == pytest.approx(0.008, abs=0.006)


@pytest.mark.parametrize("differences", [[0.0, 0.0], [-1.0, 0.0], []])
def test_nothing_above_zero_is_no_evidence(differences):
    assert p_above_zero(np.array(differences)) == 1


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_rejects_what_the_stepwise_test_rejects(p_values):
    for level in (0.01, 0.05, 0.5):
        rejected = set()
        for step, (p, index) in enumerate(sorted(zip(p_values, range(len(p_values)), strict=True))):
            if p * (len(p_values) - step) > level:
                break
            rejected.add(index)
        assert {index for index, p in enumerate(holm(p_values)) if p <= level} == rejected
