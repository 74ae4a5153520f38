"""What every metric scores: the heatmap, as a person sees it."""

import torch
from torch import Tensor

from xaisigns.errors import ShapeError


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
    finite = flat.isfinite().all(dim=1)
    return flat.where(finite[:, None], flat.new_zeros(())), finite


def nan_unless(defined: Tensor, score: Tensor) -> Tensor:
    """The score ``(N,)`` where it is defined, NaN elsewhere."""
    return score.where(defined, score.new_full((), torch.nan))


def average_ranks(values: Tensor) -> Tensor:
    """Rank of each value in its row, from 1, in float64; equal values share the average of their ranks."""
    ordered = values.sort(dim=-1).values
    values = values.contiguous()
    below, up_to = (torch.searchsorted(ordered, values, right=right) for right in (False, True))
    return (below + up_to + 1).double() / 2


def most_relevant_first(flat: Tensor, seed: int) -> Tensor:
    """Pixels of each row from the largest value to the smallest, ``(N, P)`` indices; ties in a random order.

    The order of ties depends on the seed and on P alone, so that an image's does not hang on the batch it is in.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(flat.shape[1], generator=generator)
    return shuffled[flat[:, shuffled].argsort(dim=1, descending=True, stable=True)]
