"""What Captum does to its process, kept to itself: warnings, and random numbers from the global generators."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from xaisigns.base.quiet import Quiet

# Global generators are the process's: one thread at a time may have them otherwise.
GENERATORS = threading.RLock()
# Captum warns of its own hooks, which are on a copy of the network.
QUIET = Quiet("captum")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Captum draws from torch's and numpy's global generators: seeded in here, and as they were afterwards.

    All is drawn on the CPU, so that a seed gives the same numbers on every device.
    Calls of this package wait for each other; another thread that draws from them meanwhile would disturb both.
    """
    with GENERATORS, torch.random.fork_rng(devices=[]), _DrawnOnCPU():
        state = np.random.get_state()  # noqa: NPY002 (Captum's choice)
        try:
            torch.default_generator.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


class _DrawnOnCPU(TorchFunctionMode):
    """``torch.normal`` is what Captum draws where the images are; all else it draws on the CPU and moves."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not torch.normal:
            return func(*args, **(kwargs or {}))
        mean, deviation = args
        return func(mean, deviation.cpu()).to(deviation.device)
