"""What every metric scores: the heatmap, as a person sees it."""

import numpy as np
import torch
from torch import Tensor

from xaisigns.errors import ShapeError

_ROWS = 16  # ranked at once: what this takes stays in the processor's cache, and bounds memory


def heatmap(relevance: Tensor) -> Tensor:
    """Relevance ``(N, C, H, W)`` summed over the channels, ``(N, H, W)``, in the same unit.

    Pixels whose sum is negative speak against the class; what asks for evidence takes the positive ones ("sum,pos"
    pooling of [arras2022clevr]). Raises ShapeError for anything but four dimensions.
    """
    if relevance.ndim != 4:
        raise ShapeError(
            f"relevance must be (N, C, H, W), got {tuple(relevance.shape)}; "
            "put back the dimension of images or of channels with relevance[:, None]"
        )
    return relevance.detach().sum(dim=1)


def flat_heatmap(relevance: Tensor) -> tuple[Tensor, Tensor]:
    """The heatmap as ``(N, H W)``, with zeros for an image with NaN or infinite relevance, and which images have none.

    The second is bool ``(N,)``: true where all relevance is finite.
    """
    flat = heatmap(relevance).flatten(1)
    finite = flat.abs().amax(dim=1).isfinite()
    return flat.where(finite[:, None], flat.new_zeros(())), finite


def nan_unless(defined: Tensor, score: Tensor) -> Tensor:
    """The score ``(N,)`` where it is defined, NaN elsewhere."""
    return score.where(defined, score.new_full((), torch.nan))


def ascending(flat: Tensor) -> Tensor:
    """Each row's values from the smallest to the largest."""
    # NumPy sorts some 30 times as fast as torch on a CPU.
    return torch.from_numpy(np.sort(flat.numpy(), axis=1))


def average_ranks(flat: Tensor) -> Tensor:
    """Rank of each value in its row, from 1, in float64; equal values share the average of their ranks."""
    return torch.cat([_average_ranks(rows) for rows in flat.split(_ROWS)])


def most_relevant_first(flat: Tensor, seed: int) -> Tensor:
    """Pixels of each row from the largest value to the smallest, ``(N, P)`` indices; ties in a random order.

    The order of ties depends on the seed and on P alone, so that an image's does not hang on the batch it is in.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(flat.shape[1], generator=generator)
    return shuffled[flat[:, shuffled].argsort(dim=1, descending=True, stable=True)]


def _average_ranks(rows: Tensor) -> Tensor:
    order = torch.from_numpy(np.argsort(rows.numpy(), axis=1))
    ordered = rows.gather(1, order)
    starts = torch.ones_like(ordered, dtype=torch.bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    place = torch.arange(1, rows.shape[1] + 1)
    # Of each run of equal values the first place, carried forwards, and the last, carried backwards.
    first = (place * starts).cummax(dim=1).values
    last = len(place) + 1 - (place * starts.roll(-1, dims=1).flip(1)).cummax(dim=1).values.flip(1)
    return torch.empty_like(rows, dtype=torch.float64).scatter_(1, order, (first + last).double() / 2)
