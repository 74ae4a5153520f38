"""Does the relevance lie where the truth is known to be? Relevance against a mask.

Each score is beside the mask's share of the area (``area_share``), which is what uninformed relevance gets on
average by mass, rank and pointing game; by AUC it gets 0.5. Ties count as much as breaking them at random gives
on average, so a flat heatmap gets exactly these values.

All are NaN for an image whose mask is empty or whose relevance is not finite everywhere, are float64 for relevance in
float64, else float32, and raise ShapeError when relevance and mask do not belong together. The two may be on different
devices; scores are on the relevance's.
"""

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from xaisigns.base.torch_state import own_torch_state
from xaisigns.errors import MetricError, ShapeError
from xaisigns.metrics.heatmap import ascending, average_ranks, flat_heatmap, nan_unless


@own_torch_state()
def relevance_mass(relevance: Tensor, mask: Tensor) -> Tensor:
    """Share of the positive relevance that lies inside the mask, ``(N,)`` in [0, 1] [arras2022clevr].

    ``relevance`` is ``(N, C, H, W)`` in any unit, ``mask`` is ``(N, H, W)`` bool. NaN also for an image without
    positive relevance. Quantus divides sums of whatever signs it is given: this is its score of the positive part.

    >>> relevance = torch.tensor([[[[3.0, 1.0], [-9.0, 0.0]]]])  # one image of one channel and four pixels
    >>> relevance_mass(relevance, torch.tensor([[[True, False], [True, True]]]))
    tensor([0.7500])
    """
    flat, inside, defined = _together(relevance, mask)
    positive = flat.clamp(min=0)
    total = positive.sum(dim=1)
    return nan_unless(defined & (total > 0), (positive * inside).sum(dim=1) / total, relevance)


@own_torch_state()
def relevance_rank(relevance: Tensor, mask: Tensor) -> Tensor:
    """Share of the K most relevant pixels that lie inside the mask of K pixels, ``(N,)`` in [0, 1] [arras2022clevr].

    ``relevance`` is ``(N, C, H, W)`` in any unit, ``mask`` is ``(N, H, W)`` bool. Of pixels that tie for the last
    places their share inside the mask counts; Quantus takes those that its sort happens to put first.
    """
    flat, inside, defined = _together(relevance, mask)
    size = inside.sum(dim=1)
    last = ascending(flat).gather(1, (flat.shape[1] - size.clamp(min=1))[:, None])
    above, level = flat > last, flat == last
    places = (size - above.sum(dim=1)).double() / level.sum(dim=1)
    hits = (above & inside).sum(dim=1) + places * (level & inside).sum(dim=1)
    return nan_unless(defined, hits / size, relevance)


@own_torch_state()
def pointing_game(relevance: Tensor, mask: Tensor) -> Tensor:
    """1 where the most relevant pixel lies inside the mask, 0 where not, ``(N,)`` [zhang2018top].

    ``relevance`` is ``(N, C, H, W)`` in any unit, ``mask`` is ``(N, H, W)`` bool. Of several most relevant pixels the
    share inside the mask counts, in [0, 1]; Quantus gives 1 if any of them is inside. There is no tolerance around the
    mask: grow it with ``grown``.

    >>> pointing_game(torch.tensor([[[[2.0, 2.0], [1.0, 0.0]]]]), torch.tensor([[[True, False], [False, False]]]))
    tensor([0.5000])
    """
    flat, inside, defined = _together(relevance, mask)
    peak = flat == flat.amax(dim=1, keepdim=True)
    return nan_unless(defined, (peak & inside).sum(dim=1).double() / peak.sum(dim=1), relevance)


@own_torch_state()
def localisation_auc(relevance: Tensor, mask: Tensor) -> Tensor:
    """How likely a pixel inside the mask is more relevant than one outside, ``(N,)`` in [0, 1]; ties count one half.

    The area under the ROC curve of the heatmap as a detector of the mask [fawcett2006introduction]; uninformed
    relevance gets 0.5. ``relevance`` is ``(N, C, H, W)`` in any unit, ``mask`` is ``(N, H, W)`` bool. NaN also where
    the mask covers the whole image.
    """
    flat, inside, defined = _together(relevance, mask)
    size = inside.sum(dim=1).double()
    rest = inside.shape[1] - size
    lowest = size * (size + 1) / 2
    won = (average_ranks(flat) * inside).sum(dim=1) - lowest
    return nan_unless(defined & (rest > 0), won / (size * rest), relevance)


@own_torch_state()
def area_share(mask: Tensor) -> Tensor:
    """Share of the image that the mask ``(N, H, W)`` covers, ``(N,)`` float32 in [0, 1]; NaN where it is empty."""
    _check_mask(mask)
    share = mask.flatten(1).float().mean(dim=1)
    return nan_unless(share > 0, share, share)


@own_torch_state()
def grown(mask: Tensor, by: int = 2) -> Tensor:
    """The mask ``(N, H, W)`` with every pixel that is at most ``by`` rows and ``by`` columns from it (a square grows).

    Relevance sits on borders, where the surface changes: a mask that ends at the border misses half of it. Raises
    MetricError for a negative ``by``.
    """
    _check_mask(mask)
    if isinstance(by, bool) or not isinstance(by, int) or by < 0:
        raise MetricError(f"a mask can be grown by 0 pixels or more, got {by!r}")
    by = min(by, max(mask.shape[1:]))
    return max_pool2d(mask[:, None].float(), 2 * by + 1, stride=1, padding=by)[:, 0] > 0


def _together(relevance: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Heatmap and mask as ``(N, H W)``, and the images for which a score can be had."""
    flat, finite = flat_heatmap(relevance)
    _check_mask(mask)
    wanted = (len(relevance), *relevance.shape[-2:])
    if mask.shape != wanted:
        raise ShapeError(f"mask must be (N, H, W) = {wanted} as the relevance is, got {tuple(mask.shape)}")
    inside = mask.cpu().flatten(1)
    return flat, inside, finite & (inside.sum(dim=1) > 0)


def _check_mask(mask: Tensor) -> None:
    dense = isinstance(mask, Tensor) and mask.layout == torch.strided and not mask.is_meta
    if dense and mask.dtype == torch.bool and mask.ndim == 3 and 0 not in mask.shape[1:]:
        return
    came = f"{tuple(mask.shape)} of {mask.dtype}" if isinstance(mask, Tensor) else type(mask).__name__
    raise ShapeError(
        f"mask must be (N, H, W) of torch.bool, got {came}; say from where it is true, as with "
        "mask > 0, and leave out a dimension of channels, as with mask[:, 0]"
    )
