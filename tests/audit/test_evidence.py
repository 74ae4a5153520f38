"""The difference that a transplant makes: to the strongest control that there is."""

import numpy as np
import pytest

from xaisigns.audit.evidence import Rate, Transplant


def transplanted(**controls):
    rates = dict.fromkeys(("reference", "others", "elsewhere")) | controls
    places, boxes = np.zeros(2, dtype=np.int64), np.zeros((2, 4), dtype=np.int64)
    return Transplant("window", places, boxes, Rate(6, 20), **rates, by_patch=np.zeros(2), p=0.5)


@pytest.mark.parametrize(
    ("controls", "wanted"),
    [
        ({}, 0.3),
        ({"reference": Rate(0, 20)}, 0.3),
        ({"reference": Rate(1, 20), "others": Rate(4, 40), "elsewhere": Rate(0, 20)}, 0.2),
        ({"elsewhere": Rate(20, 20)}, -0.7),
    ],
)
def test_the_strongest_control_counts(controls, wanted):
    assert transplanted(**controls).difference == pytest.approx(wanted)
