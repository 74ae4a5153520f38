"""What speaks for a class rather than for another, or than for all others together."""

from typing import Literal

import torch
from torch import Tensor, nn

from xaisigns.attribution.agreement import logits_of
from xaisigns.attribution.network import Network, followed_by
from xaisigns.errors import ShapeError

# A class to contrast with for each image, or the mean of all classes but the target.
Others = Tensor | Literal["rest"]


def contrast_weights(logits: Tensor, targets: Tensor, others: Others | None) -> Tensor:
    """What each of ``logits`` ``(N, classes)`` counts: the target 1, the other -1 or each of the rest its share of -1.

    Raises ShapeError for a rest of no classes.
    """
    if isinstance(others, str):
        rest = logits.shape[1] - 1
        if not rest:
            raise ShapeError("a contrast with the rest needs a network of 2 classes or more, this one has 1")
        return torch.full_like(logits, -1 / rest).scatter(1, targets[:, None], 1.0)
    weights = torch.zeros_like(logits).scatter(1, targets[:, None], 1.0)
    if others is None:
        return weights
    return weights.scatter_add(1, others[:, None], torch.full_like(logits[:, :1], -1.0))


def contrasted(network: Network, images: Tensor, targets: Tensor, others: Others) -> tuple[Network, Tensor]:
    """The network with an output for each difference of logits that is asked for.

    With it comes the output that belongs to each image, ``(N,)``. Raises ShapeError as ``contrast_weights`` does.
    """
    logits = logits_of(network, images[:1])
    wanted = contrast_weights(logits.expand(len(targets), -1), targets, others)
    weights, outputs = torch.unique(wanted, dim=0, return_inverse=True)
    # On no device: a layer draws its first weights from the global generator.
    difference = nn.Linear(logits.shape[1], len(weights), bias=False, device="meta")
    difference.weight = nn.Parameter(weights, requires_grad=False)
    return followed_by(network, "difference", difference), outputs
