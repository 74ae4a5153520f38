"""z_box knows what its layer can see, whatever moves pixels before it."""

import pytest
import torch
from torch import nn

import xaisigns as xs
from tests.attribution.networks import BOUNDS, pixels
from tests.attribution.oracle import peak
from xaisigns.attribution.pixel_bounds import seen_bounds
from xaisigns.errors import RuleError


class Transforming(nn.Module):
    """Brings pixels from one preparation to another, as torchvision's Inception does, one channel upside down."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(144, 3)

    def forward(self, x):
        first = torch.unsqueeze(x[:, 0], 1) * 0.5 - 0.1
        second = torch.unsqueeze(x[:, 1], 1) * -2.0
        third = torch.unsqueeze(x[:, 2], 1) / 4 + 3
        return self.head(torch.relu(self.conv(torch.cat((first, second, third), 1))).flatten(1))


@pytest.fixture
def x():
    return pixels(2, 8, torch.Generator().manual_seed(0))


def test_bounds_go_through_what_moves_pixels(x):
    network = xs.canonize(Transforming().double())
    low, high = seen_bounds(network, {"conv"}, BOUNDS, x)["conv"]
    assert low.shape == high.shape == (1, 3, 8, 8)
    assert low[0, :, 0, 0].tolist() == pytest.approx([-1.1, -3.0, 2.75])
    assert high[0, :, 5, 3].tolist() == pytest.approx([0.9, 3.0, 3.25])


def test_moved_pixels_are_explained_as_those_that_were_moved_before(x):
    torch.manual_seed(0)
    network = Transforming().double().eval()
    inner = nn.Sequential(network.conv, nn.ReLU(), nn.Flatten(), network.head)
    weight, bias = (
        torch.tensor(values, dtype=torch.float64).reshape(1, 3, 1, 1) for values in ([0.5, -2, 0.25], [-0.1, 0, 3])
    )
    ends = [bound * weight + bias for bound in BOUNDS]
    told = xs.LRP(network, "epsilon_gamma_box", bounds=BOUNDS).propagate(x, 1, ledger=True)
    ours = next(entry.passed for entry in told.ledger if entry.assignment.layer == "conv")
    moved = x * weight + bias
    wanted = xs.lrp(inner, moved, 1, composite="epsilon_gamma_box", bounds=(torch.minimum(*ends), torch.maximum(*ends)))
    torch.testing.assert_close(ours, wanted.sum((1, 2, 3)), rtol=0, atol=1e-9 * peak(wanted))


def test_a_network_without_convolutions_sees_flattened_pixels(x):
    torch.manual_seed(0)
    linear = nn.Linear(192, 3)
    flat = nn.Sequential(nn.Flatten(), linear).double()
    convolution = nn.Conv2d(3, 3, 8).double()
    convolution.weight.data, convolution.bias.data = linear.weight.data.reshape(3, 3, 8, 8), linear.bias.data
    ours, wanted = (
        xs.lrp(network, x, 1, bounds=BOUNDS) for network in (flat, nn.Sequential(convolution, nn.Flatten()))
    )
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-9 * peak(wanted))


def test_each_call_has_the_bounds_of_its_own_images():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
    lrp = xs.LRP(network.double().eval(), bounds=BOUNDS)
    for size in (8, 12, 8):
        assert lrp.attribute(pixels(2, size, torch.Generator().manual_seed(0)), 1).shape == (2, 3, size, size)


def test_values_that_are_no_moved_pixels_are_refused_by_name():
    network = nn.Sequential(
        nn.GroupNorm(1, 3), nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
    message = (
        "'z_box' does not fit layer '1': .* and '0' before it gives others than pixels; give the layer another rule"
    )
    with pytest.raises(RuleError, match=message):
        xs.LRP(network, bounds=BOUNDS)
    assert xs.LRP(network, rules={"1": "w_square"}, bounds=BOUNDS).assignments[1].rule.name == "w_square"
