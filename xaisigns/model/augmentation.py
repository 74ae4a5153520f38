"""Random views of whole batches: what a camera in a car might have seen of the same sign.

No mirror images: they change a sign's meaning. Draws come from torch's global generator.
"""

import torch
from torch import Tensor
from torch.nn import functional

_ROTATION = 0.2  # radians
_ZOOM = 0.18  # natural logarithm of the scale
_STRETCH = 0.08  # of one axis against the other
_SHIFT = 0.14  # share of half the image
_SHEAR = 0.08
_PERSPECTIVE = 0.10
_BRIGHTNESS = 0.5  # natural logarithm of the gain
_NOISE = 0.03  # highest standard deviation, in units of 0..1


def augment(images: Tensor) -> Tensor:
    """A changed copy of ``(N, 3, H, W)`` images in 0..1: moved, turned, tilted, lit, blurred and noisy."""
    return _sensed(_lit(_moved(images)))


def _even(count: int, width: float) -> Tensor:
    return (2 * torch.rand(count) - 1) * width


def _moved(images: Tensor) -> Tensor:
    count, _, height, width = images.shape
    angle, zoom, stretch, shear = (_even(count, by) for by in (_ROTATION, _ZOOM, _STRETCH, _SHEAR))
    scale_x, scale_y = torch.exp(zoom + stretch), torch.exp(zoom - stretch)
    rows = [
        torch.stack([scale_x * angle.cos(), shear - scale_y * angle.sin(), _even(count, _SHIFT)], dim=1),
        torch.stack([scale_x * angle.sin(), scale_y * angle.cos(), _even(count, _SHIFT)], dim=1),
        torch.stack([_even(count, _PERSPECTIVE), _even(count, _PERSPECTIVE), torch.ones(count)], dim=1),
    ]
    homography = torch.stack(rows, dim=1)
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(1, -1, 3)
    seen = points @ homography.transpose(1, 2)
    grid = (seen[..., :2] / seen[..., 2:]).reshape(count, height, width, 2)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=True)


def _lit(images: Tensor) -> Tensor:
    count = len(images)
    gain = torch.exp(_even(count, _BRIGHTNESS)).reshape(-1, 1, 1, 1)
    contrast = torch.exp(_even(count, _BRIGHTNESS / 2)).reshape(-1, 1, 1, 1)
    middle = images.mean(dim=(1, 2, 3), keepdim=True)
    return (((images - middle) * contrast + middle) * gain).clamp(0, 1)


def _sensed(images: Tensor) -> Tensor:
    count = len(images)
    blurred = functional.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
    sharpness = torch.rand(count, 1, 1, 1)
    level = torch.rand(count, 1, 1, 1) * _NOISE
    return torch.lerp(blurred, images, sharpness) + level * torch.randn(images.shape)
