"""How Captum is run: few images at a time, on one logit or the difference of two, without its warnings."""

import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

# Images in one pass through the network, whatever a method makes of each image.
BATCH = 32
# Warning filters and global generators are the process's: one thread at a time may have them otherwise.
_PROCESS = threading.RLock()


class Between(NamedTuple):
    """The range of an option, both ends in it: ``Annotated[int, Between(1, 9)]`` in a method's signature."""

    low: float
    high: float


Count = Annotated[int, Between(1, 100_000)]
Pixels = Annotated[int, Between(1, 10_000)]
Seed = Annotated[int, Between(0, 2**32 - 1)]  # what numpy takes


def memory_order(network: nn.Module) -> torch.memory_format:
    """The faster order in float32. In float64, where references are compared, sums are kept in theirs."""
    weight = next(network.parameters(), None)
    fast = weight is not None and weight.dtype == torch.float32
    return torch.channels_last if fast else torch.contiguous_format


def logits_of(network: nn.Module, images: Tensor) -> Tensor:
    """Logits ``(N, classes)``, without a graph."""
    with torch.no_grad():
        logits: Tensor = network(images)
    return logits


def contrasted(network: nn.Sequential, images: Tensor, targets: Tensor, others: Tensor) -> tuple[nn.Module, Tensor]:
    """The network with an output for each pair of a class and another, the difference of their logits.

    Beside it each image's output, ``(N,)``.
    """
    pairs, outputs = torch.unique(torch.stack([targets, others], dim=1), dim=0, return_inverse=True)
    logits = logits_of(network, images[:1])
    classes = logits.shape[1]
    weights = logits.new_zeros(len(pairs), classes)
    weights.scatter_add_(1, pairs, logits.new_tensor([1.0, -1.0]).expand(len(pairs), 2))
    # On no device: a layer draws its first weights from the global generator.
    difference = nn.Linear(classes, len(pairs), bias=False, device="meta")
    difference.weight = nn.Parameter(weights, requires_grad=False)
    return nn.Sequential(OrderedDict([*network.named_children(), ("difference", difference)])), outputs


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that Captum gives of its own hooks; they are on a copy of the network."""
    with _PROCESS, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"captum\.")
        yield


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Captum draws from torch's and numpy's global generators: here seeded, and afterwards as they were.

    Calls of this package wait for each other; another thread that draws from them meanwhile would disturb both.
    """
    with _PROCESS, torch.random.fork_rng():
        state = np.random.get_state()  # noqa: NPY002 (Captum's choice)
        try:
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002
