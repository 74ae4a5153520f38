"""Which of a network's outputs are explained, and against which."""

from typing import Literal

import torch
from torch import Tensor

from xaisigns.attribution.agreement import refuse_not_finite
from xaisigns.attribution.contrast import Others
from xaisigns.base.bounds import shown
from xaisigns.errors import ShapeError

Target = int | Tensor
# Whose logit is taken off the target's: another class, or the mean of all others.
Against = Target | Literal["rest"]


def class_ids(target: Target, count: int, name: str, device: torch.device | None = None) -> Tensor:
    """Class ids ``(N,)`` of one for all or one an image, on the device if one is named.

    Raises ShapeError for anything else.
    """
    try:
        ids = torch.as_tensor(target, device=device)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ShapeError(f"{name} must be a class id or ({count},) of them, got {shown(target)}") from error
    whole = ids.dtype in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
    if not whole or ids.layout != torch.strided or ids.shape not in ((), (count,)):
        raise ShapeError(
            f"{name} must be a class id or ({count},) of them, one for each image; "
            f"got shape {tuple(ids.shape)} of {ids.dtype}"
        )
    ids = ids.to(torch.int64)
    return (ids.clone() if ids.is_inference() else ids).expand(count)


def other_classes(against: Against, count: int, device: torch.device) -> Others:
    """What a contrast is with: class ids ``(N,)``, or the rest. Raises ShapeError for anything else."""
    if isinstance(against, str):
        if against != "rest":
            raise ShapeError(f"against must be 'rest', a class id or ({count},) of them, got {shown(against)}")
        return against
    return class_ids(against, count, "against", device)


def check_outputs(logits: Tensor, targets: Tensor) -> None:
    """Raise ShapeError when ``targets`` are not outputs of a network with these ``logits``, ModelError for NaN."""
    fitting = logits.ndim == 2 and len(logits) == len(targets)
    if not fitting or int(targets.min()) < 0 or int(targets.max()) >= logits.shape[1]:
        raise ShapeError(
            f"target and against must name outputs of the network, whose logits are {tuple(logits.shape)}; "
            f"got {sorted(set(targets.tolist()))}"
        )
    refuse_not_finite(logits)
