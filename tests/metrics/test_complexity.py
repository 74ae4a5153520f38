import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from tests.metrics.oracle import quantus_scores
from xaisigns.errors import ShapeError
from xaisigns.metrics.complexity import entropy, sparseness

SCORES = (sparseness, entropy)


def sparseness_slowly(values):
    """Half the mean difference of two magnitudes, over their mean."""
    differences = [abs(a - b) for a in values for b in values]
    return sum(differences) / len(differences) / 2 / (sum(values) / len(values))


def entropy_slowly(values):
    shares = [value / sum(values) for value in values]
    return -sum(share * math.log(share) for share in shares)


@pytest.mark.parametrize(("score", "definition"), [(sparseness, sparseness_slowly), (entropy, entropy_slowly)])
def test_score_is_its_definition(score, definition, relevance):
    wanted = [definition(heat.sum(dim=0).abs().flatten().tolist()) for heat in relevance]
    assert_close(score(relevance), torch.tensor(wanted, dtype=torch.float64), rtol=0, atol=1e-12)


def test_sparseness_is_quantus(relevance, images, target):
    magnitudes = relevance.sum(dim=1, keepdim=True).abs()
    wanted = quantus_scores("Sparseness", None, images, target, relevance=magnitudes.clone())
    assert_close(sparseness(magnitudes + 1e-7), wanted, rtol=0, atol=1e-12)


def test_entropy_is_quantus(relevance, images, target):
    magnitudes = relevance.sum(dim=1, keepdim=True).abs()
    wanted = quantus_scores("Complexity", None, images, target, relevance=magnitudes.clone())
    # Quantus' 1e-12 inside the logarithm of 144 shares takes away up to 144e-12.
    assert_close(entropy(relevance), wanted, rtol=0, atol=2e-10)


def test_known_answers():
    flat, point = torch.ones(1, 3, 4, 5), torch.zeros(1, 3, 4, 5)
    point[0, :, 1, 2] = -2
    assert sparseness(flat).item() == pytest.approx(0, abs=1e-6)
    assert sparseness(point).item() == pytest.approx(1 - 1 / 20)
    assert entropy(flat).item() == pytest.approx(math.log(20))
    assert entropy(point).item() == 0


@pytest.mark.parametrize("score", SCORES)
@given(scale=st.floats(1e-3, 1e3), order=st.permutations(range(6)), seed=st.integers(0, 99))
def test_scale_and_order_of_the_batch_change_nothing(score, scale, order, seed):
    relevance = torch.randn(6, 3, 5, 7, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    assert_close(score(-scale * relevance), score(relevance))
    assert_close(score(relevance[order]), score(relevance)[order])


@pytest.mark.parametrize("score", SCORES)
def test_nan_for_empty_and_broken_heatmaps(score, relevance):
    relevance[1] = 0
    relevance[2, 0, 0, 0] = torch.nan
    assert score(relevance).isnan().tolist() == [False, True, True, False, False, False]


@pytest.mark.parametrize("score", SCORES)
def test_a_heatmap_is_refused(score, relevance):
    with pytest.raises(ShapeError, match=r"relevance must be \(N, C, H, W\), got \(6, 12, 12\)"):
        score(relevance.sum(dim=1))
