import math

import pytest
import torch

from xaisigns.model.augmentation import augment

MANY = 256
BRIGHT, DARK = 0.8, 0.2


def seeded(images, seed):
    torch.manual_seed(seed)
    return augment(images)


def halves(axis):
    """Many images, bright in the first half of an axis (2: rows, 3: columns) and dark in the second."""
    images = torch.full((MANY, 3, 32, 32), DARK)
    images.narrow(axis, 0, 16).fill_(BRIGHT)
    return images


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (5, 3, 48, 48), (2, 3, 20, 31)])
def test_shape_and_type_are_kept(shape):
    views = seeded(torch.rand(shape), 0)
    assert views.shape == shape
    assert views.dtype == torch.float32


def test_the_same_seed_gives_the_same_views(generator):
    images = torch.rand(4, 3, 24, 24, generator=generator)
    torch.testing.assert_close(seeded(images, 1), seeded(images, 1), rtol=0, atol=0)
    assert float((seeded(images, 1) - seeded(images, 2)).abs().mean()) > 0.05


def test_every_image_of_a_batch_gets_its_own_view(generator):
    images = torch.rand(1, 3, 24, 24, generator=generator).repeat(6, 1, 1, 1)
    views = seeded(images, 0)
    for first in range(6):
        for second in range(first):
            assert float((views[first] - views[second]).abs().mean()) > 0.02


def test_the_images_are_left_as_they_were(generator):
    images = torch.rand(3, 3, 24, 24, generator=generator)
    before = images.clone()
    views = seeded(images, 0)
    torch.testing.assert_close(images, before, rtol=0, atol=0)
    assert float((views - images).abs().mean()) > 0.01


@pytest.mark.parametrize("axis", [2, 3])
def test_no_view_is_a_mirror_image_or_upside_down(axis):
    views = seeded(halves(axis), 0)
    first, second = views.narrow(axis, 0, 16), views.narrow(axis, 16, 16)
    difference = first.mean(dim=(1, 2, 3)) - second.mean(dim=(1, 2, 3))
    assert float(difference.min()) > 0.1


def test_no_view_is_turned_by_a_quarter():
    views = seeded(halves(2), 0)
    across = views[..., :16].mean(dim=(1, 2, 3)) - views[..., 16:].mean(dim=(1, 2, 3))
    down = views[:, :, :16].mean(dim=(1, 2, 3)) - views[:, :, 16:].mean(dim=(1, 2, 3))
    assert bool((across.abs() < 0.5 * down).all())


def test_values_stay_in_range_but_for_the_noise(generator):
    for images in (torch.zeros(64, 3, 32, 32), torch.ones(64, 3, 32, 32), torch.rand(64, 3, 32, 32)):
        views = seeded(images, 0)
        assert bool(views.isfinite().all())
        assert float(views.min()) > -0.2
        assert float(views.max()) < 1.2


def test_an_even_image_stays_even_and_changes_its_brightness_by_up_to_a_factor_of_1_65():
    views = seeded(torch.full((MANY, 3, 32, 32), 0.5), 0)
    assert float(views.std(dim=(1, 2, 3)).max()) < 0.035
    brightness = views.mean(dim=(1, 2, 3))
    low, high = 0.5 * math.exp(-0.5), 0.5 * math.exp(0.5)
    assert low - 0.01 < float(brightness.min()) < 1.1 * low
    assert 0.9 * high < float(brightness.max()) < high + 0.01


def test_a_sign_stays_in_sight_and_about_as_large():
    y, x = torch.meshgrid(torch.linspace(-1, 1, 48), torch.linspace(-1, 1, 48), indexing="ij")
    sign = (x.square() + y.square() < 0.5**2).float()
    views = seeded(sign.expand(MANY, 3, 48, 48), 0).mean(dim=1)
    middle = (views.amin(dim=(1, 2), keepdim=True) + views.amax(dim=(1, 2), keepdim=True)) / 2
    seen = (views > middle).float()
    area = seen.sum(dim=(1, 2))
    across, down = (seen * x).sum(dim=(1, 2)) / area, (seen * y).sum(dim=(1, 2)) / area
    assert float(torch.hypot(across, down).max()) < 0.3
    assert float(torch.hypot(across, down).mean()) > 0.05
    growth = area / sign.sum()
    assert 0.6 < float(growth.min()) < 0.9
    assert 1.1 < float(growth.max()) < 1.7
