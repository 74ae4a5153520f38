import math

import numpy as np
import pytest
import torch
from scipy.stats import bootstrap

from xaisigns.metrics.intervals import bootstrap_interval


def test_interval_is_scipys(generator):
    values = torch.rand(80, generator=generator, dtype=torch.float64) ** 3
    drawn = bootstrap((values.numpy(),), np.mean, method="percentile", n_resamples=20000, rng=np.random.default_rng(0))
    wanted = (drawn.confidence_interval.low, drawn.confidence_interval.high)
    assert bootstrap_interval(values, resamples=20000) == pytest.approx(wanted, abs=0.004)


def test_interval_covers_the_mean_as_often_as_it_says(generator):
    covered = 0
    for trial in range(300):
        low, high = bootstrap_interval(torch.randn(60, generator=generator), seed=trial, resamples=400, level=0.9)
        covered += low <= 0 <= high
    assert 0.85 <= covered / 300 <= 0.95


def test_nan_is_left_out(generator):
    values = torch.rand(20, generator=generator)
    with_nan = torch.cat([values[:7], torch.full((3,), torch.nan), values[7:]])
    assert bootstrap_interval(with_nan) == bootstrap_interval(values)


def test_nothing_left_is_nan():
    assert all(math.isnan(end) for end in bootstrap_interval(torch.full((3,), torch.nan)))
    assert all(math.isnan(end) for end in bootstrap_interval(torch.empty(0)))


def test_one_value_is_its_own_interval():
    assert bootstrap_interval(torch.tensor([0.25])) == (0.25, 0.25)


def test_seed_decides(generator):
    values = torch.rand(30, generator=generator)
    state = torch.random.get_rng_state()
    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values, seed=1)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_memory_is_bounded_without_changing_what_is_measured(monkeypatch, generator):
    values = torch.rand(50, generator=generator)
    whole = bootstrap_interval(values, resamples=4000)
    monkeypatch.setattr("xaisigns.metrics.intervals._DRAWS_AT_ONCE", 500)
    assert bootstrap_interval(values, resamples=4000) == pytest.approx(whole, abs=0.01)
