import numpy as np
import pytest

import xaisigns as xs
from xaisigns.model.evaluation import predict
from xaisigns.study import predictions
from xaisigns.study.predictions import kept_predictions

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)


def test_the_same_images_are_asked_about_once(untrained, monkeypatch):
    model = xs.load_model(untrained)
    first = kept_predictions(model, PIXELS)
    np.testing.assert_array_equal(first, predict(model, PIXELS).numpy())
    monkeypatch.setattr(predictions, "predict", lambda *_: pytest.fail("it was there"))
    np.testing.assert_array_equal(kept_predictions(model, PIXELS), first)
    with pytest.raises(pytest.fail.Exception):
        kept_predictions(model, PIXELS[::-1].copy())
