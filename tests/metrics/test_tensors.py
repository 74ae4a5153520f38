"""Every score of whatever tensors it is given, in whatever state of torch: the right number, or an error of ours."""

import copy
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from tests.metrics.conftest import input_x_gradient
from xaisigns.errors import MetricError, ShapeError
from xaisigns.metrics.complexity import entropy, sparseness
from xaisigns.metrics.faithfulness import infidelity, pixel_flipping
from xaisigns.metrics.intervals import bootstrap_interval
from xaisigns.metrics.localisation import (
    area_share,
    grown,
    localisation_auc,
    pointing_game,
    relevance_mass,
    relevance_rank,
)
from xaisigns.metrics.randomisation import cascading_randomisation, random_logit
from xaisigns.metrics.robustness import max_sensitivity
from xaisigns.metrics.similarity import spearman, ssim

LOCALISATION = [relevance_mass, relevance_rank, pointing_game, localisation_auc]
MASK = torch.zeros(3, 8, 9, dtype=torch.bool)
MASK[:, 2:5, 3:7] = True
OF_RELEVANCE = {
    **{
        score.__name__: lambda relevance, score=score: score(relevance, MASK[: len(relevance)])
        for score in LOCALISATION
    },
    "sparseness": sparseness,
    "entropy": entropy,
    "spearman": lambda relevance: spearman(relevance, relevance.roll(1, dims=2)),
    "ssim": lambda relevance: ssim(relevance, relevance.roll(1, dims=2)),
}
NETWORK = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(168, 5)).eval()
for weight in NETWORK.parameters():
    nn.init.normal_(weight, 0, 0.2, generator=torch.Generator().manual_seed(0))
IMAGES = torch.rand(3, 3, 8, 9, generator=torch.Generator().manual_seed(1))
CLASSES = torch.tensor([0, 1, 4])
OF_MODEL = {
    "flipping": lambda relevance: pixel_flipping(NETWORK, IMAGES, relevance, CLASSES, steps=4, filling="blur"),
    "flipping by noise": lambda relevance: pixel_flipping(
        NETWORK, IMAGES, relevance, CLASSES, steps=4, filling="noise"
    ),
    "infidelity": lambda relevance: infidelity(NETWORK, IMAGES, relevance, CLASSES, samples=4),
}
OF_ATTRIBUTE = {
    "max_sensitivity": lambda: max_sensitivity(input_x_gradient, NETWORK, IMAGES, CLASSES, samples=2),
    "cascading": lambda: torch.cat(cascading_randomisation(input_x_gradient, NETWORK, IMAGES, CLASSES)[1:]),
    "random_logit": lambda: torch.cat(random_logit(input_x_gradient, NETWORK, IMAGES, CLASSES)),
}


