"""Random views of whole batches: what a camera in a car might have seen of the same sign.

No mirror images: they change a sign's meaning. No erased squares: they would teach stickers. Draws come from torch's
global generator of the CPU, the same for images on every device.
"""

import math
from collections.abc import Callable

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
_HUE = 0.25  # radians
_NOISE = 0.03  # highest standard deviation, in units of 0..1
_BLURRED = 0.25  # share of the images that move during the exposure
_PATH = 0.1  # share of the image that they move by at most
_COMPRESSED = 0.25  # share of the images
_QUALITY = (30, 95)  # of JPEG

# Of JFIF: luma, Cb and Cr from red, green and blue.
_TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_BLOCK = 8  # pixels
# Annex K of ITU-T T.81, at quality 50, for values in 0..255.
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE = ((17, 18, 24, 47), (18, 21, 26, 66), (24, 26, 56, 99), (47, 66, 99, 99))  # 99 in all other places


def augment(images: Tensor) -> Tensor:
    """A changed copy of ``(N, 3, H, W)`` images in 0..1.

    All are moved, turned, tilted, lit, turned in hue, blurred and noisy; a quarter of them has motion blur and a
    quarter JPEG artefacts. Values leave 0..1 by the noise alone.
    """
    views = _some(_BLURRED, _shaken, _moved(images))
    return _some(_COMPRESSED, _stored, _sensed(_lit(turn_hue(views, _even(views, _HUE)))))


