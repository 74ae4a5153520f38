"""Known truth: a linear network whose only weights lie in a block."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import xaisigns as xs
from tests.metrics.conftest import input_x_gradient
from xaisigns.metrics.localisation import area_share, localisation_auc, pointing_game, relevance_mass, relevance_rank


@pytest.fixture
def planted(generator):
    """The network, images and the mask of the block."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 144, 2, bias=False)).double().eval()
    mask = torch.zeros(8, 12, 12, dtype=torch.bool)
    mask[:, 3:6, 4:9] = True
    with torch.no_grad():
        # Of both signs, but with positive logits: z-plus shares out nothing positive of a negative one.
        network[1].weight.add_(0.02).view(2, 3, 12, 12).mul_(mask[0])
    return network, torch.rand(8, 3, 12, 12, generator=generator, dtype=torch.float64), mask


def by_lrp(composite):
    return lambda model, x, target: xs.lrp(model, x, target, composite=composite)


@pytest.mark.parametrize(
    "attribute", [input_x_gradient, by_lrp("epsilon"), by_lrp("excitation_backprop")], ids=["ixg", "epsilon", "z_plus"]
)
def test_all_relevance_lies_in_the_block(attribute, planted):
    network, images, mask = planted
    relevance = attribute(network, images, torch.ones(8, dtype=torch.int64))
    assert_close(relevance_mass(relevance, mask), torch.ones(8, dtype=torch.float64))
    assert_close(pointing_game(relevance, mask), torch.ones(8, dtype=torch.float64))


def test_flat_relevance_gets_the_blocks_share(planted):
    _, images, mask = planted
    flat = torch.full_like(images, 0.1)
    share = area_share(mask)
    assert_close(share, torch.full((8,), 15 / 144))
    for score in (relevance_mass, relevance_rank, pointing_game):
        assert_close(score(flat, mask), share.double())
    assert_close(localisation_auc(flat, mask), torch.full((8,), 0.5, dtype=torch.float64))
