"""Images of a data set in fixed batches, decoded by threads ahead of whoever takes them."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xaisigns.data.image_set import ImageSet, Sample
from xaisigns.data.preprocessing import is_large, read_image, resize, resize_mask
from xaisigns.errors import DataError
from xaisigns.study.cases import sign_mask

_AHEAD = 4  # batches
_THREADS = 4


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
    small, large = ThreadPoolExecutor(_THREADS, "xaisigns-decoding"), ThreadPoolExecutor(1, "xaisigns-decoding-large")
    waiting: deque[tuple[range, list[Future[_Image | DataError]]]] = deque()
    try:
        for places in batches:
            tasks = [small.submit(_task, data, data.samples[place], size, large) for place in places]
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


def _task(data: ImageSet, sample: Sample, size: int, large: ThreadPoolExecutor) -> "_Image | DataError":
    try:
        # Large ones in one thread alone: each of the others would keep the memory of its largest.
        if is_large(sample.path):
            return large.submit(_decoded, data, sample, size).result()
        return _decoded(data, sample, size)
    except DataError as error:
        return error


def _decoded(data: ImageSet, sample: Sample, size: int) -> _Image:
    image = read_image(sample.path)
    mask = resize_mask(sign_mask(data, sample, image), size) if data.has_boxes else None
    return _Image(resize(image, size), mask)


def _batch(places: range, tasks: "list[Future[_Image | DataError]]", size: int) -> Batch:
    found = {place: task.result() for place, task in zip(places, tasks, strict=True)}
    images = {place: one for place, one in found.items() if isinstance(one, _Image)}
    masks = [one.mask for one in images.values() if one.mask is not None]
    return Batch(
        places,
        list(images),
        np.stack([one.pixels for one in images.values()]) if images else np.zeros((0, size, size, 3), np.uint8),
        np.stack(masks) if masks else None,
        {place: str(one) for place, one in found.items() if isinstance(one, DataError)},
    )
