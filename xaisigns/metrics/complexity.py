"""How few pixels does the relevance rest on? Fewer are easier to read, right or wrong.

All are NaN for an image whose heatmap is zero everywhere or not finite, are float64 for relevance in float64, else
float32, and raise ShapeError for relevance that is not ``(N, C, H, W)``.
"""

import torch
from torch import Tensor

from xaisigns.base.torch_state import own_torch_state
from xaisigns.metrics.heatmap import ascending, flat_heatmap, nan_unless


@own_torch_state()
def sparseness(relevance: Tensor) -> Tensor:
    """Gini index of the heatmap's magnitudes, ``(N,)``, from 0 (flat) to 1 - 1 / (H W) (one pixel).

    Source: [chalasani2020concise]. Quantus adds 1e-7 to every magnitude first.
    """
    flat, finite = flat_heatmap(relevance)
    ordered = ascending(flat.abs())
    pixels = flat.shape[1]
    total = ordered.sum(dim=1)
    weights = 2 * torch.arange(1, pixels + 1, dtype=flat.dtype) - pixels - 1
    return nan_unless(finite & (total > 0), (weights * (ordered / total[:, None])).sum(dim=1) / pixels, relevance)


@own_torch_state()
def entropy(relevance: Tensor) -> Tensor:
    """Entropy of the heatmap's magnitudes as shares, ``(N,)`` in nats, from 0 (one pixel) to ln(H W) (flat).

    Source: [bhatt2020evaluating]. Quantus adds 1e-12 to every share inside the logarithm.
    """
    flat, finite = flat_heatmap(relevance)
    total = flat.abs().sum(dim=1)
    shares = flat.abs() / total[:, None]
    return nan_unless(finite & (total > 0), torch.special.entr(shares).sum(dim=1), relevance)
