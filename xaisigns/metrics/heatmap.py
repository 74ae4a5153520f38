"""What every metric scores: the heatmap, as a person sees it."""

import numpy as np
import torch
from torch import Tensor

from xaisigns.base.bounds import LARGEST_SEED
from xaisigns.errors import ShapeError
from xaisigns.metrics.settings import check_whole

_ROWS = 16  # ranked at once: what this takes stays in the processor's cache, and bounds memory


def heatmap(relevance: Tensor) -> Tensor:
    """Relevance ``(N, C, H, W)`` summed over the channels, ``(N, H, W)`` float64 on the CPU, in the same unit.

    Pixels whose sum is negative speak against the class; what asks for evidence takes the positive ones ("sum,pos"
    pooling of [arras2022clevr]). ``relevance`` is of any floating-point dtype, on any device. Raises ShapeError for
    anything else.
    """
    if not isinstance(relevance, Tensor) or not relevance.is_floating_point() or relevance.layout != torch.strided:
        kind = relevance.dtype if isinstance(relevance, Tensor) else type(relevance).__name__
        raise ShapeError(f"relevance must be a dense torch tensor of floating-point numbers, got {kind}")
    if relevance.ndim != 4 or 0 in relevance.shape[1:] or relevance.is_meta:
        raise ShapeError(
            f"relevance must be (N, C, H, W), got {tuple(relevance.shape)} on {relevance.device}; "
            "put back the dimension of images or of channels with relevance[:, None]"
        )
    # In float64, half-precision values lose nothing, and no sum of float32 values overflows.
    return relevance.detach().cpu().double().sum(dim=1)


def flat_heatmap(relevance: Tensor) -> tuple[Tensor, Tensor]:
    """The heatmap as ``(N, H W)``, with zeros for an image with NaN or infinite relevance, and which images are finite.

    The second is bool ``(N,)``: true where all relevance, and its sum, is finite.
    """
    flat = heatmap(relevance).flatten(1)
    finite = flat.abs().sum(dim=1).isfinite()
    return flat.where(finite[:, None], flat.new_zeros(())), finite


def nan_unless(defined: Tensor, score: Tensor, relevance: Tensor) -> Tensor:
    """The score ``(N, ...)`` where it is defined, NaN elsewhere; on the relevance's device, in the dtype of scores.

    That is float64 for relevance in float64, and float32 for all other, since a score of two digits would be none.
    """
    dtype = torch.float64 if relevance.dtype == torch.float64 else torch.float32
    return score.where(defined, score.new_full((), torch.nan)).to(dtype).to(relevance.device)


def seeded(seed: int) -> torch.Generator:
    """A generator of random numbers. Raises MetricError for a seed that is not in 0..2**63 - 1."""
    check_whole("seed", seed, 0, LARGEST_SEED)
    return torch.Generator().manual_seed(seed)


def ascending(flat: Tensor) -> Tensor:
    """Each row's values from the smallest to the largest."""
    # NumPy sorts some 30 times as fast as torch on a CPU.
    return torch.from_numpy(np.sort(flat.numpy(), axis=1))


def average_ranks(flat: Tensor) -> Tensor:
    """Rank of each value in its row, from 1, in float64; equal values share the average of their ranks."""
    return torch.cat([_average_ranks(rows) for rows in flat.split(_ROWS)])


def most_relevant_first(flat: Tensor, seed: int) -> Tensor:
    """Pixels of each row from the largest value to the smallest, ``(N, P)`` indices; ties in a random order.

    The order of ties depends on the seed and on P alone, so that an image's order does not depend on its batch.
    """
    generator = seeded(seed)
    shuffled = torch.randperm(flat.shape[1], generator=generator)
    return shuffled[flat[:, shuffled].argsort(dim=1, descending=True, stable=True)]


def _average_ranks(rows: Tensor) -> Tensor:
    order = torch.from_numpy(np.argsort(rows.numpy(), axis=1))
    ordered = rows.gather(1, order)
    starts = torch.ones_like(ordered, dtype=torch.bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    place = torch.arange(1, rows.shape[1] + 1, dtype=torch.float64)
    # Of each run of equal values the first place, carried forwards, and the last, carried backwards.
    first = (place * starts).cummax(dim=1).values
    last = len(place) + 1 - (place * starts.roll(-1, dims=1).flip(1)).cummax(dim=1).values.flip(1)
    return torch.empty_like(rows, dtype=torch.float64).scatter_(1, order, (first + last) / 2)
