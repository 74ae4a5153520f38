"""The local engine: threads of one process explain, others decode ahead of them, and one writes behind them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue

import numpy as np
import torch

from xaisigns.attribution.methods import Method
from xaisigns.data.image_set import ImageSet
from xaisigns.model.explainable import Explainable
from xaisigns.study.attributions.ahead import Batch, decoded_ahead
from xaisigns.study.attributions.explaining import BatchExplainer
from xaisigns.study.attributions.identity import Wanted
from xaisigns.study.attributions.layout import Arrays, Layout
from xaisigns.study.measuring import ONCE_ASKED
from xaisigns.study.model_cache import strange_layers

_MOST = 4  # explainers: each holds a batch
_WEIGHTS = 2**30  # bytes of all of their networks: each method has one of its own


def explainers(model: Explainable, data: ImageSet, wanted: Wanted) -> list[BatchExplainer]:
    """As many as are to work side by side.

    On a CPU that is quicker than one with all of torch's threads, which wait for each other in every layer. It is one
    where two might be in each other's way: where code of the caller's runs, or what draws from the one generator of
    the process, and where a batch takes so long that nobody would wait for several before a run ends.
    """
    weights = sum(weight.nbytes for weight in model.module.parameters()) * len(wanted.methods)
    alone = (
        model.device.type != "cpu"
        or strange_layers(model.module)
        or not all(map(_is_quick, wanted.methods))
        or not all(metric.known and metric.group in ONCE_ASKED for metric in wanted.metrics)
    )
    threads = torch.get_num_threads()
    fitting = [count for count in range(2, _MOST + 1) if threads % count == 0 and count * weights <= _WEIGHTS]
    return [BatchExplainer(model, data, wanted) for _ in range(1 if alone else max(fitting, default=1))]


def _is_quick(method: Method) -> bool:
    """Whether a method of the package's takes one pass and draws nothing."""
    return method.known and (not method.smooth if method.composite is not None else not method.options)


def explain_shards(
    explainers: Sequence[BatchExplainer],
    data: ImageSet,
    layout: Layout,
    shards: Sequence[int],
    write: Callable[[int, Arrays], None],
    done: Callable[[int], None],
) -> None:
    """Explain the shards one after the other and hand each to ``write``, in another thread, in their order.

    Of several each explainer works in a thread of its own, and they share torch's threads. At most two shards are in
    memory, and a batch for each explainer. ``done`` hears how many images each batch had, in order. Raises what an
    explainer and ``write`` raise.
    """
    batches = [(shard, places) for shard in shards for places in layout.batches(shard)]
    pending: Future[None] | None = None
    parts: list[Arrays] = []
    with ThreadPoolExecutor(1, "xaisigns-writing") as writer, _working(explainers, layout) as explained:
        decoded = decoded_ahead(data, layout.side, [places for _, places in batches])
        for (shard, places), part in zip(batches, explained(decoded), strict=True):
            parts.append(part)
            done(len(places))
            if places.stop == layout.places(shard).stop:
                if pending:
                    pending.result()
                pending = writer.submit(write, shard, joined(parts))
                parts = []
        if pending:
            pending.result()


@contextmanager
def _working(
    explainers: Sequence[BatchExplainer], layout: Layout
) -> Iterator[Callable[[Iterable[Batch]], Iterator[Arrays]]]:
    """Gives what makes the rows of batches, in their order, by these explainers."""
    if len(explainers) == 1:
        yield lambda batches: (explainers[0].explain(batch, layout) for batch in batches)
        return
    threads, free = torch.get_num_threads(), SimpleQueue[BatchExplainer]()
    for explainer in explainers:
        free.put(explainer)
    share = max(1, threads // len(explainers))
    pool = ThreadPoolExecutor(len(explainers), "xaisigns-explaining", torch.set_num_threads, (share,))

    def explain(batch: Batch) -> Arrays:
        explainer = free.get()
        try:
            return explainer.explain(batch, layout)
        finally:
            free.put(explainer)

    def explained(batches: Iterable[Batch]) -> Iterator[Arrays]:
        waiting: deque[Future[Arrays]] = deque()
        for batch in batches:
            waiting.append(pool.submit(explain, batch))
            if len(waiting) > len(explainers):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    try:
        yield explained
    finally:
        try:
            pool.shutdown(cancel_futures=True)
        finally:
            torch.set_num_threads(threads)  # for threads to come; that of this one has not changed


def joined(parts: Iterable[Arrays]) -> Arrays:
    """The arrays of several batches as one, in the order in which they are to be written."""
    every = list(parts)
    return {name: np.concatenate([part[name] for part in every]) for name in every[0]}
