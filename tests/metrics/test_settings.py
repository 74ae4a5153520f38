"""Settings of metrics, and their bounds."""

import numpy as np
import pytest

from tests.metrics.conftest import input_x_gradient
from tests.metrics.test_tensors import IMAGES, NETWORK, drawn
from xaisigns.errors import MetricError, XaisignsError
from xaisigns.metrics.faithfulness import infidelity, pixel_flipping
from xaisigns.metrics.intervals import bootstrap_interval
from xaisigns.metrics.randomisation import cascading_randomisation, random_logit
from xaisigns.metrics.robustness import max_sensitivity
from xaisigns.metrics.settings import MOST_STEPS, check_positive, check_samples, check_whole


@pytest.mark.parametrize(
    "call",
    [
        *(lambda seed=seed: pixel_flipping(NETWORK, IMAGES, drawn(0), 0, seed=seed) for seed in (-1, 2**64, 0.5, "1")),
        *(lambda seed=seed: bootstrap_interval(drawn(0), seed=seed) for seed in (-1, 2**64)),
        *(lambda seed=seed: random_logit(input_x_gradient, NETWORK, IMAGES, 0, seed=seed) for seed in (-1, 2**64)),
        *(lambda s=seed: cascading_randomisation(input_x_gradient, NETWORK, IMAGES, 0, seed=s) for seed in (-1, 2**64)),
        *(
            lambda noise=noise: infidelity(NETWORK, IMAGES, drawn(0), 0, noise=noise)
            for noise in (np.nan, np.inf, 0, -1)
        ),
        *(lambda many=many: infidelity(NETWORK, IMAGES, drawn(0), 0, samples=many) for many in (10**9, 0, -1, 2.0)),
        lambda: infidelity(NETWORK, IMAGES, drawn(0), 0, seed=2**64),
        *(
            lambda r=r: max_sensitivity(input_x_gradient, NETWORK, IMAGES, 0, radius=r)
            for r in (np.nan, np.inf, 0, "1")
        ),
        *(lambda n=n: max_sensitivity(input_x_gradient, NETWORK, IMAGES, 0, samples=n) for n in (10**9, 0, 1.5)),
        *(lambda n=n: bootstrap_interval(drawn(0), resamples=n) for n in (0, 10**9)),
        *(lambda level=level: bootstrap_interval(drawn(0), level=level) for level in (0, 1, 95, np.nan)),
    ],
)
def test_settings_that_cannot_be_are_refused_with_their_bounds(call):
    with pytest.raises(MetricError) as refused:
        call()
    assert isinstance(refused.value, XaisignsError)
    assert "got" in str(refused.value) or "there are" in str(refused.value)


def test_both_ends_of_a_range_are_in_it():
    for value in (1, MOST_STEPS):
        check_whole("steps", value, 1, MOST_STEPS)
    for value in (0, MOST_STEPS + 1, True, 2.0, "2", None):
        with pytest.raises(MetricError, match=rf"^steps must be a whole number from 1 to {MOST_STEPS}, got "):
            check_whole("steps", value, 1, MOST_STEPS)


def test_the_larger_a_sample_is_the_fewer_there_may_be_and_one_always_may():
    check_samples(2**26 // 100, 100)
    with pytest.raises(MetricError, match=f"^samples must be a whole number from 1 to {2**26 // 100}, got "):
        check_samples(2**26 // 100 + 1, 100)
    check_samples(1, 2**40)


def test_what_is_not_a_finite_number_above_0_is_refused():
    check_positive("noise", 1e-300)
    for value in (0, -1, np.inf, np.nan, True, "1", 10**400):
        with pytest.raises(MetricError, match=r"^noise must be a finite number above 0, got "):
            check_positive("noise", value)
