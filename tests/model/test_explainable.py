"""How pictures become images, and what a model tells beyond a bare module."""

import numpy as np
import pytest

from xaisigns.errors import ModelError
from xaisigns.model.explainable import Preprocessing


def test_a_preprocessing_that_cannot_be():
    with pytest.raises(ModelError, match=r"^std: wanted three numbers .*, got \(0\.2, 0\.0, 0\.2\)"):
        Preprocessing(64, (0, 0, 0), (0.2, 0.0, 0.2))


@pytest.mark.parametrize(
    ("size", "mean", "std"),
    [
        (64, (86.8, 79.6, 82.0), (69.5, 66.5, 68.1)),
        (64, (float("nan"),) * 3, (0.2, 0.2, 0.2)),
        (64, (0.3, 0.3, 0.3), (float("nan"),) * 3),
        (64, (0.3, 0.3, 0.3), (1e-9, 0.2, 0.2)),
        (100_000, (0.3, 0.3, 0.3), (0.2, 0.2, 0.2)),
        (31, (0.3, 0.3, 0.3), (0.2, 0.2, 0.2)),
        ("64", (0.3, 0.3, 0.3), (0.2, 0.2, 0.2)),
        (64, (0.3, 0.3), (0.2, 0.2, 0.2)),
        (64, "0.3,0.3,0.3", (0.2, 0.2, 0.2)),
        (64, (0.3, 0.3, 10**5000), (0.2, 0.2, 0.2)),
    ],
)
def test_what_no_pixels_have_is_refused(size, mean, std):
    with pytest.raises(ModelError, match=r"^(mean|std|input_size): wanted .*, got "):
        Preprocessing(size, mean, std)


def test_numbers_of_numpy_and_lists_will_do():
    told = Preprocessing(np.int64(64), np.array([0.1, 0.2, 0.3]), [1, 0.5, 1 / 255])
    assert told == Preprocessing(64, (0.1, 0.2, 0.3), (1.0, 0.5, 1 / 255))
    assert {type(value) for value in (told.input_size, *told.mean)} == {int, float}
