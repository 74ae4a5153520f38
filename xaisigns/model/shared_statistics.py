"""BatchNorm in several processes that each have a part of a batch: its statistics are those of the whole."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from xaisigns.errors import ModelError


def share_statistics(network: nn.Module) -> None:
    """From now on every BatchNorm of the network, in place, has in training mode the statistics of all processes.

    It gives what it would give for the images of all in one process, but for rounding, and on every device: torch's own
    SyncBatchNorm runs on GPUs alone. Raises ModelError for a layer that computes something of its own.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, _BatchNorm):
            if type(layer).forward is not _BatchNorm.forward:
                raise ModelError(
                    f"{name} is a {type(layer).__name__}, whose statistics cannot be those of several processes; "
                    "train in one process, or use torch's BatchNorm"
                )
            layer.forward = partial(_normalised, layer)  # type: ignore[method-assign]


def _normalised(layer: _BatchNorm, images: Tensor) -> Tensor:
    if not layer.training and layer.running_mean is not None:
        return _BatchNorm.forward(layer, images)
    layer._check_input_dim(images)
    values = images.to(torch.promote_types(images.dtype, torch.float32))
    axes = [axis for axis in range(values.ndim) if axis != 1]
    in_channels = [1, -1, *[1] * (values.ndim - 2)]
    count = _total(values.new_tensor(values.numel() // values.shape[1]))
    mean = _total(values.sum(axes)) / count
    centred = values - mean.reshape(in_channels)
    variance = _total(centred.square().sum(axes)) / count
    if layer.training:
        _track(layer, mean.detach(), variance.detach() * count / (count - 1))
    scale = torch.rsqrt(variance + layer.eps)
    if layer.weight is not None:
        scale = scale * layer.weight
    normalised = centred * scale.reshape(in_channels)
    if layer.bias is not None:
        normalised = normalised + layer.bias.reshape(in_channels)
    return normalised.to(images.dtype)


def _track(layer: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Take a batch's mean and unbiased variance into the running ones."""
    if layer.running_mean is None or layer.running_var is None or layer.num_batches_tracked is None:
        return
    layer.num_batches_tracked.add_(1)
    share = 1 / float(layer.num_batches_tracked) if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean, share)
    layer.running_var.lerp_(variance, share)


class _Total(torch.autograd.Function):
    """The sum over all processes; what each depends on has a part in the gradients of all."""

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        total = values.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        torch.distributed.all_reduce(total)
        return total


def _total(values: Tensor) -> Tensor:
    total: Tensor = _Total.apply(values)
    return total
