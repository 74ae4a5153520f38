"""LRP with the rule epsilon by the formulas of the papers: layer by layer of a network's graph, with whole Jacobians.

Nothing of the rules' code is in it, no hook and no gradient of the network.
"""

import torch
from torch import Tensor, nn
from torch.autograd.functional import jacobian

from xaisigns.attribution.layers import ACTIVATIONS, AVERAGES, NORMS, WEIGHTED, Affine, Concatenation, Gate, Sum
from xaisigns.attribution.network import Network, given, nodes_of


def slow_relevance(network: Network, images: Tensor, target: int) -> Tensor:
    """Relevance of every pixel of canonized ``network``'s logit, ``(N, C, H, W)``, one image at a time."""
    return torch.cat([_of_one(network, image[None], target) for image in images])


@torch.no_grad()
def _of_one(network: Network, image: Tensor, target: int) -> Tensor:
    values, relevance = {}, {}
    order = list(nodes_of(network))
    for node, layer in order:
        if node.op == "placeholder":
            values[node] = image
            pixels = node
        elif layer is not None:
            args, kwargs = given(node, values)
            values[node] = layer(*args, **kwargs)
        elif node.op != "output":
            args, kwargs = given(node, values)
            values[node] = node.target(*args) if callable(node.target) else getattr(args[0], node.target)(*args[1:])
    for node, layer in reversed(order):
        if node.op == "output":
            logits = values[node.args[0]]
            relevance[node.args[0]] = torch.zeros_like(logits).index_fill_(1, torch.tensor([target]), 1) * logits
        elif layer is not None and node in relevance:
            inputs = [one for one in node.args if one in values and isinstance(values[one], Tensor)]
            shares = _shares(layer, node, [values[one] for one in inputs], values, relevance[node])
            for one, share in zip(inputs, shares, strict=False):
                relevance[one] = relevance.get(one, 0) + share
    return relevance[pixels]


def _shares(layer: nn.Module, node, inputs: list[Tensor], values, r: Tensor) -> list[Tensor]:
    z = values[node]
    if isinstance(layer, Sum):
        sizes = [value.abs().expand(z.shape) for value in inputs]
        total = sum(sizes) + 1e-6
        return [_summed(r * size / total, value) for size, value in zip(sizes, inputs, strict=True)]
    if isinstance(layer, Gate):
        return [_summed(r, inputs[0])]
    if isinstance(layer, Concatenation):
        return list(r.split([value.shape[layer.dim] for value in inputs], layer.dim))
    (x, *_) = inputs
    if isinstance(layer, ACTIVATIONS):
        return [r]
    if isinstance(layer, NORMS):
        contributions = torch.diag((_scale(layer, x) * x).flatten())
    else:
        _, kwargs = given(node, values)
        args, _ = given(node, values)
        slopes = jacobian(lambda value: layer(value, *args[1:], **kwargs), x).reshape(z.numel(), x.numel())
        contributions = slopes * x.flatten()
    if isinstance(layer, (*WEIGHTED, *NORMS, *AVERAGES, Affine)):
        divided = r / (z + 1e-6 * torch.where(z >= 0, 1.0, -1.0))
        return [(divided.flatten() @ contributions).reshape(x.shape)]
    return [(r.flatten() @ slopes).reshape(x.shape)]  # max pooling and what moves values


def _scale(layer: nn.Module, x: Tensor) -> Tensor:
    """Weight over standard deviation, by the definition of the norm, value by value."""
    if isinstance(layer, nn.LayerNorm):
        deviation = (x.var(correction=0) + layer.eps).sqrt()
        return layer.weight / deviation
    groups = x.reshape(layer.num_groups, -1)
    deviation = (groups.var(1, correction=0) + layer.eps).sqrt().repeat_interleave(x.shape[1] // layer.num_groups)
    return (layer.weight / deviation).reshape(1, -1, 1, 1).expand(x.shape)


def _summed(share: Tensor, value: Tensor) -> Tensor:
    """What belongs to one value that was used in several places."""
    while share.ndim > value.ndim:
        share = share.sum(0)
    for dim, size in enumerate(value.shape):
        if size == 1:
            share = share.sum(dim, keepdim=True)
    return share
