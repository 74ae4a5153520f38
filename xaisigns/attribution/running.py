"""How Captum is run: few images at a time, without its warnings, and with random numbers of its own."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from xaisigns.errors import MethodError

# Images in one pass through the network, whatever a method makes of each image.
BATCH = 32


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that Captum gives of its own hooks; they are on a copy of the network."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"captum\.")
        yield


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Captum draws from torch's and numpy's global generators: here seeded, and afterwards as they were."""
    check_seed(seed)
    state = np.random.get_state()  # noqa: NPY002 (Captum's choice)
    with torch.random.fork_rng():
        try:
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


def at_least_one(**options: int) -> None:
    """Raise MethodError for an option below 1."""
    for name, value in options.items():
        if value < 1:
            raise MethodError(f"{name} must be 1 or more, got {value}")


def check_seed(seed: int) -> None:
    """Raise MethodError for a seed that numpy does not take."""
    if not 0 <= seed < 2**32:
        raise MethodError(f"seed must be a whole number from 0 to {2**32 - 1}, got {seed}")
