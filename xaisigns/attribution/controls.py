"""Controls: heatmaps that know nothing of the network. A method that does no better has told nothing.

Same signature as in ``gradients``; the heatmaps are ``(N, H, W)``.
"""

import zlib
from typing import TYPE_CHECKING

from xaisigns.attribution.options import Seed

if TYPE_CHECKING:
    from torch import Tensor, nn


def random(network: "nn.Module", images: "Tensor", target: "Tensor", *, seed: Seed = 0) -> "Tensor":  # noqa: ARG001
    """Control: normal noise, of each image its own."""
    import torch

    maps = []
    for image in images.detach():
        # An image's noise follows from its pixels, so that it is the same in every batch and another for every image.
        own = zlib.crc32(image.cpu().contiguous().view(torch.uint8).numpy().tobytes(), seed)
        generator = torch.Generator().manual_seed(own)
        maps.append(torch.randn(image.shape[1:], generator=generator))
    return torch.stack(maps).to(images)


def edges(network: "nn.Module", images: "Tensor", target: "Tensor") -> "Tensor":  # noqa: ARG001
    """Control: the edges of the image itself, by Sobel's operator on the mean of its channels."""
    import torch
    from torch.nn.functional import conv2d, pad

    grey = pad(images.detach().mean(dim=1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]).to(images)
    both = conv2d(grey, torch.stack([across, across.T])[:, None])
    relevance: Tensor = torch.linalg.vector_norm(both, dim=1)
    return relevance


def uniform(network: "nn.Module", images: "Tensor", target: "Tensor") -> "Tensor":  # noqa: ARG001
    """Control: the same everywhere."""
    import torch

    return torch.ones_like(images[:, 0]).detach()
