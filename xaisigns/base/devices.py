"""Which device a network runs on: by its name, or the fastest that this machine has."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

from xaisigns.base.bounds import shown
from xaisigns.errors import DeviceError

if TYPE_CHECKING:
    import torch

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def chosen_device(wanted: "str | torch.device" = "auto") -> "torch.device":
    """The device of a name: ``cpu``, ``cuda`` (or ``cuda:1``), ``mps``, or the fastest there is (``auto``).

    ``auto`` is the first CUDA device, else MPS, else the CPU. Raises DeviceError, naming those that are there, for one
    that is not or that torch does not know.
    """
    import torch

    there = _there()
    if wanted == "auto":
        wanted = next(iter(there))
    try:
        device = torch.device(wanted)
    except (RuntimeError, TypeError):
        raise DeviceError(f"no device {shown(wanted)}; there is {', '.join(['auto', *there])}") from None
    if device.type not in there or (device.index or 0) >= there[device.type]:
        raise DeviceError(f"this machine, with this build of torch, has no {device}; there is {', '.join(there)}")
    return torch.empty(0, device=device).device  # with its number, as the tensors that are there tell it


def computes_bfloat16(device: "torch.device") -> bool:
    """Whether a device computes with bfloat16 itself, rather than by detours that take longer than float32."""
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    mkldnn = torch.backends.mkldnn.is_available()
    return device.type == "cpu" and mkldnn and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def in_bfloat16(device: "torch.device") -> AbstractContextManager[object]:
    """In here a network computes with bfloat16 where its device does so itself, else as always."""
    import torch

    return torch.autocast(device.type, torch.bfloat16) if computes_bfloat16(device) else nullcontext()


def _there() -> dict[str, int]:
    """How many there are of each kind, the fastest kind first."""
    import torch

    kinds = {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    return {kind: count for kind, count in kinds.items() if count}
