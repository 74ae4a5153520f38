"""Images moved by whole pixels, and relevance brought back to where its pixels came from."""

from collections.abc import Sequence

import torch
from torch import Tensor


def shifted(images: Tensor, by: Sequence[int]) -> Tensor:
    """Images ``(N, C, ...)`` moved by whole pixels along each axis behind the channels; edges are repeated."""
    moved = images
    for axis, places in _places(images, by):
        moved = moved.index_select(axis, places)
    return moved


def shifted_back(relevance: Tensor, by: Sequence[int]) -> Tensor:
    """The relevance of every pixel of ``shifted`` given to the pixel that it was a copy of: the sum stays."""
    returned = relevance
    for axis, places in _places(relevance, by):
        returned = torch.zeros_like(returned).index_add_(axis, places, returned)
    return returned


def _places(images: Tensor, by: Sequence[int]) -> list[tuple[int, Tensor]]:
    """Of each axis, from where each pixel comes."""
    return [
        (axis, (torch.arange(images.shape[axis], device=images.device) - pixels).clamp(0, images.shape[axis] - 1))
        for axis, pixels in enumerate(by, start=2)
    ]
