import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from xaisigns.model import augmentation
from xaisigns.model.augmentation import augment, jpeg, jpeg_steps, motion_blur, turn_hue

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


def spied(monkeypatch, name, level=0.5):
    """What ``augment`` hands to one of the module's functions for 2,000 even images of 20 by 16 pixels."""
    calls, genuine = [], getattr(augmentation, name)
    monkeypatch.setattr(augmentation, name, lambda *given: calls.append(given) or genuine(*given))
    seeded(torch.full((2000, 3, 20, 16), level), 0)
    return tuple(torch.cat(parts) for parts in zip(*calls, strict=True))


def test_a_quarter_moves_during_the_exposure_by_up_to_a_tenth_of_the_shorter_side(monkeypatch):
    images, across, down = spied(monkeypatch, "motion_blur")
    assert 400 < len(images) < 600
    path = torch.hypot(across, down)
    assert 0 <= float(path.min()) < 0.1
    assert 1.5 < float(path.max()) <= 1.6
    for part in (across, down):
        assert 0.4 < float((part > 0).float().mean()) < 0.6


def test_every_hue_turns_by_up_to_a_quarter_of_a_radian_in_both_ways(monkeypatch):
    images, angle = spied(monkeypatch, "turn_hue")
    assert len(images) == 2000
    assert -0.25 <= float(angle.min()) < -0.24
    assert 0.24 < float(angle.max()) <= 0.25


def test_a_quarter_is_stored_as_jpeg_of_quality_30_to_95(monkeypatch):
    images, quality = spied(monkeypatch, "jpeg", level=1.0)
    assert 400 < len(images) < 600
    assert float(images.max()) == 1  # whatever the noise
    assert 30 <= float(quality.min()) < 31
    assert 94 < float(quality.max()) <= 95


def smooth(down, across):
    """Values in 0..1 at places in pixels."""
    return 0.5 + 0.25 * np.sin(across / 3) + 0.25 * np.cos(down / 4 + across / 9)


@pytest.mark.parametrize(("across", "down"), [(6, 0), (0, -5), (4.5, 3), (-12, 9), (0.7, 0.2), (0, 0)])
def test_motion_blur_is_the_mean_over_the_path(across, down):
    places = np.mgrid[:40, :48].astype(float)
    image = torch.tensor(smooth(*places), dtype=torch.float32).expand(1, 3, 40, 48)
    blurred = motion_blur(image, torch.tensor([float(across)]), torch.tensor([float(down)]))
    steps = (np.arange(200) + 0.5) / 200 - 0.5
    wanted = np.mean([smooth(places[0] - down * step, places[1] - across * step) for step in steps], axis=0)
    inside = (..., slice(8, -8), slice(8, -8))
    wanted = torch.tensor(wanted, dtype=torch.float32).expand_as(blurred)
    torch.testing.assert_close(blurred[inside], wanted[inside], rtol=0, atol=0.02)
    assert across == down == 0 or float((wanted - image)[inside].abs().max()) > 0.0005


def test_a_point_becomes_a_line_along_the_path():
    image = torch.zeros(1, 3, 33, 33)
    image[..., 16, 16] = 1
    blurred = motion_blur(image, torch.tensor([12.0]), torch.tensor([-6.0]))[0, 0]
    y, x = torch.meshgrid(torch.arange(33.0) - 16, torch.arange(33.0) - 16, indexing="ij")
    moments = [float((blurred * part).sum()) for part in (torch.ones_like(x), x, y, x * x, y * y, x * y)]
    assert moments[:3] == pytest.approx([1, 0, 0], abs=1e-3)
    assert moments[3:] == pytest.approx([144 / 12, 36 / 12, -72 / 12], abs=1)


def colours(count, side=16):
    return 0.3 + 0.4 * torch.rand(count, 3, side, side)


