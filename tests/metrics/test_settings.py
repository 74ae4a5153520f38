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
