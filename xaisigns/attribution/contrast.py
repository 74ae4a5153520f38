"""A network whose outputs are differences of logits, for methods that explain one output."""

import torch
from torch import Tensor, nn

from xaisigns.attribution.agreement import logits_of
from xaisigns.attribution.network import Network, followed_by


def contrasted(network: Network, images: Tensor, targets: Tensor, others: Tensor) -> tuple[Network, Tensor]:
    """The network with an output for each pair of a class and another: the difference of their logits.

    With it comes the output that belongs to each image, ``(N,)``.
    """
    pairs, outputs = torch.unique(torch.stack([targets, others], dim=1), dim=0, return_inverse=True)
    logits = logits_of(network, images[:1])
    classes = logits.shape[1]
    weights = logits.new_zeros(len(pairs), classes)
    weights.scatter_add_(1, pairs, logits.new_tensor([1.0, -1.0]).expand(len(pairs), 2))
    # On no device: a layer draws its first weights from the global generator.
    difference = nn.Linear(classes, len(pairs), bias=False, device="meta")
    difference.weight = nn.Parameter(weights, requires_grad=False)
    return followed_by(network, "difference", difference), outputs
