"""The processes that torchrun started to do one work together: which one this is, and what it does with the others."""

import datetime
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from xaisigns.errors import DeviceError

if TYPE_CHECKING:
    import torch

_STARTED = "TORCHELASTIC_RUN_ID"  # in what torchrun starts, and nowhere else
_PATIENCE = datetime.timedelta(days=1)  # torchrun sees by itself when one has ended
_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Processes:
    """This one's number from 0 on, how many there are, and its number on its machine. One alone is all there is."""

    number: int = 0
    count: int = 1
    local: int = 0

    @property
    def part(self) -> slice:
        """What this one takes of a list: every ``count``-th. It may be nothing."""
        return slice(self.number, None, self.count)

    def total(self, values: "torch.Tensor") -> "torch.Tensor":
        """The sum over all processes of a tensor that each has in this shape."""
        if self.count == 1:
            return values
        import torch.distributed as dist

        total = values.detach().clone()
        dist.all_reduce(total)
        return total

    def all_have(self, text: str) -> bool:
        """Whether all processes have the same text."""
        if self.count == 1:
            return True
        import torch.distributed as dist

        texts: list[str | None] = [None] * self.count
        dist.all_gather_object(texts, text)
        return len(set(texts)) == 1

    def one_first(self, make: Callable[[], _Part]) -> _Part:
        """What ``make`` gives, called by the first process of each machine and, when that is done, by the others.

        So that they find in the cache what takes long.
        """
        if self.count == 1:
            return make()
        import torch.distributed as dist

        if self.local:
            dist.barrier()
            return make()
        made = make()
        dist.barrier()
        return made


ALONE = Processes()


def is_first() -> bool:
    """Whether this process is to speak: of those that torchrun started the first, else every one."""
    return _STARTED not in os.environ or os.environ.get("RANK") == "0"


def own_device(wanted: "str | torch.device") -> "str | torch.device":
    """What to take for a device's name: of the GPUs of CUDA's each process that torchrun started has one."""
    import torch

    if _STARTED in os.environ and str(wanted) in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{os.environ['LOCAL_RANK']}"
    return wanted


@contextmanager
def joined(device: "torch.device") -> Iterator[Processes]:
    """The processes that torchrun started, this one among them, on the device that it works on; else this one alone.

    They speak by NCCL where they work on CUDA, and by gloo on the CPU. Raises DeviceError for another device, and when
    another process has ended meanwhile.
    """
    if _STARTED not in os.environ:
        yield ALONE
        return
    import torch
    import torch.distributed as dist

    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"several processes work together on cpu or cuda, and not on {device.type}; give another")
    began = not dist.is_initialized()
    if began:
        there = device if device.type == "cuda" else None
        if there:
            torch.cuda.set_device(there)  # where objects go on their way
        dist.init_process_group("nccl" if there else "gloo", timeout=_PATIENCE, device_id=there)
    try:
        yield Processes(dist.get_rank(), dist.get_world_size(), int(os.environ["LOCAL_RANK"]))
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise DeviceError("another process of this work has ended; see what that one says") from error
    finally:
        if began:
            dist.destroy_process_group()
