"""The local engine: threads of one process explain, others decode ahead of them, and one writes behind them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Self

import numpy as np
import torch

from xaisigns.data.image_set import ImageSet
from xaisigns.model.explainable import Explainable
from xaisigns.study.attributions.ahead import Batch, decoded_ahead
from xaisigns.study.attributions.explaining import BatchExplainer
from xaisigns.study.attributions.identity import Wanted
from xaisigns.study.attributions.layout import Arrays, Layout

_MOST = 4  # explainers: each holds a batch, and a network


def explainers(model: Explainable, data: ImageSet, wanted: Wanted) -> list[BatchExplainer]:
    """As many as are to work side by side.

    On a CPU that is quicker than one with all of torch's threads, which wait for each other in every layer. A method of
    the caller's own may not be made for two at once.
    """
    alone = model.device.type != "cpu" or not all(method.known for method in wanted.methods)
    return [BatchExplainer(model, data, wanted) for _ in range(1 if alone else min(_MOST, torch.get_num_threads()))]


def explain_shards(
    explainers: Sequence[BatchExplainer],
    data: ImageSet,
    layout: Layout,
    shards: Sequence[int],
    write: Callable[[int, Arrays], None],
    done: Callable[[int], None],
) -> None:
    """Explain the shards one after the other and hand each to ``write``, in another thread, in their order.

    Each explainer works in a thread of its own, and they share torch's threads. At most two shards are in memory, and a
    batch for each explainer. ``done`` hears how many images each batch had, in order. Raises what an explainer and
    ``write`` raise.
    """
    batches = [(shard, places) for shard in shards for places in layout.batches(shard)]
    pending: Future[None] | None = None
    parts: list[Arrays] = []
    with ThreadPoolExecutor(1, "xaisigns-writing") as writer, _Workers(explainers, layout) as workers:
        decoded = decoded_ahead(data, layout.side, [places for _, places in batches])
        for (shard, places), part in zip(batches, workers.explained(decoded), strict=True):
            parts.append(part)
            done(len(places))
            if places.stop == layout.places(shard).stop:
                if pending:
                    pending.result()
                pending = writer.submit(write, shard, joined(parts))
                parts = []
        if pending:
            pending.result()


class _Workers:
    """Threads that explain batches, each by an explainer of its own and with its share of torch's threads."""

    def __init__(self, explainers: Sequence[BatchExplainer], layout: Layout) -> None:
        self._count, self._layout, self._threads = len(explainers), layout, torch.get_num_threads()
        self._free: SimpleQueue[BatchExplainer] = SimpleQueue()
        for explainer in explainers:
            self._free.put(explainer)
        share = max(1, self._threads // self._count)
        self._pool = ThreadPoolExecutor(self._count, "xaisigns-explaining", torch.set_num_threads, (share,))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        torch.set_num_threads(self._threads)  # for threads to come; that of this one has not changed

    def explained(self, batches: Iterable[Batch]) -> Iterator[Arrays]:
        """The rows of each batch, in order; of as many as there are explainers the work has begun."""
        waiting: deque[Future[Arrays]] = deque()
        for batch in batches:
            waiting.append(self._pool.submit(self._explain, batch))
            if len(waiting) > self._count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _explain(self, batch: Batch) -> Arrays:
        explainer = self._free.get()
        try:
            return explainer.explain(batch, self._layout)
        finally:
            self._free.put(explainer)


def joined(parts: Iterable[Arrays]) -> Arrays:
    """The arrays of several batches as one, in the order in which they are to be written."""
    every = list(parts)
    return {name: np.concatenate([part[name] for part in every]) for name in every[0]}
