"""A network whose outputs are differences of logits."""

import pytest
import torch

import xaisigns as xs
from tests.attribution.agreement import network
from xaisigns.attribution.contrast import contrast_weights, contrasted
from xaisigns.errors import ShapeError

TARGETS, OTHERS = torch.tensor([0, 3, 0, 4]), torch.tensor([1, 2, 1, 0])


def test_the_output_of_each_image_is_the_difference_of_its_two_logits(generator):
    net, x = xs.canonize(network()), torch.randn(4, 3, 16, 16, generator=generator)
    contrast, outputs = contrasted(net, x, TARGETS, OTHERS)
    logits, rows = net(x), torch.arange(4)
    torch.testing.assert_close(contrast(x)[rows, outputs], logits[rows, TARGETS] - logits[rows, OTHERS])


def test_a_pair_of_classes_has_one_output_however_many_images_have_it(generator):
    x = torch.randn(4, 3, 16, 16, generator=generator)
    contrast, outputs = contrasted(xs.canonize(network()), x, TARGETS, OTHERS)
    assert contrast(x).shape == (4, 3)
    assert outputs[0] == outputs[2]
    swapped, _ = contrasted(xs.canonize(network()), x, torch.tensor([0, 1, 0, 1]), torch.tensor([1, 0, 1, 0]))
    first, second = swapped(x).T  # the order is part of a pair
    torch.testing.assert_close(first, -second)


def test_a_contrast_with_the_rest_is_with_the_mean_of_all_other_logits(generator):
    net, x = xs.canonize(network()), torch.randn(4, 3, 16, 16, generator=generator)
    contrast, outputs = contrasted(net, x, TARGETS, "rest")
    logits = net(x)
    assert contrast(x).shape == (4, 3)
    for row, target in enumerate(TARGETS.tolist()):
        others = [float(logits[row, other]) for other in range(logits.shape[1]) if other != target]
        wanted = float(logits[row, target]) - sum(others) / len(others)
        assert float(contrast(x)[row, outputs[row]]) == pytest.approx(wanted, abs=1e-5)


def test_a_single_class_has_no_rest():
    with pytest.raises(ShapeError, match="a contrast with the rest needs a network of 2 classes or more"):
        contrast_weights(torch.ones(3, 1), torch.zeros(3, dtype=torch.int64), "rest")


def test_neither_the_network_nor_the_global_generator_changes(generator):
    net, x = xs.canonize(network()), torch.randn(4, 3, 16, 16, generator=generator)
    names, state = [name for name, _ in net.named_children()], torch.get_rng_state()
    contrast, _ = contrasted(net, x, TARGETS, OTHERS)
    assert [name for name, _ in net.named_children()] == names
    assert all(
        ours is theirs for ours, theirs in zip(contrast.children(), net.children(), strict=False)
    )  # by reference, under their names
    assert [name for name, _ in contrast.named_children()] == [*names, "difference"]
    assert torch.equal(torch.get_rng_state(), state)
