"""Sizes without numbers: conditions on them are decided as for images of a usual size, those on values are not."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

import xaisigns as xs
from tests.attribution.agreement import explained_as_said
from xaisigns.attribution.sizes import on_meta
from xaisigns.errors import RuleError


class _Own(nn.Module):
    """A network whose forward asks first."""

    def __init__(self, ask, layer=None):
        super().__init__()
        self.convolution, self.ask = layer or nn.Conv2d(3, 4, 3, padding=1), ask
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        maps = self.convolution(x).relu()
        if self.ask(x, maps):
            maps = maps * 2
        return self.head(maps.mean((2, 3)))


def _asserted(images, maps):
    assert maps.shape[2:] == images.shape[2:], "the stride must be 1"
    assert maps.dim() == 4
    return True


@pytest.mark.parametrize(
    "ask",
    [
        lambda _, maps: maps.shape[1] == 4,
        lambda images, _: images.size(1) != 3,
        lambda images, maps: images.shape == maps.shape,
        lambda _, maps: len(maps.shape) == 4 if isinstance(maps, torch.Tensor) else maps.ndim == 4,
        _asserted,
    ],
    ids=["channels", "images", "shapes", "dimensions", "assert"],
)
def test_a_condition_on_sizes_is_decided(ask, images):
    torch.manual_seed(0)
    explained_as_said(_Own(ask).eval(), images)


def test_layers_whose_weights_are_made_are_asked_without_touching_them(images):
    torch.manual_seed(0)
    layer = weight_norm(nn.Conv2d(3, 4, 3, padding=1))
    explained_as_said(_Own(lambda _, maps: maps.shape[1] == 4, layer).eval(), images)
    assert {weight.device.type for weight in layer.parameters()} == {"cpu"}


def test_a_condition_that_another_size_answers_otherwise_is_found_when_it_comes(images):
    torch.manual_seed(0)
    network = _Own(lambda images, _: images.shape[2] > 40).eval()
    explainer = xs.LRP(network, "epsilon_plus")
    assert explainer.attribute(images, 1).shape == images.shape
    large = torch.rand(2, 3, 64, 64)
    for explain in (
        lambda: explainer.attribute(large, 1),
        lambda: explainer.ledger(large, 1),
        lambda: xs.attribute(network, large, 1, method="saliency"),
    ):
        with pytest.raises(RuleError, match="gives other outputs than its layers do"):
            explain()
    assert explainer.attribute(images, 1).shape == images.shape


@pytest.mark.parametrize("ask", [lambda images, _: images.sum() > 0, lambda _, maps: (maps > 0).any()])
def test_a_condition_on_values_is_refused(ask):
    with pytest.raises(RuleError, match=r"_Own cannot be taken apart .* \(test_sizes.py, line \d+\): symbolic"):
        xs.canonize(_Own(ask))


def test_a_layer_without_numbers_is_of_the_same_kind_and_size():
    layer = nn.Sequential(nn.BatchNorm2d(4), nn.PReLU(4))
    values = torch.empty(2, 4, 5, 5, device="meta")
    for one in layer.eval():
        values = on_meta(one)(values)
    assert values.shape == (2, 4, 5, 5)
    assert values.is_meta
    assert not any(weight.is_meta for weight in layer.state_dict().values())
