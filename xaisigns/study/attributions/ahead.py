"""Images of a data set in fixed batches, decoded by threads ahead of whoever takes them."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from xaisigns.data.image_set import ImageSet, Sample
from xaisigns.data.preprocessing import is_large, read_image, resize, resize_mask
from xaisigns.errors import DataError
from xaisigns.study.cases import sign_mask

_AHEAD = 4  # batches
_THREADS = 4  # at most; of small images each waits for Python's lock half of the time


@dataclass(frozen=True, eq=False)
class Batch:
    """The images at ``places`` of a data set, as far as they can be read.

    ``read`` are the places of those that can, ``pixels`` ``(N, S, S, 3)`` uint8, and ``masks`` ``(N, S, S)`` bool where
    the signs are, None where nobody knows. ``errors`` say by place what is wrong with the others.
    """

    places: range
    read: list[int]
    pixels: NDArray[np.uint8]
    masks: NDArray[np.bool_] | None
    errors: dict[int, str]


def decoded_ahead(data: ImageSet, size: int, batches: Iterable[range]) -> Iterator[Batch]:
    """The batches in their order, whose pixels are those of ``decode``; a few are ready before they are asked for."""
    threads = max(1, min(_THREADS, torch.get_num_threads() // 2))
    small, large = ThreadPoolExecutor(threads, "xaisigns-decoding"), ThreadPoolExecutor(1, "xaisigns-decoding-large")
    masked = data.has_boxes  # asks every sample
    waiting: deque[tuple[range, list[Future[list[_Image | DataError]]]]] = deque()

    def decoded(places: range) -> "list[_Image | DataError]":
        return [_task(data, data.samples[place], size, large, masked=masked) for place in places]

    try:
        for places in batches:
            # Several images for each task: one is decoded sooner than a task is handed over.
            part = -(-len(places) // threads)
            tasks = [small.submit(decoded, places[start : start + part]) for start in range(0, len(places), part)]
            waiting.append((places, tasks))
            if len(waiting) > _AHEAD:
                yield _batch(*waiting.popleft(), size)
        while waiting:
            yield _batch(*waiting.popleft(), size)
    finally:
        for pool in (small, large):
            pool.shutdown(cancel_futures=True)


class _Image(NamedTuple):
    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_] | None


def _task(
    data: ImageSet, sample: Sample, size: int, large: ThreadPoolExecutor, *, masked: bool
) -> "_Image | DataError":
    try:
        # Large ones in one thread alone: each of the others would keep the memory of its largest.
        if is_large(sample.path):
            return large.submit(_decoded, data, sample, size, masked=masked).result()
        return _decoded(data, sample, size, masked=masked)
    except DataError as error:
        return error


def _decoded(data: ImageSet, sample: Sample, size: int, *, masked: bool) -> _Image:
    image = read_image(sample.path)
    mask = resize_mask(sign_mask(data, sample, image), size) if masked else None
    return _Image(resize(image, size), mask)


def _batch(places: range, tasks: "list[Future[list[_Image | DataError]]]", size: int) -> Batch:
    found = dict(zip(places, chain.from_iterable(task.result() for task in tasks), strict=True))
    images = {place: one for place, one in found.items() if isinstance(one, _Image)}
    masks = [one.mask for one in images.values() if one.mask is not None]
    return Batch(
        places,
        list(images),
        np.stack([one.pixels for one in images.values()]) if images else np.zeros((0, size, size, 3), np.uint8),
        np.stack(masks) if masks else None,
        {place: str(one) for place, one in found.items() if isinstance(one, DataError)},
    )
