"""Weights that something makes anew at every call."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

import xaisigns as xs
from tests.attribution.agreement import explained_as_said, network
from xaisigns.attribution.effective_weights import effective_weights

MAKERS = {
    "weight_norm": (weight_norm, "weight_g"),
    "spectral_norm": (spectral_norm, "weight_orig"),
    "pruned": (lambda layer: prune.l1_unstructured(layer, "weight", 0.5), "weight_orig"),
    "parametrized weight_norm": (parametrizations.weight_norm, "parametrizations.weight.original0"),
    "parametrized spectral_norm": (parametrizations.spectral_norm, "parametrizations.weight.original"),
    "orthogonal": (lambda layer: parametrizations.orthogonal(layer.to(torch.float32)), None),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("asked_before", [False, True])
@pytest.mark.parametrize("place", [0, 4])
def test_weights_made_at_every_call_are_those_of_the_next_call(name, asked_before, place, images):
    make, original = MAKERS[name]
    net = network()
    make(net[place])
    net.eval()
    if asked_before:
        net(images)
    if original:
        with torch.no_grad():  # a training step, or load_state_dict, since the last prediction
            net[place].get_parameter(original).mul_(3.0)
    before = copy.deepcopy(net.state_dict())
    explained_as_said(net, images)
    torch.testing.assert_close(net.state_dict(), before, rtol=0, atol=0)


def test_explaining_a_network_in_training_leaves_what_spectral_norm_has_estimated(images):
    net = network()
    parametrizations.spectral_norm(net[0])
    net.train()
    before = copy.deepcopy(net.state_dict())
    xs.attribute(net, images, 1, method="lrp:epsilon_plus")
    torch.testing.assert_close(net.state_dict(), before, rtol=0, atol=0)


def test_plain_weights_are_copies_and_a_layer_without_has_none():
    layer = nn.Linear(3, 2, bias=False)
    weights = effective_weights(layer)
    assert torch.equal(weights["weight"], layer.weight)
    assert weights["bias"] is None
    assert not weights["weight"].requires_grad
    weights["weight"].add_(1)
    assert not torch.equal(weights["weight"], layer.weight)
    assert effective_weights(nn.ReLU()) == {}
