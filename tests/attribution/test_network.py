"""A canonized network runs its graph, and says of its layers what they are and were."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import xaisigns as xs
from tests.attribution.networks import graphs, pixels
from tests.attribution.oracle import peak
from xaisigns.attribution.layers import Affine, Sum
from xaisigns.attribution.network import (
    Network,
    calls,
    changes_of,
    followed_by,
    graph_of,
    leaves,
    nodes_of,
    types_of,
)


class Skipping(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.relu = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(inplace=True)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        out = self.relu(self.norm(self.conv(x)))
        out = self.relu(self.norm(self.conv(out)) + x)
        return self.head(out.mean((2, 3)))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return xs.canonize(Skipping().double().eval())


@pytest.fixture
def x():
    return torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@given(network=graphs(), seed=st.integers(0, 1000))
@settings(max_examples=40)
def test_random_graphs_give_the_outputs_of_the_module(network, seed):
    x = pixels(2, 16, torch.Generator().manual_seed(seed))
    wanted = network(x)
    torch.testing.assert_close(xs.canonize(network)(x), wanted, rtol=0, atol=1e-12 * peak(wanted))


def test_layers_come_in_the_order_of_the_forward_pass(network):
    names = ["conv", "norm", "relu", "conv_1", "norm_1", "add", "relu_1", "mean", "head"]
    assert list(leaves(network)) == names
    assert [call.name for call in calls(network)] == names
    assert [str(node.target) for node, layer in nodes_of(network) if layer is not None] == names
    assert all(call.layer is leaves(network)[call.name] for call in calls(network))


def test_types_and_changes_are_told_by_name(network):
    assert types_of(network)["norm"] == "BatchNorm2d"
    assert types_of(network)["add"] == "Sum"
    assert changes_of(network)["norm_1"] == ("folded", "conv_1")
    assert changes_of(network)["relu_1"] == ("out_of_place", None)
    assert changes_of(network)["add"] == ("made_layer", None)
    assert "conv" not in changes_of(network)


def test_a_batchnorm_of_a_layer_that_is_used_twice_is_folded_into_each_call(network):
    """Each call has its own copy of the weights, so that folding into one leaves the other."""
    layers = leaves(network)
    assert layers["conv"] is not layers["conv_1"]
    torch.testing.assert_close(layers["conv"].weight, layers["conv_1"].weight)


def test_a_batchnorm_behind_a_convolution_that_is_used_otherwise_is_not_folded(x):
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, x):
            x = self.conv(x)
            return self.norm(x) + x

    module = Shared().double().eval()
    nn.init.uniform_(module.norm.running_var, 0.5, 2)
    copy = xs.canonize(module)
    assert isinstance(leaves(copy)["norm"], Affine)
    assert changes_of(copy)["norm"] == ("made_affine", None)
    torch.testing.assert_close(copy(x), module(x))


def test_a_batchnorm_over_another_dimension_than_a_linear_layers_outputs_is_not_folded():
    module = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(4)).double().eval()
    nn.init.uniform_(module[1].running_var, 0.5, 2)
    x = torch.randn(2, 4, 6, dtype=torch.float64)
    torch.testing.assert_close(xs.canonize(module)(x), module(x))


def test_an_instance_norm_with_statistics_of_its_own_is_a_batchnorm(x):
    """In eval mode it takes those, and not the image's."""
    norms = nn.InstanceNorm2d(3, affine=True, track_running_stats=True), nn.BatchNorm2d(3)
    torch.manual_seed(0)
    first, head = nn.Conv2d(3, 3, 1), nn.Linear(108, 2)
    networks = []
    for norm in norms:
        nn.init.constant_(norm.running_mean, 0.3)
        nn.init.constant_(norm.running_var, 2.5)
        networks.append(nn.Sequential(first, norm, nn.Flatten(), head).double().eval())
    assert changes_of(xs.canonize(networks[0]))["1"] == ("folded", "0")
    ours, wanted = (xs.lrp(network, x, 1, composite="epsilon") for network in networks)
    torch.testing.assert_close(ours, wanted)


def test_layers_have_the_place_of_their_names(network):
    nested = xs.canonize(nn.Sequential(nn.Sequential(Skipping().double().eval())))
    assert nested.get_submodule("0.0.add") is leaves(nested)["0.0.add"]
    assert network.get_submodule("add").signs == (1, 1)


def test_a_layer_may_have_the_name_of_what_a_network_has():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.graph, self.layers, self.forward_hooks = nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1)

        def forward(self, x):
            return self.forward_hooks(self.layers(self.graph(x))).mean((2, 3))

    assert list(leaves(xs.canonize(Named()))) == ["graph", "layers", "forward_hooks", "mean"]


def test_a_layer_behind_the_last(network, x):
    wanted = network(x).tanh()
    longer = followed_by(network, "tanh", nn.Tanh())
    torch.testing.assert_close(longer(x), wanted)
    assert list(leaves(longer))[-2:] == ["head", "tanh"]
    assert list(leaves(network))[-1] == "head"


def test_a_graph_is_a_copy(network, x):
    graph = graph_of(network)
    wanted = network(x)
    (sum_,) = (node for node in graph.nodes if node.target == "add")
    sum_.args = (sum_.args[0], sum_.args[0])
    torch.testing.assert_close(network(x), wanted)
    changed = Network(graph, leaves(network), types_of(network), changes_of(network))
    assert not torch.allclose(changed(x), wanted)
    assert isinstance(leaves(changed)["add"], Sum)


def test_values_are_given_up_when_nobody_needs_them_any_more():
    """A deep chain must not keep its inner values while it runs without gradients."""
    alive, most = set(), []

    class Noting(nn.Module):
        def forward(self, x):
            return x

    layers = nn.Sequential(*(nn.Tanh() for _ in range(6)))
    copy = xs.canonize(layers)
    for layer in leaves(copy).values():

        def note(layer, inputs, output):
            import weakref

            alive.add(id(output))
            weakref.finalize(output, alive.discard, id(output))
            most.append(len(alive))

        layer.register_forward_hook(note)
    with torch.no_grad():
        copy(torch.zeros(1, 3, 4, 4))
    assert max(most) <= 2
