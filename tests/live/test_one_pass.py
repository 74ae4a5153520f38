"""One pass gives what the method gives that asks the model first."""

import pytest
import torch

import xaisigns as xs
from xaisigns.attribution.methods import find_method
from xaisigns.live.one_pass import OnePass

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture
def model(untrained):
    return xs.load_model(untrained)


@pytest.mark.parametrize(("target", "against"), [(None, None), (4, None), (None, "rest"), (None, 2), (4, 2)])
def test_it_is_the_methods_own_answer(model, target, against):
    method = find_method("lrp", contrast=against is not None)
    quick, prepared = OnePass(method, model), method.prepared(model)
    said = set()
    for seed in range(6):
        image = model.preprocess([xs.draw_sign(seed, 32, seed).image])
        ours = quick(image, target, against, layers=["features.8"])
        theirs = prepared(image, target, against, layers=["features.8"])
        assert int(ours.target) == int(theirs.target)
        torch.testing.assert_close(ours.relevance, theirs.relevance, rtol=0, atol=0)
        torch.testing.assert_close(ours.layers["features.8"], theirs.layers["features.8"], rtol=0, atol=0)
        torch.testing.assert_close(ours.logits, theirs.logits)
        assert (ours.method, ours.composite) == (theirs.method, theirs.composite)
        said.add(int(ours.target))
    assert ours.against == theirs.against
