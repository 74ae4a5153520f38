import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from tests.metrics.oracle import quantus_scores
from xaisigns.errors import MetricError, ShapeError
from xaisigns.metrics.localisation import (
    area_share,
    grown,
    localisation_auc,
    pointing_game,
    relevance_mass,
    relevance_rank,
)

SCORES = (relevance_mass, relevance_rank, pointing_game, localisation_auc)


def mass_slowly(values, inside):
    positive = [max(value, 0) for value in values]
    return sum(v for v, is_in in zip(positive, inside, strict=True) if is_in) / sum(positive)


def rank_slowly(values, inside):
    ordered = sorted(range(len(values)), key=lambda pixel: -values[pixel])
    return sum(inside[pixel] for pixel in ordered[: sum(inside)]) / sum(inside)


def pointing_slowly(values, inside):
    return float(inside[max(range(len(values)), key=lambda pixel: values[pixel])])


def auc_slowly(values, inside):
    won = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, is_in in zip(values, inside, strict=True)
        for b, also in zip(values, inside, strict=True)
        if is_in and not also
    ]
    return sum(won) / len(won)


SLOWLY = dict(zip(SCORES, (mass_slowly, rank_slowly, pointing_slowly, auc_slowly), strict=True))


def slowly(score, relevance, mask):
    return torch.tensor(
        [
            SLOWLY[score](heat.sum(dim=0).flatten().tolist(), inside.flatten().tolist())
            for heat, inside in zip(relevance, mask, strict=True)
        ],
        dtype=torch.float64,
    )


@pytest.mark.parametrize("score", SCORES)
def test_score_is_its_definition(score, relevance, mask):
    assert_close(score(relevance, mask), slowly(score, relevance, mask), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("score", "metric", "seen"),
    [
        (relevance_mass, "RelevanceMassAccuracy", lambda heat: heat.clamp(min=0)),
        (relevance_rank, "RelevanceRankAccuracy", lambda heat: heat),
        (pointing_game, "PointingGame", lambda heat: heat),
        (localisation_auc, "AUC", lambda heat: heat),
    ],
)
def test_score_is_quantus(score, metric, seen, relevance, mask, images, target):
    heat = seen(relevance.sum(dim=1, keepdim=True))
    wanted = quantus_scores(metric, None, images, target, relevance=heat, mask=mask)
    assert_close(score(relevance, mask), wanted, rtol=0, atol=1e-12)


def test_mass_is_quantus_attribution_localisation(relevance, mask, images, target):
    heat = relevance.sum(dim=1, keepdim=True)
    settings = {"relevance": heat, "mask": mask, "positive_attributions": True}
    wanted = quantus_scores("AttributionLocalisation", None, images, target, **settings)
    # Quantus adds 1e-9 to the sum.
    assert_close(relevance_mass(relevance, mask), wanted, rtol=1e-9, atol=0)


def test_auc_with_ties_is_quantus(relevance, mask, images, target):
    coarse = relevance.sum(dim=1, keepdim=True).round()
    wanted = quantus_scores("AUC", None, images, target, relevance=coarse, mask=mask)
    assert_close(localisation_auc(coarse, mask), wanted, rtol=0, atol=1e-12)


def test_known_answers():
    heat = torch.tensor([[4.0, 3.0, 0.0], [-9.0, 2.0, 1.0]])[None, None]
    mask = torch.tensor([[True, False, False], [True, True, False]])[None]
    assert relevance_mass(heat, mask).item() == pytest.approx(6 / 10)
    assert relevance_rank(heat, mask).item() == pytest.approx(2 / 3)
    assert pointing_game(heat, mask).item() == 1
    # 4 beats all three outside, 2 beats two, -9 none.
    assert localisation_auc(heat, mask).item() == pytest.approx(5 / 9)


def test_channels_are_summed_before_the_sign_is_asked():
    relevance = torch.tensor([[[[1.0, -3.0]], [[1.0, 4.0]]]])
    assert relevance_mass(relevance, torch.tensor([[[True, False]]])).item() == pytest.approx(2 / 3)


