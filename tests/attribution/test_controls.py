"""Controls: known heatmaps that know nothing of the network."""

import pytest
import torch

from xaisigns.attribution.methods import find_method


@pytest.fixture
def images(generator):
    return torch.randn(3, 3, 12, 12, generator=generator, dtype=torch.float64)


def test_edges_of_a_step(tiny_vgg):
    """Sobel across a step of height 1: 4 on both sides of it, 0 elsewhere, nothing at the border of the image."""
    step = torch.zeros(1, 3, 12, 12, dtype=torch.float64)
    step[..., 6:] = 1
    wanted = torch.zeros(12, 12, dtype=torch.float64)
    wanted[:, 5:7] = 4
    torch.testing.assert_close(find_method("edges")(tiny_vgg, step).heatmap[0], wanted)
    torch.testing.assert_close(find_method("edges")(tiny_vgg, step.mT).heatmap[0], wanted.T)


def test_edges_of_a_dot_go_both_ways(tiny_vgg):
    dot = torch.zeros(1, 3, 12, 12, dtype=torch.float64)
    dot[:, 0, 6, 6] = 3  # one channel: its mean is 1
    heatmap = find_method("edges")(tiny_vgg, dot).heatmap[0]
    wanted = torch.tensor([[2**0.5, 2, 2**0.5], [2, 0, 2], [2**0.5, 2, 2**0.5]], dtype=torch.float64)
    torch.testing.assert_close(heatmap[5:8, 5:8], wanted)
    assert heatmap.count_nonzero() == 8


def test_uniform_is_the_same_everywhere(tiny_vgg, images):
    assert torch.equal(
        find_method("uniform")(tiny_vgg, images).heatmap.round(decimals=12), torch.ones(3, 12, 12).double()
    )


def test_random_is_another_for_every_image_and_seed(tiny_vgg, images):
    heatmaps = find_method("random")(tiny_vgg, images).heatmap
    assert not torch.equal(heatmaps[0], heatmaps[1])
    assert torch.equal(find_method("random")(tiny_vgg, images[1:2]).heatmap[0], heatmaps[1])
    assert not torch.equal(find_method("random:seed=1")(tiny_vgg, images).heatmap, heatmaps)
    assert abs(heatmaps.mean()) < 0.2
    assert abs(heatmaps.std() - 1) < 0.2


@pytest.mark.parametrize("name", ["random", "edges", "uniform"])
def test_the_class_does_not_matter(name, tiny_vgg, images):
    one, other = (find_method(name)(tiny_vgg, images, class_id).relevance for class_id in (0, 4))
    assert torch.equal(one, other)
