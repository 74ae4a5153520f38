"""What evidence says by itself."""

import numpy as np
import pytest

from tests.findings import transplant
from xaisigns.audit.evidence import Rate

LABELS = np.zeros(4, dtype=int)


@pytest.mark.parametrize(
    ("controls", "difference"),
    [
        ({}, 0.46 - 0.08),
        ({"elsewhere": None}, 0.46 - 0.02),
        ({"others": Rate(60, 100)}, 0.46 - 0.6),
        ({"elsewhere": None, "others": None, "reference": None}, 0.46),
    ],
)
def test_the_difference_is_to_the_strongest_control_that_there_is(controls, difference):
    assert transplant(LABELS, 0, **controls).difference == pytest.approx(difference)
