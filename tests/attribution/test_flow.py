"""What a graph tells: which layers come first, which only feed gates, and signs, which never change the relevance."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import xaisigns as xs
from tests.attribution.networks import BOUNDS, graphs, pixels
from tests.attribution.oracle import peak
from xaisigns.attribution import lrp
from xaisigns.attribution.flow import first_layers, gate_layers, signs_of
from xaisigns.attribution.layer_rule import NO_SIGNS
from xaisigns.attribution.named_rules import RULES
from xaisigns.attribution.network import leaves


class Branching(nn.Module):
    """Two ways from the pixels, and a gate of two layers, one of which the signal goes through, too."""

    def __init__(self):
        super().__init__()
        self.left, self.right, self.both = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
        self.fc, self.sigmoid = nn.Conv2d(4, 4, 1), nn.Sigmoid()
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        both = self.both(torch.relu(self.left(x)) + self.right(x))
        gate = self.sigmoid(self.fc(both.mean((2, 3), keepdim=True)))
        return self.head((both * gate).mean((2, 3)))


@pytest.fixture
def branching():
    torch.manual_seed(0)
    return Branching().double().eval()


def test_first_layers_are_those_that_see_pixels(branching):
    assert first_layers(xs.canonize(branching)) == {"left", "right"}


def test_only_what_nothing_but_gates_uses_is_a_gates(branching):
    assert gate_layers(xs.canonize(branching)) == {"mean", "fc", "sigmoid"}


def test_nothing_reaches_a_gates_layers_and_whoever_reads_learns_it(branching):
    x = pixels(2, 6, torch.Generator().manual_seed(0))
    told = xs.LRP(branching, "epsilon_plus").propagate(x, 0, ledger=True)
    sources = {entry.assignment.layer: entry.assignment.source for entry in told.ledger}
    assert {layer for layer, source in sources.items() if source == "gate"} == {"mean", "fc", "sigmoid"}
    for entry in told.ledger:
        assert (peak(entry.received) == 0) == (entry.assignment.source == "gate")


@pytest.mark.parametrize("composite", ["epsilon_gamma_box", "epsilon_alpha2_beta1_flat", "excitation_backprop"])
@given(network=graphs(), seed=st.integers(0, 1000))
@settings(max_examples=25)
def test_signs_change_nothing_of_the_relevance(composite, network, seed):
    x = pixels(2, 16, torch.Generator().manual_seed(seed))
    ours = xs.lrp(network, x, 1, composite=composite, bounds=BOUNDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lrp, "signs_of", lambda network, kinds: dict.fromkeys(kinds, NO_SIGNS))
        wanted = xs.lrp(network, x, 1, composite=composite, bounds=BOUNDS)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-9 * peak(wanted))


@given(network=graphs(), seed=st.integers(0, 1000))
@settings(max_examples=25)
def test_signs_are_true_of_the_values(network, seed):
    """No input is negative where it is said that none is."""
    copy = xs.canonize(network)
    signs = signs_of(copy, dict.fromkeys(leaves(copy), RULES["epsilon"]))
    wrong = []
    for name, layer in leaves(copy).items():

        def look(layer, inputs, output, name=name):
            tensors = [one for one in inputs if isinstance(one, torch.Tensor)]
            if signs[name].input_nonnegative and any(bool((one < 0).any()) for one in tensors):
                wrong.append(name)

        layer.register_forward_hook(look)
    copy(pixels(2, 16, torch.Generator().manual_seed(seed)))
    assert wrong == []


def test_signs_are_found_through_sums_pools_and_concatenations():
    """Else all the work that they save would be done, and no test would fail."""

    class Dense(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.three = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(12, 4, 1)
            self.four, self.pool = nn.Conv2d(4, 2, 1), nn.AvgPool2d(2)

        def forward(self, x):
            x = torch.relu(self.one(x))
            y = torch.relu(self.two(x))
            z = torch.relu(self.three(torch.cat((x, y, x + y), 1)))
            return self.four(self.pool(z) * torch.sigmoid(z[:, :1, ::2, ::2])).mean((2, 3))

    copy = xs.canonize(Dense())
    weighted = ("one", "two", "three", "four")
    kinds = dict.fromkeys(leaves(copy), RULES["gradient"]) | dict.fromkeys(weighted, RULES["gamma"])
    signs = signs_of(copy, kinds)
    assert [name for name in weighted if signs[name].input_nonnegative] == ["two", "three", "four"]
    assert signs["three"].relevance_above_zero
    assert signs["two"].relevance_above_zero


def test_a_difference_and_a_negative_scale_have_either_sign():
    class Differing(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.third = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            x = torch.relu(self.first(x))
            return (self.second(x - torch.relu(x * 0.5)) + self.third(x * -1)).mean((2, 3))

    copy = xs.canonize(Differing())
    signs = signs_of(copy, dict.fromkeys(leaves(copy), RULES["epsilon"]))
    assert not signs["second"].input_nonnegative
    assert not signs["third"].input_nonnegative