def motion_blur(images: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Images ``(N, 3, H, W)`` that moved evenly by ``(N,)`` pixels to the right and downwards during the exposure."""
    height, width = images.shape[2:]
    path = torch.stack([2 * across / width, 2 * down / height], dim=1)
    # Each pass lays two copies over each other: in the end there are 2^passes, half a pixel apart or less.
    passes = 1 + math.ceil(math.log2(max(1.0, float(across.abs().max()), float(down.abs().max()))))
    blurred = _shifted(images, path * (0.5 - 0.5**passes / 2))
    for number in range(1, passes + 1):
        blurred = torch.lerp(blurred, _shifted(blurred, -path / 2**number), 0.5)
    return blurred


def turn_hue(images: Tensor, angle: Tensor) -> Tensor:
    """Images ``(N, 3, H, W)`` in 0..1 whose colours are turned by ``(N,)`` radians in the plane of Cb and Cr."""
    cosine, sine, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    turn = torch.stack([one, zero, zero, zero, cosine, -sine, zero, sine, cosine], dim=1).reshape(-1, 3, 3)
    to_ycc = images.new_tensor(_TO_YCC)
    return _in_colours(to_ycc.inverse() @ turn @ to_ycc, images).clamp(0, 1)


def jpeg(images: Tensor, quality: Tensor) -> Tensor:
    """Images ``(N, 3, H, W)`` in 0..1 as JPEG files of a quality, ``(N,)`` in 1..100, give them back.

    Coefficients are quantised as libjpeg does it, without subsampling; levels are not rounded to whole numbers.
    """
    height, width = images.shape[2:]
    to_ycc, middle = images.new_tensor(_TO_YCC), images.new_tensor([128.0, 0, 0]).reshape(3, 1, 1)
    levels = 255 * _in_colours(to_ycc, images) - middle
    levels = functional.pad(levels, (0, -width % _BLOCK, 0, -height % _BLOCK), mode="replicate")
    rows, columns = levels.shape[2] // _BLOCK, levels.shape[3] // _BLOCK
    blocks = levels.reshape(-1, 3, rows, _BLOCK, columns, _BLOCK).transpose(3, 4).reshape(-1, 3, rows * columns, 64)
    transform, steps = _cosines().to(images), jpeg_steps(quality).unsqueeze(2)
    blocks = (blocks @ transform.T / steps).round() * steps @ transform
    levels = blocks.reshape(-1, 3, rows, columns, _BLOCK, _BLOCK).transpose(3, 4).reshape(levels.shape)
    return _in_colours(to_ycc.inverse(), (levels[..., :height, :width] + middle) / 255).clamp(0, 1)


def jpeg_steps(quality: Tensor) -> Tensor:
    """What libjpeg divides coefficients by, ``(N, 3, 64)``, at qualities ``(N,)`` in 1..100."""
    chrominance = quality.new_full((_BLOCK, _BLOCK), 99)
    chrominance[:4, :4] = quality.new_tensor(_CHROMINANCE)
    tables = torch.stack([quality.new_tensor(_LUMINANCE), chrominance, chrominance]).flatten(1)
    per_cent = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality).reshape(-1, 1, 1)
    return ((tables * per_cent + 50) / 100).floor().clamp(1, 255)


def _some(share: float, change: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """The images, in place, about that share of them changed."""
    chosen = (torch.rand(len(images)) < share).nonzero().flatten()
    if len(chosen):
        images[chosen] = change(images[chosen])
    return images


def _shaken(images: Tensor) -> Tensor:
    angle, length = _even(images, math.pi), _drawn(images) * _PATH * min(images.shape[2:])
    return motion_blur(images, length * angle.cos(), length * angle.sin())


def _stored(images: Tensor) -> Tensor:
    low, high = _QUALITY
    return jpeg(images.clamp(0, 1), low + (high - low) * _drawn(images))


def _shifted(images: Tensor, offset: Tensor) -> Tensor:
    """What lies at the offset ``(N, 2)``, in halves of the sides (across, down), from each pixel."""
    still = torch.eye(2, device=images.device).expand(len(images), 2, 2)
    grid = functional.affine_grid(torch.cat([still, offset.unsqueeze(2)], dim=2), list(images.shape), False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _in_colours(matrix: Tensor, images: Tensor) -> Tensor:
    """Images whose channels are the matrix's sums of the old ones."""
    return (matrix @ images.flatten(2)).reshape(images.shape)


def _cosines() -> Tensor:
    """The discrete cosine transform of a block, ``(64, 64)``, orthonormal."""
    place = torch.arange(_BLOCK)
    waves = torch.cos(math.pi / _BLOCK * (place + 0.5) * place.unsqueeze(1)) * math.sqrt(2 / _BLOCK)
    waves[0] /= math.sqrt(2)
    return torch.kron(waves, waves)


def _drawn(images: Tensor) -> Tensor:
    """A number in 0..1 for each image, on its device."""
    return torch.rand(len(images)).to(images.device)


def _even(images: Tensor, width: float) -> Tensor:
    return (2 * _drawn(images) - 1) * width


def _moved(images: Tensor) -> Tensor:
    count, _, height, width = images.shape
    angle, zoom, stretch, shear = (_even(images, by) for by in (_ROTATION, _ZOOM, _STRETCH, _SHEAR))
    scale_x, scale_y = torch.exp(zoom + stretch), torch.exp(zoom - stretch)
    rows = [
        torch.stack([scale_x * angle.cos(), shear - scale_y * angle.sin(), _even(images, _SHIFT)], dim=1),
        torch.stack([scale_x * angle.sin(), scale_y * angle.cos(), _even(images, _SHIFT)], dim=1),
        torch.stack([_even(images, _PERSPECTIVE), _even(images, _PERSPECTIVE), torch.ones_like(zoom)], dim=1),
    ]
    homography = torch.stack(rows, dim=1)
    across, down = (torch.linspace(-1, 1, side, device=images.device) for side in (width, height))
    y, x = torch.meshgrid(down, across, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(1, -1, 3)
    seen = points @ homography.transpose(1, 2)
    grid = (seen[..., :2] / seen[..., 2:]).reshape(count, height, width, 2)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=True)


def _lit(images: Tensor) -> Tensor:
    gain = torch.exp(_even(images, _BRIGHTNESS)).reshape(-1, 1, 1, 1)
    contrast = torch.exp(_even(images, _BRIGHTNESS / 2)).reshape(-1, 1, 1, 1)
    middle = images.mean(dim=(1, 2, 3), keepdim=True)
    return (((images - middle) * contrast + middle) * gain).clamp(0, 1)


def _sensed(images: Tensor) -> Tensor:
    blurred = functional.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
    sharpness, level = (_drawn(images).reshape(-1, 1, 1, 1) for _ in range(2))
    noise = torch.randn(images.shape).to(images.device)
    return torch.lerp(blurred, images, sharpness) + level * _NOISE * noise
