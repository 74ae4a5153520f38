import pytest
import torch
from scipy.stats import rankdata
from torch.testing import assert_close

from xaisigns.errors import ShapeError
from xaisigns.metrics.heatmap import average_ranks, heatmap, most_relevant_first


def test_heatmap_is_the_sum_over_channels(relevance):
    assert_close(heatmap(relevance.requires_grad_()), relevance.detach().sum(dim=1))


def test_a_heatmap_is_no_relevance(relevance):
    with pytest.raises(ShapeError, match=r"relevance\[:, None\]"):
        heatmap(relevance[:, 0])


@pytest.mark.parametrize("levels", [1, 3, 10**6])
def test_ranks_are_scipys(levels, generator):
    values = torch.randint(0, levels, (40, 50), generator=generator).double()
    assert_close(average_ranks(values), torch.from_numpy(rankdata(values.numpy(), axis=1)))


def test_order_is_of_relevance_then_of_the_seed(generator):
    values = torch.randint(0, 4, (40, 50), generator=generator).double()
    order, other = (most_relevant_first(values, seed) for seed in (0, 1))
    assert (values.gather(1, order).diff(dim=1) <= 0).all()
    assert torch.equal(values.gather(1, order), values.gather(1, other))
    assert not torch.equal(order, other)
    assert torch.equal(most_relevant_first(values[7:8], 0), order[7:8])
    assert (order.sort(dim=1).values == torch.arange(50)).all()
    flat = most_relevant_first(torch.ones(1, 50), 0)
    assert not torch.equal(flat, torch.arange(50)[None])
