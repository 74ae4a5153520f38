"""A method made ready for a model: one pass for all that is asked of LRP."""

import pytest
import torch
from torch import nn

import xaisigns as xs
from xaisigns.attribution.methods import find_method
from xaisigns.errors import MethodError, ShapeError


@pytest.fixture
def images(generator):
    return torch.randn(40, 3, 12, 12, generator=generator, dtype=torch.float64)


def test_relevance_and_ledger_take_one_pass_through_the_model_and_one_through_its_copy(tiny_vgg, images, monkeypatch):
    explain = find_method("lrp:epsilon").prepared(tiny_vgg)
    forward, seen = nn.Linear.forward, []

    def counted(layer, x):
        if not x.is_meta:  # by which shapes are checked
            seen.append(len(x))
        return forward(layer, x)

    monkeypatch.setattr(nn.Linear, "forward", counted)
    explain(images[:20], ledger=True)
    assert seen == [20] * 2 * 2  # two linear layers, of the model and of its copy


def test_the_ledger_is_that_of_lrp_whatever_the_batches(tiny_vgg, images):
    result = find_method("lrp:epsilon").prepared(tiny_vgg)(images, 1, ledger=True)
    wanted = xs.LRP(tiny_vgg, "epsilon").ledger(images, 1)
    assert [entry.assignment for entry in result.ledger] == [entry.assignment for entry in wanted]
    for ours, theirs in zip(result.ledger, wanted, strict=True):
        torch.testing.assert_close(ours.received, theirs.received)
        torch.testing.assert_close(ours.passed, theirs.passed)


def test_layers_and_channels_are_those_of_lrp_whatever_the_batches(tiny_vgg, images):
    explain = find_method("lrp:epsilon").prepared(tiny_vgg)
    result = explain(images, 1, layers=["0", "3"], channels={"3": [0, 2]})
    wanted = xs.LRP(tiny_vgg, "epsilon").propagate(images, 1, layers=["0", "3"], channels={"3": [0, 2]})
    assert list(result.layers) == ["0", "3"]
    for name, relevance in result.layers.items():
        torch.testing.assert_close(relevance, wanted.layers[name])
    torch.testing.assert_close(result.relevance, wanted.relevance)
    assert explain(images, 1).layers == {}


def test_no_ledger_is_kept_unless_it_is_asked_for(tiny_vgg, images):
    assert find_method("lrp:epsilon")(tiny_vgg, images, 1).ledger is None


def test_only_lrp_keeps_a_ledger(tiny_vgg, images):
    with pytest.raises(
        MethodError,
        match="only LRP keeps a ledger and knows of layers and channels; 'saliency' hands nothing on",
    ):
        find_method("saliency").prepared(tiny_vgg)(images, ledger=True)


def test_a_method_of_the_callers_is_named_where_it_fails(registries, tiny_vgg, images):
    def broken(network, images, target, depth=2):
        return images[:, depth + 1]

    xs.register_method("mine", broken)
    named = r"^the method 'mine:depth=5' failed: IndexError: index 6 is out of bounds .*; mend its function$"
    with pytest.raises(MethodError, match=named) as caught:
        xs.attribute(tiny_vgg, images, method="mine:depth=5")
    assert isinstance(caught.value.__cause__, IndexError)


def test_what_a_method_of_the_callers_says_itself_stays_as_it_is(registries, tiny_vgg, images):
    def refusing(network, images, target):
        raise ShapeError("my images have 64 pixels")

    xs.register_method("mine", refusing)
    with pytest.raises(ShapeError, match=r"^my images have 64 pixels$"):
        xs.attribute(tiny_vgg, images, method="mine")


def test_a_defect_of_the_packages_own_method_is_not_laid_at_its_callers_door(tiny_vgg, images, monkeypatch):
    def defective(*_, **__):
        raise IndexError("a defect")

    monkeypatch.setattr("captum.attr.Saliency", defective)
    with pytest.raises(IndexError, match="a defect"):
        xs.attribute(tiny_vgg, images, method="saliency")