@pytest.mark.parametrize("score", [relevance_mass, relevance_rank, pointing_game])
def test_flat_relevance_gets_the_share_of_the_area(score, mask):
    assert_close(score(torch.full((6, 3, 12, 12), 0.1), mask), area_share(mask))


def test_flat_relevance_detects_nothing(mask):
    assert_close(localisation_auc(torch.ones(6, 3, 12, 12), mask), torch.full((6,), 0.5))


@pytest.mark.parametrize("score", [relevance_rank, pointing_game])
def test_ties_count_what_breaking_them_at_random_gives_on_average(score, mask, generator):
    levels = torch.randint(0, 4, (6, 1, 12, 12), generator=generator).double()
    broken = [
        score(levels + 0.5 * torch.rand(levels.shape, generator=generator, dtype=torch.float64), mask)
        for _ in range(3000)
    ]
    assert_close(score(levels, mask), torch.stack(broken).mean(dim=0), rtol=0, atol=0.03)


@pytest.mark.parametrize("score", SCORES)
@given(scale=st.floats(1e-3, 1e3), order=st.permutations(range(6)), seed=st.integers(0, 99))
def test_scale_and_order_of_the_batch_change_nothing(score, scale, order, seed):
    generator = torch.Generator().manual_seed(seed)
    relevance = torch.randn(6, 3, 5, 7, generator=generator, dtype=torch.float64)
    mask = torch.rand(6, 5, 7, generator=generator) < 0.3
    wanted = score(relevance, mask)
    assert_close(score(scale * relevance, mask), wanted, equal_nan=True)
    assert_close(score(relevance[order], mask[order]), wanted[order], equal_nan=True)


@pytest.mark.parametrize("score", SCORES)
def test_nan_without_mask_or_with_broken_relevance(score, relevance, mask):
    mask[1] = False
    relevance[2, 0, 0, 0] = torch.nan
    relevance[3, 1, 5, 5] = torch.inf
    assert score(relevance, mask).isnan().tolist() == [False, True, True, True, False, False]


def test_mass_is_nan_without_positive_relevance(relevance, mask):
    relevance[4] = -relevance[4].abs()
    assert relevance_mass(relevance, mask).isnan().nonzero().flatten().tolist() == [4]


def test_auc_is_nan_where_the_mask_covers_all(relevance, mask):
    mask[0] = True
    assert localisation_auc(relevance, mask).isnan().nonzero().flatten().tolist() == [0]


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scores_have_the_relevances_dtype_and_no_graph(score, dtype, relevance, mask):
    scores = score(relevance.to(dtype).requires_grad_(), mask)
    assert scores.dtype == dtype
    assert not scores.requires_grad


@pytest.mark.parametrize("score", SCORES)
def test_what_does_not_belong_together_is_refused(score, relevance, mask):
    with pytest.raises(ShapeError, match=r"\(N, H, W\) = \(6, 12, 12\).* got \(5, 12, 12\)"):
        score(relevance, mask[:5])
    with pytest.raises(ShapeError, match=r"torch.bool, got \(6, 12, 12\) of torch.float32"):
        score(relevance, mask.float())
    with pytest.raises(ShapeError, match=r"relevance must be \(N, C, H, W\), got \(6, 12, 12\)"):
        score(relevance.sum(dim=1), mask)


def test_a_square_grows():
    mask = torch.zeros(2, 7, 9, dtype=torch.bool)
    mask[0, 3, 4] = mask[1, 0, 0] = True
    big = grown(mask, by=2)
    assert big[0].nonzero().tolist() == [[row, column] for row in range(1, 6) for column in range(2, 7)]
    assert big[1].nonzero().tolist() == [[row, column] for row in range(3) for column in range(3)]
    assert torch.equal(grown(mask, by=0), mask)
    assert grown(mask, by=20).all()


def test_a_mask_does_not_shrink(mask):
    with pytest.raises(MetricError, match="0 pixels or more, got -1"):
        grown(mask, by=-1)


def test_area_share_is_nan_without_a_mask():
    mask = torch.zeros(2, 4, 5, dtype=torch.bool)
    mask[0, :2] = True
    assert_close(area_share(mask), torch.tensor([0.5, torch.nan]), equal_nan=True)
