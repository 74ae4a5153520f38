"""How alike two heatmaps of an image are, whatever their scale."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from xaisigns.base.torch_state import own_torch_state
from xaisigns.errors import ShapeError
from xaisigns.metrics.heatmap import average_ranks, flat_heatmap, nan_unless

_WINDOW = 7


@own_torch_state()
def spearman(a: Tensor, b: Tensor) -> Tensor:
    """Rank correlation of two heatmaps, ``(N,)`` in [-1, 1] [spearman1904proof]; 1 when they order the pixels alike.

    Both are relevance ``(N, C, H, W)`` in any unit; equal values share their ranks. NaN where one heatmap is flat or
    not finite. Raises ShapeError when the two do not belong together.
    """
    first, second, finite = _together(a, b)
    first, second = (_centred(average_ranks(flat)) for flat in (first, second))
    sizes = first.norm(dim=1) * second.norm(dim=1)
    return nan_unless(finite & (sizes > 0), (first * second).sum(dim=1) / sizes, a)


@own_torch_state()
def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity of two heatmaps, ``(N,)`` in [-1, 1] [wang2004image]; 1 when the pictures are the same.

    Both are relevance ``(N, C, H, W)`` in any unit; each heatmap is divided by its own largest magnitude, as it is
    shown, and the range is that of both together. Windows of 7 x 7 weigh evenly and count where they fit in whole, as
    scikit-image has it. Quantus compares the rows laid end to end, in windows of 7 x 1. NaN where a heatmap is zero
    everywhere or not finite, or both are flat. Raises ShapeError when the two do not belong together or are smaller
    than the window.
    """
    first, second, finite = _together(a, b)
    if min(a.shape[-2:]) < _WINDOW:
        raise ShapeError(f"ssim needs heatmaps of at least {_WINDOW} x {_WINDOW} pixels, got {tuple(a.shape[-2:])}")
    peaks = [flat.abs().amax(dim=1) for flat in (first, second)]
    first, second = (flat / peak[:, None] for flat, peak in zip((first, second), peaks, strict=True))
    both = torch.cat([first, second], dim=1)
    extent = both.amax(dim=1) - both.amin(dim=1)
    shape = (len(a), 1, *a.shape[-2:])
    similarity = _structural_similarity(first.view(shape), second.view(shape), extent[:, None, None, None])
    return nan_unless(finite & (peaks[0] > 0) & (peaks[1] > 0) & (extent > 0), similarity, a)


def _structural_similarity(a: Tensor, b: Tensor, extent: Tensor) -> Tensor:
    def local_mean(values: Tensor) -> Tensor:
        return avg_pool2d(values, _WINDOW, stride=1)

    steady_mean, steady_variance = (0.01 * extent) ** 2, (0.03 * extent) ** 2
    sample = _WINDOW**2 / (_WINDOW**2 - 1)
    mean_a, mean_b = local_mean(a), local_mean(b)
    variance_a, variance_b = sample * (local_mean(a * a) - mean_a**2), sample * (local_mean(b * b) - mean_b**2)
    covariance = sample * (local_mean(a * b) - mean_a * mean_b)
    means = (2 * mean_a * mean_b + steady_mean) / (mean_a**2 + mean_b**2 + steady_mean)
    structure = (2 * covariance + steady_variance) / (variance_a + variance_b + steady_variance)
    return (means * structure).mean(dim=(1, 2, 3))


def _centred(values: Tensor) -> Tensor:
    return values - values.mean(dim=1, keepdim=True)


def _together(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    first, finite = flat_heatmap(a)
    second, also = flat_heatmap(b)
    sizes = [(len(relevance), *relevance.shape[-2:]) for relevance in (a, b)]
    if sizes[0] != sizes[1]:
        raise ShapeError(f"two heatmaps to compare must both be (N, H, W) = {sizes[0]}, got {sizes[1]} for the second")
    return first, second, finite & also
