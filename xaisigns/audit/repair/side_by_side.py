"""A fine-tuning and its control, at the same time where neither is in the other's way."""

import copy
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import NamedTuple

import torch
from torch import nn

from xaisigns.audit.repair.checkpoints import Checkpoint
from xaisigns.audit.repair.feature import Feature
from xaisigns.audit.repair.fine_tuning import Run, fine_tuned
from xaisigns.audit.repair.settings import FineTuning
from xaisigns.base.progress import Progress, silent
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.decoded import Images
from xaisigns.model.explainable import Explainable
from xaisigns.study.model_cache import strange_layers

_HEARD = 0.5  # seconds between two words about how far both are


class Tuned(NamedTuple):
    """Networks that were trained on: without the features in their images, and with them."""

    control: nn.Module
    unlearnt: nn.Module


class _StoppedError(Exception):
    """Ends a fine-tuning whose result nobody takes any more."""


@own_torch_state()
def tuned_beside_control(
    model: Explainable,
    images: Images,
    features: Sequence[Feature],
    settings: FineTuning,
    checkpoints: Sequence[Checkpoint],
    progress: Progress = silent,
) -> Tuned:
    """What ``fine_tuned`` gives as a control and otherwise, with the ``checkpoints`` of both in that order.

    On a CPU each has half of torch's threads, which is quicker than one after the other with all of them, since these
    wait for each other in every layer. They go one after the other where that cannot be: with a single thread or on
    another device, where the network runs code of the caller's, and where it draws from the one generator that the
    process has. Raises as ``fine_tuned`` does.
    """
    threads = torch.get_num_threads()
    if threads < 2 or model.device.type != "cpu" or strange_layers(model.module) or _draws(model):
        control, unlearnt = (
            fine_tuned(model, images, features, settings, control=of, checkpoint=checkpoint, progress=progress)
            for checkpoint, of in zip(checkpoints, (True, False), strict=True)
        )
        return Tuned(control, unlearnt)
    done, stopped = [0, 0], threading.Event()

    def tuned(place: int) -> nn.Module:
        def hear(steps: int) -> None:
            done[place] = steps
            if stopped.is_set():
                raise _StoppedError

        with own_torch_state():
            run = Run(model, images, features, settings, control=place == 0)
            network = run.through(checkpoints[place], hear)
        done[place] = settings.steps  # of which none may have been left
        return network

    pool = ThreadPoolExecutor(2, "xaisigns-unlearning", torch.set_num_threads, (threads // 2,))
    with torch.random.fork_rng(devices=[]):  # whose state a checkpoint holds, too
        try:
            running = [pool.submit(tuned, place) for place in range(2)]
            waiting = set(running)
            while waiting:
                ended, waiting = wait(waiting, _HEARD, FIRST_COMPLETED)
                progress("unlearning", sum(done), 2 * settings.steps)
                for one in ended:
                    one.result()
            return Tuned(*(one.result() for one in running))
        finally:
            stopped.set()
            pool.shutdown()
            torch.set_num_threads(threads)  # for threads to come; that of this one has not changed


def _draws(model: Explainable) -> bool:
    """Whether a pass of the network in training draws random numbers, as dropout does."""
    network, side = copy.deepcopy(model.module).train(), model.preprocessing.input_size
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        before = torch.get_rng_state()
        network(torch.zeros(2, 3, side, side, dtype=next(network.parameters()).dtype))
        return not torch.equal(torch.get_rng_state(), before)
