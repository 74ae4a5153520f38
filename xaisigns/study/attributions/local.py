"""The local engine: one process explains, threads decode ahead of it, and one writes behind it."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaisigns.data.image_set import ImageSet
from xaisigns.study.attributions.ahead import decoded_ahead
from xaisigns.study.attributions.explaining import BatchExplainer
from xaisigns.study.attributions.layout import Arrays, Layout


def explain_shards(
    explainer: BatchExplainer,
    data: ImageSet,
    layout: Layout,
    shards: Sequence[int],
    write: Callable[[int, Arrays], None],
    done: Callable[[int], None],
) -> None:
    """Explain the shards one after the other and hand each to ``write``, in another thread, in their order.

    At most two are in memory. ``done`` hears how many images each batch had. Raises what ``explainer`` and ``write``
    raise.
    """
    batches = [(shard, places) for shard in shards for places in layout.batches(shard)]
    pending: Future[None] | None = None
    parts: list[dict[str, NDArray[Any]]] = []
    with ThreadPoolExecutor(1, "xaisigns-writing") as writer:
        decoded = decoded_ahead(data, layout.side, [places for _, places in batches])
        for (shard, places), batch in zip(batches, decoded, strict=True):
            parts.append(explainer.explain(batch, layout))
            done(len(places))
            if places.stop == layout.places(shard).stop:
                if pending:
                    pending.result()
                pending = writer.submit(write, shard, joined(parts))
                parts = []
        if pending:
            pending.result()


def joined(parts: Iterable[Arrays]) -> dict[str, NDArray[Any]]:
    """The arrays of several batches as one, in the order in which they are to be written."""
    every = list(parts)
    return {name: np.concatenate([part[name] for part in every]) for name in every[0]}
