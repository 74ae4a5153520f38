"""A data set decoded once: uint8 pixels at the network's size in a memory-mapped file, and its split by track."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xaisigns.base.cache import cached_rows, made_by
from xaisigns.base.cache_folder import cache_folder
from xaisigns.base.progress import Progress, silent
from xaisigns.data.image_set import ImageSet, Sample
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.preprocessing import is_large, read_image, resize
from xaisigns.data.stickers import keyed_random
from xaisigns.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor


class Images(NamedTuple):
    """Decoded pixels ``(N, S, S, 3)`` uint8, on disk or in memory, and their classes ``(N,)`` as int64."""

    pixels: NDArray[np.uint8]
    labels: "Tensor"


_MADE_BY = ("data",), ("numpy", "pillow")


def decode(
    data: ImageSet,
    size: int,
    manipulation: Manipulation | None = None,
    *,
    folder: Path | None = None,
    progress: Progress = silent,
) -> NDArray[np.uint8]:
    """All images as a read-only memory map ``(N, size, size, 3)`` uint8, in the order of ``data.samples``.

    With a manipulation, the images that it selects have their stickers. Stored in ``folder`` (default: in the cache)
    and made anew when a file's size or time, an annotation, a setting or the code has changed. ``progress`` gets images
    done and in all while it is made. Raises DataError for an image that cannot be read and OutputError when the folder
    cannot be written.
    """
    family = ["decoded", str(data.root.resolve()), data.split, size, manipulation is not None]
    return cached_rows(
        folder or cache_folder() / "decoded",
        family,
        [made_by(*_MADE_BY), *_state(data.samples, manipulation)],
        (len(data), size, size, 3),
        lambda: _decoded(data.samples, size, manipulation, progress),
    )


def objects_of(samples: Sequence[Sample]) -> NDArray[np.int64]:
    """Numbers ``(N,)`` of the physical signs that the images show: one for each track, and each image without one."""
    numbers: dict[tuple[int, int | str], int] = {}
    return np.array([numbers.setdefault(_object(sample), len(numbers)) for sample in samples], dtype=np.int64)


def split_by_track(samples: Sequence[Sample], fraction: float, seed: int = 0) -> tuple[list[int], list[int]]:
    """Indices for training and for validation, such that no physical sign (track) is in both.

    In every class about ``fraction`` of the tracks, and never all of them, go to validation; an image whose track is
    not known is one by itself. Source: [stallkamp2012man] (the 30 frames of a track show the same sign).
    """
    tracks: dict[int, dict[int | str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, sample in enumerate(samples):
        class_id, track = _object(sample)
        tracks[class_id][track].append(index)
    validation: list[int] = []
    for class_id, of_class in tracks.items():
        order = sorted(of_class, key=lambda track: keyed_random(seed, f"split/{class_id}/{track}").random())
        count = min(round(fraction * len(order)), len(order) - 1)
        validation += [index for track in order[:count] for index in of_class[track]]
    held_out = set(validation)
    return [index for index in range(len(samples)) if index not in held_out], sorted(validation)


def _object(sample: Sample) -> tuple[int, int | str]:
    return sample.class_id, sample.key if sample.track is None else sample.track


def _decoded(
    samples: Sequence[Sample],
    size: int,
    manipulation: Manipulation | None,
    progress: Progress,
) -> Iterator[NDArray[np.uint8]]:
    def pixels(sample: Sample) -> NDArray[np.uint8]:
        image = read_image(sample.path)
        if manipulation and manipulation.selects(sample):
            image, _ = manipulation.apply(image, sample)
        return resize(image, size)

    with ThreadPoolExecutor() as pool:
        small = pool.map(lambda sample: None if is_large(sample.path) else pixels(sample), samples)
        for index, image in enumerate(small):
            # Large ones in this thread alone: each of the others would keep the memory of its largest.
            yield pixels(samples[index]) if image is None else image
            progress("decoding", index + 1, len(samples))


def _state(samples: Sequence[Sample], manipulation: Manipulation | None) -> list[Any]:
    files = []
    for sample in samples:
        try:
            status = sample.path.stat()
        except OSError as error:
            raise DataError(f"{sample.path} is missing") from error
        # A program may set the time of the content, but not that of the change.
        times = status.st_mtime_ns, status.st_ctime_ns
        files.append((str(sample.path), status.st_size, *times, sample.key, sample.class_id, sample.roi))
    return [manipulation.to_json() if manipulation else None, files]
