import copy

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import xaisigns as xs
from xaisigns.data.tensors import normalise
from xaisigns.errors import AuditError, ModelError
from xaisigns.study.responses import listened_to, respond

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)


@pytest.fixture
def model(tiny_vgg):
    return xs.Model(tiny_vgg, xs.Preprocessing(32, MEAN, STD))


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(256, size=(7, 32, 32, 3), dtype=np.uint8)


def test_a_channel_answers_in_a_part_as_strongly_as_in_the_mean_with_batchnorm_folded(model, pixels):
    found = respond(model, pixels)
    images = normalise(pixels, MEAN, STD).double()
    with torch.no_grad():
        first = fuse_conv_bn_eval(model.module[0], model.module[1])(images).relu()
        logits = model.module(images)
    corner = first[:, :, :8, 8:16].mean(dim=(2, 3))  # part 1 of 4 x 4, of 32 pixels
    assert found.layers == {"0": 6}
    assert found.parts.shape == (7, 16, 6)
    np.testing.assert_allclose(found.parts[:, 1], corner, rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(found.logits, logits, rtol=1e-5)


def test_the_network_runs_once_for_the_same_pixels(model, pixels):
    heard = []
    first, second = (respond(model, pixels[:5], progress=lambda *step: heard.append(step)) for _ in range(2))
    assert heard == [("predicting", 5, 5)]
    np.testing.assert_array_equal(first.parts, second.parts)


def test_the_model_is_left_as_it_was(model, pixels):
    model.module.train()
    before = copy.deepcopy(model.module.state_dict())
    respond(model, pixels)
    assert all(layer.training and not layer._forward_hooks for layer in model.module.modules())
    assert all(value.equal(before[name]) for name, value in model.module.state_dict().items())


def test_a_network_without_convolutions_is_refused(pixels):
    dense = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 5))
    with pytest.raises(AuditError, match="needs a network with convolutions"):
        respond(xs.Model(dense, xs.Preprocessing(32, MEAN, STD)), pixels)


def test_outputs_that_are_not_finite_are_refused(model, pixels):
    with torch.no_grad():
        model.module[-1].bias[0] = torch.inf
    with pytest.raises(ModelError, match="NaN or infinity"):
        respond(model, pixels)


def test_the_convolutions_of_gates_are_not_listened_to():
    network = torchvision.models.efficientnet_b0(weights=None, num_classes=3).eval()
    layers = listened_to(xs.canonize(network))
    gates = {name for name, module in network.named_modules() if type(module).__name__ == "SqueezeExcitation"}
    assert len(layers) == 2
    assert not any(name.startswith(tuple(gates)) for name in layers)
