"""Runs a network over many variants of every image in bounded memory."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from xaisigns.attribution.targets import Target, class_ids
from xaisigns.errors import MetricError, ShapeError
from xaisigns.metrics.heatmap import heatmap
from xaisigns.metrics.settings import Precision

# Small enough for the values of early layers to stay in the processor's cache.
BATCH = 32

# A model, images (N, C, H, W) and their targets (N,) -> relevance (N, C, H, W).
Attribute = Callable[[nn.Module, Tensor, Tensor], Tensor]


def pairs(images: int, variants: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Every image with every one of its variants, as two index tensors, in batches of at most BATCH."""
    for start in range(0, images * variants, BATCH):
        both = torch.arange(start, min(start + BATCH, images * variants))
        yield both // variants, both % variants


def logits(model: nn.Module, x: Tensor, precision: Precision = "full") -> Tensor:
    """The network's logits of one batch, computed in the faster memory order; float64 on the CPU.

    In "bf16" convolutions and linear layers compute with bfloat16.
    """
    rounded = torch.autocast(x.device.type, torch.bfloat16) if precision == "bf16" else nullcontext()
    with torch.no_grad(), rounded:
        output: Tensor = model(x.contiguous(memory_format=torch.channels_last))
    if not isinstance(output, Tensor) or output.ndim != 2:
        came = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ShapeError(f"the network must give logits (N, classes), it gives {came} for {len(x)} images")
    return output.cpu().double()  # in this order, since MPS has no float64


def heatmaps(attribute: Attribute, model: nn.Module, x: Tensor, targets: Tensor) -> Tensor:
    """The attribution's heatmaps of all images, ``(N, 1, H, W)``, in batches of at most BATCH."""
    return torch.cat([explained(attribute, model, x[image], targets[image]) for image, _ in pairs(len(x), 1)])


def explained(attribute: Attribute, model: nn.Module, x: Tensor, targets: Tensor) -> Tensor:
    """The attribution's heatmaps of one batch, ``(N, 1, H, W)``."""
    relevance = attribute(model, x.contiguous(memory_format=torch.channels_last), targets.to(x.device))
    check_relevance(x, relevance)
    return heatmap(relevance)[:, None]


def checked(model: nn.Module, x: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """The images without a graph and the class of each as ``(N,)``, which the network must have.

    Raises ShapeError where these, or dtypes and devices, do not belong together, and MetricError for a network in
    training mode, which would answer at random and change by being asked.
    """
    if not isinstance(model, nn.Module):
        raise MetricError(f"the model must be a torch module, got {type(model).__name__}")
    if any(layer.training for layer in model.modules()):
        raise MetricError("the model must be in eval mode, it is in training mode: call model.eval() first")
    if not isinstance(x, Tensor) or x.ndim != 4 or 0 in x.shape:
        came = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ShapeError(f"images must be (N, C, H, W) with N of 1 or more, got {came}")
    _check_values(model, x)
    targets = class_ids(target, len(x), "target").cpu()
    classes = class_count(model, x)
    if int(targets.min()) < 0 or int(targets.max()) >= classes:
        raise ShapeError(
            f"target must be one of the network's classes 0..{classes - 1}, got {torch.as_tensor(target).tolist()}"
        )
    return x.detach(), targets


def _check_values(model: nn.Module, x: Tensor) -> None:
    weights = next(model.parameters(), x)
    if not x.is_floating_point() or (x.dtype, x.device) != (weights.dtype, weights.device):
        raise ShapeError(
            f"images must be {weights.dtype} on {weights.device}, as the network's weights are; "
            f"got {x.dtype} on {x.device}"
        )


def class_count(model: nn.Module, x: Tensor) -> int:
    """How many logits the network gives."""
    return logits(model, x[:1]).shape[1]


def check_relevance(x: Tensor, relevance: Tensor) -> None:
    """Raise ShapeError unless every pixel of every image has relevance, in one or more channels."""
    wanted = (len(x), *x.shape[-2:])
    if not isinstance(relevance, Tensor):
        raise ShapeError(f"relevance must be a torch tensor (N, C, H, W), got {type(relevance).__name__}")
    if relevance.ndim != 4 or (len(relevance), *relevance.shape[-2:]) != wanted:
        raise ShapeError(
            f"relevance must be (N, C, H, W) with (N, H, W) = {wanted} as the images have, got {tuple(relevance.shape)}"
        )
