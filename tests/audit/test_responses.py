import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import resnet18

import xaisigns as xs
from xaisigns.audit.responses import respond
from xaisigns.data.tensors import normalise
from xaisigns.errors import AuditError, ModelError

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)


@pytest.fixture
def model(tiny_vgg):
    return xs.Model(tiny_vgg, xs.Preprocessing(12, MEAN, STD))


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(256, size=(7, 12, 12, 3), dtype=np.uint8)


def test_a_channel_answers_as_strongly_as_it_does_anywhere_with_batchnorm_folded(model, pixels):
    found = respond(model, pixels)
    images = normalise(pixels, MEAN, STD).double()
    with torch.no_grad():
        first = fuse_conv_bn_eval(model.module[0], model.module[1])(images)
        second = fuse_conv_bn_eval(model.module[4], model.module[5])(model.module[3](first.relu()))
        logits = model.module(images)
    assert list(found.layers) == ["0", "4"]
    np.testing.assert_allclose(found.layers["0"], first.amax((2, 3)), rtol=1e-5)
    np.testing.assert_allclose(found.layers["4"], second.amax((2, 3)), rtol=1e-5)
    np.testing.assert_allclose(found.logits, logits, rtol=1e-5)
    assert {values.dtype for values in (found.logits, *found.layers.values())} == {np.dtype(np.float32)}


def test_many_images_answer_as_few_do(model):
    pixels = np.random.default_rng(0).integers(256, size=(300, 12, 12, 3), dtype=np.uint8)
    whole, last = respond(model, pixels), respond(model, pixels[-5:])
    np.testing.assert_allclose(whole.layers["4"][-5:], last.layers["4"], rtol=1e-5)
    assert len(whole.logits) == 300


def test_the_network_runs_once_for_the_same_pixels(model, pixels):
    heard = []
    first, second = (respond(model, pixels, progress=lambda *step: heard.append(step)) for _ in range(2))
    assert heard == [("predicting", 7, 7)]
    assert list(first.layers) == list(second.layers)
    np.testing.assert_array_equal(first.layers["4"], second.layers["4"])
    respond(model, pixels[:6], progress=lambda *step: heard.append(step))
    assert heard[1:] == [("predicting", 6, 6)]


def test_the_model_is_left_as_it_was(model, pixels):
    model.module.train()
    before = copy.deepcopy(model.module.state_dict())
    respond(model, pixels)
    assert all(layer.training and not layer._forward_hooks for layer in model.module.modules())
    assert all(value.equal(before[name]) for name, value in model.module.state_dict().items())


def test_a_network_with_branches_is_heard_too(pixels):
    torch.manual_seed(0)
    found = respond(xs.Model(resnet18(num_classes=5).eval(), xs.Preprocessing(12, MEAN, STD)), pixels)
    assert all(values.shape[0] == 7 and np.isfinite(values).all() for values in found.layers.values())
    assert "layer3.0.conv2" in found.layers


def test_a_network_without_convolutions_is_refused(pixels):
    dense = nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 5))
    with pytest.raises(AuditError, match="needs a network with convolutions"):
        respond(xs.Model(dense, xs.Preprocessing(12, MEAN, STD)), pixels)


def test_outputs_that_are_not_finite_are_refused(model, pixels):
    with torch.no_grad():
        model.module[-1].bias[0] = torch.inf
    with pytest.raises(ModelError, match="NaN or infinity"):
        respond(model, pixels)
