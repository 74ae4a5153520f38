import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity
from torch.testing import assert_close

from xaisigns.errors import ShapeError
from xaisigns.metrics.similarity import spearman, ssim

SCORES = (spearman, ssim)


@pytest.fixture
def other(relevance, generator):
    """Relevance that is like the first, less and less from image to image."""
    share = torch.linspace(0, 1, 6, dtype=torch.float64)[:, None, None, None]
    return 3 * ((1 - share) * relevance + share * torch.randn(relevance.shape, generator=generator).double())


@pytest.mark.parametrize("rounded", [False, True])
def test_spearman_is_scipys(rounded, relevance, other):
    heats = [both.sum(dim=1) for both in (relevance, other)]
    heats = [heat.round() if rounded else heat for heat in heats]
    wanted = [spearmanr(*(one.flatten() for one in pair)).statistic for pair in zip(*heats, strict=True)]
    assert_close(spearman(*(heat[:, None] for heat in heats)), torch.tensor(wanted, dtype=torch.float64))


def test_ssim_is_scikit_images(relevance, other):
    wanted = []
    for pair in zip(relevance.sum(dim=1), other.sum(dim=1), strict=True):
        a, b = ((heat / heat.abs().max()).numpy() for heat in pair)
        extent = max(a.max(), b.max()) - min(a.min(), b.min())
        wanted.append(structural_similarity(a, b, data_range=extent))
    assert_close(ssim(relevance, other), torch.tensor(wanted))


def test_known_answers(relevance):
    one = torch.ones(6, dtype=torch.float64)
    assert_close(spearman(relevance, relevance), one)
    assert_close(spearman(relevance, -relevance), -one)
    assert_close(ssim(relevance, relevance), one)


def test_spearman_asks_for_the_order_only(relevance):
    heat = relevance.sum(dim=1, keepdim=True)
    assert_close(spearman(heat, heat.exp()), torch.ones(6, dtype=torch.float64))


@pytest.mark.parametrize("score", SCORES)
@given(scale=st.floats(1e-3, 1e3), order=st.permutations(range(4)), seed=st.integers(0, 99))
def test_scale_and_order_of_the_batch_change_nothing(score, scale, order, seed):
    a, b = torch.randn(2, 4, 3, 7, 9, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    wanted = score(a, b)
    assert_close(score(scale * a, b), wanted)
    assert_close(score(b, a), wanted)
    assert_close(score(a[order], b[order]), wanted[order])


@pytest.mark.parametrize(("score", "flat"), [(spearman, True), (ssim, False)])
def test_nan_where_there_is_nothing_to_compare(score, flat, relevance, other):
    relevance[1] = 0
    other[2, 0, 0, 0] = torch.nan
    relevance[3] = 2
    assert score(relevance, other).isnan().tolist() == [False, True, True, flat, False, False]
    assert score(relevance, relevance)[3].isnan()


@pytest.mark.parametrize("score", SCORES)
def test_dtype_is_kept(score, relevance, other):
    assert score(relevance.float(), other.float()).dtype == torch.float32


@pytest.mark.parametrize("score", SCORES)
def test_what_does_not_belong_together_is_refused(score, relevance):
    with pytest.raises(ShapeError, match=r"\(6, 12, 12\), got \(5, 12, 12\) for the second"):
        score(relevance, relevance[:5])


def test_ssim_needs_a_window(relevance):
    with pytest.raises(ShapeError, match=r"at least 7 x 7 pixels, got \(6, 12\)"):
        ssim(relevance[:, :, :6], relevance[:, :, :6])
