"""What Grad-CAM and DeepLIFT need to know of the layers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import xaisigns as xs
from tests.attribution.oracle import peak
from tests.attribution.test_layers import SIDE, networks
from xaisigns.attribution.feature_maps import last_feature_maps, with_copies
from xaisigns.attribution.methods import find_method
from xaisigns.attribution.network import leaves
from xaisigns.errors import MethodError


@pytest.mark.parametrize("name", ["gradcam", "guided_gradcam"])
def test_gradcam_needs_a_convolution(name):
    with pytest.raises(MethodError, match="needs a network with a convolution"):
        find_method(name)(nn.Sequential(nn.Flatten(), nn.Linear(432, 3)), torch.zeros(1, 3, 12, 12))


@given(network=networks(), seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_deep_lift_is_complete_or_refuses(network, seed):
    network, _ = network
    x = torch.randn(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x[0, :, :5] = 0  # what does not differ from the baseline
    try:
        result = find_method("deep_lift")(network, x, 1)
    except xs.XaisignsError:
        return
    wanted = (network(x) - network(torch.zeros_like(x)))[:, 1].detach()
    torch.testing.assert_close(result.relevance.sum(dim=(1, 2, 3)), wanted, rtol=0, atol=1e-9 * (1 + peak(wanted)))


def test_the_last_feature_maps_are_those_behind_the_relu():
    first, last, relu, head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.ReLU(), (nn.Flatten(), nn.Linear(4, 2))
    for layers, wanted in (
        ((first, nn.ReLU(), last, relu, *head), "3"),
        ((first, nn.ReLU(), last, nn.Identity(), relu, *head), "4"),
        ((first, nn.ReLU(), last, nn.MaxPool2d(2), *head), "2"),
        ((first, nn.ReLU(), last), "2"),
    ):
        network = xs.canonize(nn.Sequential(*layers))
        assert last_feature_maps(network) is network.get_submodule(wanted)


class _Pooled(nn.Module):
    """A head that normalises what it has pooled, behind a branch."""

    def __init__(self):
        super().__init__()
        self.stem, self.branch, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1), nn.Linear(4, 2)

    def forward(self, x):
        stem = self.stem(x).relu()
        maps = (stem + self.branch(stem)).relu()
        pooled = nn.functional.layer_norm(maps.mean((2, 3)), (4,))
        return self.head(nn.functional.dropout(pooled, training=self.training))


def test_the_last_feature_maps_are_those_that_the_head_pools():
    network = xs.canonize(_Pooled())
    assert last_feature_maps(network) is network.get_submodule("relu_1")


def test_copies_change_no_output_and_no_layer(generator):
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 2)
    network = xs.canonize(nn.Sequential(*layers))
    x = torch.randn(2, 3, 4, 4, generator=generator)
    copied = with_copies(network)
    assert torch.equal(copied(x), network(x))
    own, theirs = leaves(network), leaves(copied)
    assert [name for name in theirs if name not in own] == ["1_copied_input", "2_copied_input"]
    assert all(theirs[name] is layer for name, layer in own.items())
