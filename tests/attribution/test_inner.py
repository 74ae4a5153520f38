"""Relevance of inner layers, and through some of their channels alone."""

from contextlib import suppress

import pytest
import torch
from torch import nn

import xaisigns as xs
from tests.attribution.networks import BOUNDS, pixels
from tests.attribution.oracle import peak
from xaisigns.attribution.composites import COMPOSITES
from xaisigns.errors import RuleError


class Branching(nn.Module):
    """A skip connection, around an Identity and around layers with weights."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.same, self.gate, self.head = nn.Identity(), nn.Conv2d(4, 4, 1), nn.Linear(4, 3)

    def forward(self, x):
        x = self.first(x).relu()
        x = self.same(x) + self.second(x).relu()
        x = x * self.gate(x).sigmoid()
        return self.head(x.mean((2, 3)))


@pytest.fixture
def branching():
    torch.manual_seed(2)
    return Branching().double().eval()


@pytest.fixture
def x(generator):
    return pixels(3, 12, generator)


def masked(network, layer, channels):
    """A rule of one's own before every other: what a filter of the layer's output would do, as a layer of its own."""
    parts = list(network.named_children())
    place = [name for name, _ in parts].index(layer) + 1
    count = network[:place](torch.zeros(1, 3, 12, 12, dtype=torch.float64)).shape[1]

    class Masked(xs.LayerRule):
        fits = (nn.Identity,)

        def relevance(self, x, z, r):
            kept = torch.zeros(count, dtype=r.dtype)
            kept[channels] = 1
            return r * kept.reshape(-1, *[1] * (r.ndim - 2))

    xs.register_rule("masked", Masked)
    return nn.Sequential(*[module for _, module in parts[:place]], nn.Identity(), *list(network)[place:]), str(place)


@pytest.mark.parametrize("composite", COMPOSITES)
def test_layers_tell_what_the_ledger_tells(composite, tiny_vgg, x):
    explainer = xs.LRP(tiny_vgg, composite, bounds=BOUNDS)
    names = [assignment.layer for assignment in explainer.assignments]
    found = explainer.propagate(x, 2, ledger=True, layers=names)
    assert list(found.layers) == names
    for entry in found.ledger:
        relevance = found.layers[entry.assignment.layer]
        torch.testing.assert_close(relevance.flatten(1).sum(dim=1), entry.received, rtol=0, atol=1e-9)
    assert torch.equal(found.relevance, explainer.attribute(x, 2))


def test_layers_have_the_shapes_of_their_outputs(tiny_vgg, x):
    explainer = xs.LRP(tiny_vgg, "epsilon_plus")
    found = explainer.attribute(x, 2, layers=["0", "12"])
    assert {name: tuple(relevance.shape) for name, relevance in found.items()} == {"0": (3, 6, 12, 12), "12": (3, 5)}
    wanted = torch.zeros(3, 5, dtype=torch.float64)
    wanted[:, 2] = tiny_vgg(x).detach()[:, 2]
    torch.testing.assert_close(found["12"], wanted)
    assert explainer.attribute(x, 2, layers=[]) == {}


def test_layers_are_the_middle_of_a_network_in_two_parts(tiny_vgg, x):
    """The relevance of a layer's output is that of the input of all that comes behind it."""
    front, back = tiny_vgg[:3], tiny_vgg[3:]
    found = xs.LRP(tiny_vgg, "epsilon").attribute(x, 1, layers=["2"])
    wanted = xs.LRP(back, "epsilon").attribute(front(x).detach(), 1)
    torch.testing.assert_close(found["2"], wanted, rtol=0, atol=1e-12 * peak(wanted))


@pytest.mark.parametrize("layer", ["0", "2", "3"])
@pytest.mark.parametrize("composite", ["epsilon_plus_flat", "epsilon_gamma_box", "excitation_backprop"])
def test_channels_are_a_mask_on_the_layers_output(composite, layer, registries, tiny_vgg, x):
    ours = xs.LRP(tiny_vgg, composite, bounds=BOUNDS).propagate(x, 1, channels={layer: [1, 4]}, layers=[layer])
    network, place = masked(tiny_vgg, layer, [1, 4])
    wanted = xs.lrp(network, x, 1, composite=composite, rules={place: "masked"}, bounds=BOUNDS)
    torch.testing.assert_close(ours.relevance, wanted, rtol=0, atol=1e-12 * peak(wanted))
    assert ours.layers[layer][:, [1, 4]].any()
    assert not ours.layers[layer][:, [0, 2, 3, 5]].any()