def drawn(seed):
    return torch.randn(3, 3, 8, 9, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("score", OF_RELEVANCE | OF_MODEL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@given(seed=st.integers(0, 10**6))
def test_a_narrow_dtype_gives_what_the_same_values_give_in_float64(score, dtype, seed):
    relevance = drawn(seed).to(dtype)
    score = (OF_RELEVANCE | OF_MODEL)[score]
    scores, wanted = score(relevance), score(relevance.double())
    assert (scores.dtype, wanted.dtype) == (torch.float32, torch.float64)
    assert_close(scores.double(), wanted, rtol=1e-6, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("score", OF_RELEVANCE)
@pytest.mark.parametrize(
    ("dtype", "scale"), [(torch.float32, 2.0**125), (torch.float32, 2.0**-125), (torch.bfloat16, 2.0**120)]
)
def test_large_and_small_values_overflow_in_no_sum(score, dtype, scale):
    relevance = drawn(3).to(dtype)
    scores, wanted = OF_RELEVANCE[score](relevance * scale), OF_RELEVANCE[score](relevance.double())
    assert_close(scores.double(), wanted, rtol=1e-5, atol=1e-5)


def test_a_sum_beyond_float64_is_nan_and_not_0():
    relevance = torch.full((1, 3, 8, 9), 1e307, dtype=torch.float64)
    for name in ("relevance_mass", "sparseness", "entropy"):
        assert OF_RELEVANCE[name](relevance).isnan().all()


def inferred(tensor):
    with torch.inference_mode():
        return tensor.clone()


@pytest.mark.parametrize("score", OF_RELEVANCE | OF_MODEL)
def test_views_graphs_and_inference_tensors_change_nothing(score):
    score = (OF_RELEVANCE | OF_MODEL)[score]
    relevance = drawn(5)
    wanted = score(relevance)
    wide = torch.zeros(6, 3, 8, 18, dtype=torch.float64)
    wide[::2, ..., ::2] = relevance
    others = [wide[::2, ..., ::2], relevance.clone().requires_grad_(), inferred(relevance)]
    others += [relevance.contiguous(memory_format=torch.channels_last), relevance.clone().requires_grad_() * 1]
    for other in others:
        scores = score(other)
        assert torch.equal(scores, wanted)
        assert not scores.requires_grad
        assert not scores.is_inference()


@pytest.mark.parametrize("score", OF_RELEVANCE)
def test_no_images_have_no_scores(score):
    assert OF_RELEVANCE[score](torch.zeros(0, 3, 8, 9)).shape == (0,)


WRONG = {
    "whole numbers": torch.ones(3, 3, 8, 9, dtype=torch.int64),
    "complex": torch.ones(3, 3, 8, 9, dtype=torch.complex64),
    "sparse": torch.ones(3, 3, 8, 9).to_sparse(),
    "meta": torch.ones(3, 3, 8, 9, device="meta"),
    "array": np.ones((3, 3, 8, 9)),
    "no channels": torch.ones(3, 0, 8, 9),
    "no pixels": torch.ones(3, 3, 0, 9),
}


@pytest.mark.parametrize("score", OF_RELEVANCE | OF_MODEL)
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_relevance_is_refused(score, wrong):
    relevance = WRONG[wrong]
    twice = {"spearman": lambda _: spearman(relevance, relevance), "ssim": lambda _: ssim(relevance, relevance)}
    with pytest.raises(ShapeError, match="relevance must be"):
        (OF_RELEVANCE | OF_MODEL | twice)[score](relevance)


@pytest.mark.parametrize("score", LOCALISATION)
@pytest.mark.parametrize(
    ("mask", "told"),
    [
        (MASK[:, None], r"got \(3, 1, 8, 9\) of torch.bool; .* mask\[:, 0\]"),
        (MASK.to(torch.uint8) * 255, r"got \(3, 8, 9\) of torch.uint8; say from where it is true, as with mask > 0"),
        (MASK.float(), "of torch.float32"),
        (MASK.numpy(), "got ndarray"),
        (MASK[..., :0], r"got \(3, 8, 0\)"),
        (MASK[:2], r"got \(2, 8, 9\)"),
    ],
)
def test_a_mask_that_could_be_read_in_two_ways_is_refused(score, mask, told):
    with pytest.raises(ShapeError, match=told):
        score(drawn(0), mask)
    if "2, 8" not in told:
        with pytest.raises(ShapeError, match=told):
            grown(mask)
        with pytest.raises(ShapeError, match=told):
            area_share(mask)


def test_a_mask_grows_no_further_than_the_image():
    assert grown(MASK, by=10**12).all()
    with pytest.raises(MetricError, match=r"got 1\.5"):
        grown(MASK, by=1.5)


@contextmanager
def having(write, value, before):
    write(value)
    try:
        yield
    finally:
        write(before)


CALLERS = {
    "float64": lambda: having(torch.set_default_dtype, torch.float64, torch.float32),
    "bfloat16": lambda: having(torch.set_default_dtype, torch.bfloat16, torch.float32),
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference": torch.inference_mode,
    "no_grad": torch.no_grad,
    "device": lambda: torch.device("meta"),
    "deterministic": lambda: having(torch.use_deterministic_algorithms, True, False),
}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("score", OF_RELEVANCE | OF_MODEL | OF_ATTRIBUTE)
def test_the_callers_torch_state_changes_no_score(score, caller):
    relevance = drawn(7).float()
    called = OF_ATTRIBUTE.get(score) or (lambda: (OF_RELEVANCE | OF_MODEL)[score](relevance))
    wanted = called()
    with CALLERS[caller]():
        scores = called()
    assert (scores.dtype, scores.device) == (wanted.dtype, wanted.device)
    assert torch.equal(scores, wanted)


@pytest.mark.parametrize("caller", CALLERS)
def test_the_callers_torch_state_changes_neither_masks_nor_intervals(caller):
    values = torch.rand(20, generator=torch.Generator().manual_seed(0))
    wanted = grown(MASK), area_share(MASK), bootstrap_interval(values)
    with CALLERS[caller](), ExitStack():
        found = grown(MASK), area_share(MASK), bootstrap_interval(values)
    assert torch.equal(found[0], wanted[0])
    assert torch.equal(found[1], wanted[1])
    assert found[2] == wanted[2]


def test_one_row_of_pixels_cannot_be_blurred():
    network = nn.Sequential(nn.Flatten(), nn.Linear(27, 2)).eval()
    with pytest.raises(MetricError, match="2 x 2 pixels or more"):
        pixel_flipping(network, IMAGES[..., :1, :], torch.ones(3, 1, 1, 9), 0, steps=2, filling="blur")


@pytest.mark.parametrize("score", OF_RELEVANCE | OF_MODEL | OF_ATTRIBUTE)
def test_another_device_gives_what_the_cpu_gives(score, elsewhere, monkeypatch):
    relevance = drawn(7)
    called = OF_ATTRIBUTE.get(score) or (lambda: (OF_RELEVANCE | OF_MODEL)[score](relevance))
    wanted = called()
    relevance = relevance.to(elsewhere)
    if score not in OF_RELEVANCE:
        monkeypatch.setitem(globals(), "NETWORK", copy.deepcopy(NETWORK).to(elsewhere))
        monkeypatch.setitem(globals(), "IMAGES", IMAGES.to(elsewhere))
    scores = called()
    assert_close(scores.cpu(), wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("filling", ["mean", "blur", "noise"])
def test_pixels_are_filled_alike_on_another_device(filling, elsewhere):
    def seen(device):
        heard = []
        network = nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(216, 5)).to(device).eval()
        network[0].register_forward_hook(lambda _, given, __: heard.append(given[0].cpu()))
        pixel_flipping(network, IMAGES.to(device), drawn(7), CLASSES, steps=4, filling=filling, seed=3)
        return torch.cat(heard)

    assert torch.equal(seen(elsewhere), seen("cpu"))


@pytest.mark.parametrize("ask", ["flipping", "max_sensitivity"])
def test_bfloat16_is_near_and_no_other_precision_is_known(ask):
    def score(precision):
        if ask == "flipping":
            return pixel_flipping(NETWORK, IMAGES, drawn(7), CLASSES, steps=4, precision=precision)
        return max_sensitivity(input_x_gradient, NETWORK, IMAGES, CLASSES, samples=2, precision=precision)

    full, rounded = score("full"), score("bf16")
    assert full.dtype == rounded.dtype
    assert 0 < (full - rounded).abs().max() < 0.05
    assert {weight.dtype for weight in NETWORK.parameters()} == {torch.float32}
    with pytest.raises(MetricError, match=r"^precision must be full or bf16, got 'fp16'$"):
        score("fp16")