def ycc(images):
    """By Pillow, in levels: luma, and Cb and Cr less 128."""
    levels = (images * 255).round().byte().permute(0, 2, 3, 1).numpy()
    planes = [np.asarray(Image.fromarray(image).convert("YCbCr"), float) for image in levels]
    return np.stack(planes) - [0, 128, 128]


def test_hue_turns_in_the_plane_of_cb_and_cr():
    torch.manual_seed(0)
    images, angle = colours(4), torch.tensor([0.25, -0.25, 1.5, 0])
    before, after = ycc(images), ycc(turn_hue(images, angle))
    turned = (before[..., 1] + 1j * before[..., 2]) * np.exp(1j * angle.numpy()).reshape(-1, 1, 1)
    wanted = np.stack([before[..., 0], turned.real, turned.imag], axis=-1)
    assert np.abs(after - wanted).max() < 2.5
    assert np.abs(after - before)[:3].mean() > 2


def test_grey_has_no_hue_to_turn_and_colours_stay_in_range():
    grey = torch.linspace(0, 1, 16).expand(2, 3, 4, 16)
    torch.testing.assert_close(turn_hue(grey, torch.tensor([0.25, 2.0])), grey, rtol=0, atol=1e-5)
    pure = torch.eye(3).reshape(3, 3, 1, 1).expand(3, 3, 8, 8)
    turned = turn_hue(pure, torch.tensor([1.0, 2.0, 3.0]))
    assert 0 <= float(turned.min()) < float(turned.max()) <= 1


def stored_by_pillow(levels, quality):
    file = io.BytesIO()
    Image.fromarray(levels.numpy()).save(file, "JPEG", quality=quality, subsampling=0)
    return torch.tensor(np.asarray(Image.open(file))).float()


@pytest.mark.parametrize("quality", [1, 30, 41, 49, 50, 83, 95, 100])
def test_steps_are_those_in_pillows_files(quality):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
    luminance, chrominance = Image.open(file).quantization.values()
    steps = jpeg_steps(torch.tensor([float(quality)]))
    assert steps.tolist() == [[list(luminance), list(chrominance), list(chrominance)]]


@pytest.mark.parametrize("shape", [(64, 64), (20, 31)])
def test_jpeg_gives_what_pillow_stores(shape):
    torch.manual_seed(0)
    qualities = (1, 30, 49, 50, 75, 95, 100)
    images = torch.nn.functional.interpolate(torch.rand(len(qualities), 3, 9, 9), size=shape, mode="bilinear")
    levels = (images * 255).round().byte()
    ours = 255 * jpeg(levels / 255, torch.tensor(qualities).float())
    for image, stored, quality in zip(levels.permute(0, 2, 3, 1), ours.permute(0, 2, 3, 1), qualities, strict=True):
        wanted = stored_by_pillow(image, quality)
        error, change = (stored - wanted).abs().mean(), (wanted - image.float()).abs().mean()
        assert float(error) < 0.75 + 0.3 * float(change)  # coefficients between two steps go one way or the other
        assert quality > 95 or float(change) > 1.2


@pytest.mark.parametrize(
    "change", [lambda images, by: motion_blur(images, 6 * by, by), turn_hue, lambda i, by: jpeg(i, 90 * by + 5)]
)
def test_a_batch_is_changed_image_by_image(change):
    torch.manual_seed(0)
    images = torch.nn.functional.interpolate(torch.rand(4, 3, 5, 5), size=24, mode="bilinear")
    by = torch.tensor([0.1, 0.4, 0.6, 1.0])
    alone = torch.cat([change(images[i : i + 1], by[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(change(images, by), alone, rtol=0, atol=0.02)


def test_views_are_the_same_on_another_device(elsewhere):
    images = torch.rand(12, 3, 20, 24, generator=torch.Generator().manual_seed(0))
    views = []
    for device in ("cpu", elsewhere):
        torch.manual_seed(5)
        views.append(augment(images.to(device)))
    assert views[1].device == elsewhere
    torch.testing.assert_close(views[1].cpu(), views[0], rtol=1e-3, atol=1e-3)