def test_what_passes_through_each_channel_adds_up_to_all(tiny_vgg, x):
    explainer = xs.LRP(tiny_vgg, "epsilon_plus")
    parts = sum(explainer.attribute(x, 1, channels={"3": [channel]}) for channel in range(6))
    torch.testing.assert_close(parts, explainer.attribute(x, 1))


def test_the_ledger_of_channels_closes_at_every_layer(tiny_vgg, x):
    explainer = xs.LRP(tiny_vgg, "epsilon_plus")
    channels = {"2": [0, 3], "3": [0, 2], "12": [1]}
    found = explainer.propagate(x, 1, ledger=True, channels=channels, layers=list(channels))
    for entry in found.ledger:
        told = entry.passed + entry.bias + entry.stabilizer
        torch.testing.assert_close(told, entry.received, rtol=0, atol=1e-12)
        if entry.assignment.layer in channels:
            received = found.layers[entry.assignment.layer].flatten(1).sum(dim=1)
            torch.testing.assert_close(entry.received, received, rtol=0, atol=1e-12)
        if entry.assignment.type == "MaxPool2d":
            assert not entry.bias.abs().max() > 1e-12


def test_an_identity_beside_a_branch_has_its_own_relevance_only(branching, x):
    found = xs.LRP(branching, "epsilon").propagate(x, 1, layers=["same", "second", "relu", "add"])
    at_sum = found.layers["add"].sum()
    through_second = found.layers["second"].sum()
    torch.testing.assert_close(found.layers["same"].sum() + through_second, at_sum, rtol=0, atol=1e-4)
    assert abs(found.layers["same"].sum() - found.layers["relu"].sum()) > 1e-3


def test_layers_that_only_feed_gates_get_nothing(branching, x):
    found = xs.LRP(branching, "epsilon").attribute(x, 1, layers=["gate"])
    assert found["gate"].shape == (3, 4, 12, 12)
    assert not found["gate"].any()


def test_one_pass_gives_all(tiny_vgg, x, monkeypatch):
    explainer = xs.LRP(tiny_vgg, "epsilon")
    forward, seen = nn.Linear.forward, []
    monkeypatch.setattr(nn.Linear, "forward", lambda layer, x: seen.append(len(x)) or forward(layer, x))
    explainer.propagate(x, 1, ledger=True, layers=["0", "3"], channels={"3": [0]})
    assert len(seen) == 2  # two linear layers


def test_a_call_leaves_nothing_behind(tiny_vgg, x):
    explainer = xs.LRP(tiny_vgg, "epsilon")
    before = explainer.attribute(x, 1)
    for channels in ({"3": [0]}, {"3": [6]}):
        with suppress(RuleError):
            explainer.attribute(x, 1, layers=["0"], channels=channels)
        assert not any(layer._forward_hooks for layer in explainer.network.modules())
    assert torch.equal(explainer.attribute(x, 1), before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": ["0", "features.8"]}, "no layer 'features.8'; there are 0, 1, 2, 3,"),
        ({"layers": "0"}, "layers are wanted as a list of names, got '0'"),
        ({"channels": {"features.8": [1]}}, "no layer 'features.8'; there are 0, 1, 2, 3,"),
        ({"channels": ["0"]}, r"channels are wanted by layer, such as \{\"features.8\": \[12, 40\]\}, got \['0'\]"),
        ({"channels": {"0": [6]}}, "layer '0' has the channels 0 to 5, got 6"),
        ({"channels": {"0": [-1]}}, r"channels of layer '0' must be whole numbers from 0, one or more, got \[-1\]"),
        ({"channels": {"0": []}}, "channels of layer '0' must be whole numbers from 0, one or more"),
        ({"channels": {"0": [True]}}, "channels of layer '0' must be whole numbers from 0, one or more"),
        ({"channels": {"0": 3}}, "channels of layer '0' must be whole numbers from 0, one or more, got 3"),
    ],
)
def test_layers_and_channels_that_are_none_are_refused(arguments, message, tiny_vgg, x):
    with pytest.raises(RuleError, match=message):
        xs.LRP(tiny_vgg, "epsilon").attribute(x, 1, **arguments)
