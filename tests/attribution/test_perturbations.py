"""Perturbation methods against their definitions, written out slowly."""

from itertools import combinations
from math import comb

import pytest
import torch
from torch import nn

from tests.attribution.oracle import peak
from xaisigns.attribution.methods import find_method
from xaisigns.attribution.perturbations import _superpixels, occlusion


@pytest.fixture
def images(generator):
    """Four even quarters, so that superpixels are known."""
    colours = torch.randn(2, 3, 2, 2, generator=generator, dtype=torch.float64)
    return colours.repeat_interleave(6, dim=2).repeat_interleave(6, dim=3)


def close(ours, wanted, tolerance=1e-9):
    torch.testing.assert_close(ours, wanted, rtol=0, atol=tolerance * peak(wanted))


@pytest.mark.parametrize(("window", "stride"), [(4, 4), (4, 2), (5, 3), (12, 1), (1, 1)])
def test_occlusion_is_the_average_fall_of_the_logit(window, stride, tiny_vgg, generator):
    images = torch.randn(2, 3, 12, 12, generator=generator, dtype=torch.float64)
    fall, count = torch.zeros(2, 12, 12, dtype=torch.float64), torch.zeros(12, 12)
    # Windows stand a stride apart; the last one reaches the border, cut off where it would stand over it.
    starts = [stride * step for step in range(-(-(12 - window) // stride) + 1)]
    for top in starts:
        for left in starts:
            hidden = images.clone()
            hidden[:, :, top : top + window, left : left + window] = 0
            lost = (tiny_vgg(images) - tiny_vgg(hidden))[:, 3].detach()
            fall[:, top : top + window, left : left + window] += lost[:, None, None]
            count[top : top + window, left : left + window] += 1
    ours = find_method(f"occlusion:window={window}:stride={stride}")(tiny_vgg, images, 3).heatmap
    close(ours, fall / count, 1e-6)


@pytest.mark.parametrize(
    ("side", "short", "long"),
    [
        (64, "occlusion", "occlusion:window=12:stride=6"),
        (64, "occlusion:window=8", "occlusion:window=8:stride=4"),
        (64, "occlusion:stride=5", "occlusion:window=12:stride=5"),
        (12, "occlusion", "occlusion:window=2:stride=1"),
        (12, "occlusion:stride=5", "occlusion:window=5:stride=5"),
        (8, "occlusion:window=1", "occlusion:window=1:stride=1"),
    ],
)
def test_occlusion_takes_a_window_that_fits_the_image(side, short, long, generator):
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * side * side, 2)).double().eval()
    images = torch.randn(1, 3, side, side, generator=generator, dtype=torch.float64)
    ours, wanted = (find_method(text)(network, images, 1).relevance for text in (short, long))
    assert torch.equal(ours, wanted)


@pytest.mark.parametrize("side", [32, 64, 100, 224])
def test_occlusion_asks_about_as_often_however_large_the_image_is(side):
    asked = []

    class Counting(nn.Module):
        def forward(self, images):
            asked.append(len(images))
            return images.mean(dim=(2, 3))

    occlusion(Counting(), torch.zeros(1, 3, side, side), torch.tensor([0]))
    assert 90 <= sum(asked) <= 130


def test_superpixels_are_the_quarters(images):
    masks = _superpixels(images, 4)
    assert masks.shape == (2, 1, 12, 12)
    for mask in masks[:, 0]:
        quarters = [mask[:6, :6], mask[:6, 6:], mask[6:, :6], mask[6:, 6:]]
        assert sorted(int(quarter.unique().item()) for quarter in quarters) == [0, 1, 2, 3]


def quarters_of(images, kept):
    """The images with all but some quarters at zero."""
    shown = torch.zeros_like(images)
    for quarter in kept:
        rows, columns = (
            slice(6 * (quarter // 2), 6 * (quarter // 2) + 6),
            slice(6 * (quarter % 2), 6 * (quarter % 2) + 6),
        )
        shown[:, :, rows, columns] = images[:, :, rows, columns]
    return shown


def test_feature_ablation_hides_one_superpixel_at_a_time(tiny_vgg, images):
    heatmap = find_method("feature_ablation:segments=4")(tiny_vgg, images, 3).heatmap
    for quarter in range(4):
        rest = quarters_of(images, [other for other in range(4) if other != quarter])
        lost = (tiny_vgg(images) - tiny_vgg(rest))[:, 3].detach()
        close(heatmap[:, 3 + 6 * (quarter // 2), 3 + 6 * (quarter % 2)], lost)


def test_kernel_shap_gives_shapley_values(tiny_vgg, images):
    def value(kept):
        return tiny_vgg(quarters_of(images, kept))[:, 3].detach()

    heatmap = find_method("kernel_shap:segments=4:samples=500")(tiny_vgg, images, 3).heatmap
    shapley = []
    for quarter in range(4):
        others = [other for other in range(4) if other != quarter]
        coalitions = [kept for size in range(4) for kept in combinations(others, size)]
        gains = [(value((*kept, quarter)) - value(kept)) / (4 * comb(3, len(kept))) for kept in coalitions]
        shapley.append(sum(gains))
    ours = torch.stack([heatmap[:, 3, 3], heatmap[:, 3, 9], heatmap[:, 9, 3], heatmap[:, 9, 9]])
    close(ours, torch.stack(shapley), 0.05)
    close(ours.sum(dim=0), value(range(4)) - value(()), 1e-3)


@pytest.mark.parametrize("name", ["feature_ablation", "kernel_shap"])
def test_an_even_image_is_shared_by_what_superpixels_there_are(name, tiny_vgg):
    even = torch.ones(2, 3, 12, 12, dtype=torch.float64)
    heatmap = find_method(f"{name}:segments=1")(tiny_vgg, even, 3).heatmap
    wanted = (tiny_vgg(even) - tiny_vgg(torch.zeros_like(even)))[:, 3].detach()
    close(heatmap, wanted[:, None, None].expand(2, 12, 12), 1e-6)


def test_another_seed_gives_other_sets(tiny_vgg, images):
    one, other = (find_method(f"kernel_shap:segments=9:samples=20:seed={seed}")(tiny_vgg, images, 3) for seed in (0, 1))
    assert not torch.allclose(one.relevance, other.relevance)


def test_a_linear_networks_superpixels_get_what_they_add(images, generator):
    network = nn.Sequential(nn.Flatten(), nn.Linear(432, 2)).double()
    added = (images * network[1].weight[1].detach().reshape(3, 12, 12)).sum(dim=1)
    for name in ("feature_ablation:segments=4", "kernel_shap:segments=4:samples=60"):
        heatmap = find_method(name)(network, images, 1).heatmap
        for rows in (slice(6), slice(6, 12)):
            for columns in (slice(6), slice(6, 12)):
                close(heatmap[:, rows, columns].mean(dim=(1, 2)), added[:, rows, columns].sum(dim=(1, 2)), 1e-3)
