"""Reads a store: lazily, by image, class and method, as NumPy arrays."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaisigns.attribution.methods import find_method
from xaisigns.base.bounds import shown
from xaisigns.data.image_set import ClassNames, ImageSet
from xaisigns.errors import DataError, MethodError, MetricError, RuleError, XaisignsError
from xaisigns.study.attributions.halves import from_halves
from xaisigns.study.attributions.identity import Identity
from xaisigns.study.attributions.layout import EXPLAINED, MISSING, SKIPPED, opened, rows_of

Where = int | slice | Sequence[int] | NDArray[Any] | None


class AttributionStore:
    """The attributions of a data set, as ``open_store`` gives them; nothing is read before it is asked for.

    ``methods``, ``layers`` and ``metrics`` are their names, ``keys`` the names and ``labels`` the classes of the
    images. All that is asked for takes ``where``: an image's number, a slice, several numbers or a bool for each image;
    None for all. What is not known of an image, since it was skipped or is not explained yet, is NaN, its class -1.
    Raises DataError for a folder that is no store, and where what is asked for is damaged.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._group, self.identity, self._layout, self.class_names = opened(self.path)
        self.methods: list[str] = list(self._layout.methods)
        self.layers: list[str] = list(self._layout.layers)
        self.metrics: list[str] = list(self._layout.metrics)

    identity: Identity
    class_names: ClassNames

    @property
    def classes(self) -> int:
        """How many classes the model tells apart."""
        return self._layout.classes

    @property
    def side(self) -> int:
        """The side of a heatmap in pixels."""
        return self._layout.side

    def __len__(self) -> int:
        return self._layout.images

    def __repr__(self) -> str:
        return f"<store {self.path}: {len(self)} images, {', '.join(self.methods)}>"

    @cached_property
    def keys(self) -> list[str]:
        """The images' names within their split."""
        return [str(key) for key in self._read("key", None)]

    @property
    def paths(self) -> list[str]:
        """The images' files."""
        return [str(path) for path in self._read("path", None)]

    @property
    def digests(self) -> NDArray[np.uint8]:
        """SHA-256 of the images' files as they were explained, ``(N, 32)``."""
        return self._read("digest", None)

    @cached_property
    def labels(self) -> NDArray[np.int32]:
        """The images' true classes, ``(N,)``."""
        return self._read("label", None)

    @property
    def explained(self) -> NDArray[np.bool_]:
        """Which images are explained, ``(N,)``, as far as the store has come now."""
        states = self._read("state", None)
        return np.asarray(states == EXPLAINED)

    @property
    def finished(self) -> bool:
        """Whether every image is explained or skipped."""
        return not (self._read("state", None) == MISSING).any()

    @property
    def skipped(self) -> list[dict[str, str]]:
        """The ``image`` and the ``error`` of each that could not be read."""
        rows = np.flatnonzero(self._read("state", None) == SKIPPED)
        if not len(rows):
            return []
        paths, errors = self.paths, self._read("error", rows)
        return [{"image": paths[row], "error": str(error)} for row, error in zip(rows, errors, strict=True)]

    def place(self, key: str) -> int:
        """The number of the image with this name. Raises DataError for none."""
        if key not in self.keys:
            raise DataError(f"{self.path} has no image {shown(key)}; there are {shown(self.keys)[1:-1]}")
        return self.keys.index(key)

    def of_class(self, class_id: int) -> NDArray[np.int64]:
        """The numbers of the images of a true class, in their order."""
        return np.flatnonzero(self.labels == class_id)

    def logits(self, where: Where = None) -> NDArray[np.float32]:
        """What the model says, ``(N, classes)``, of one image ``(classes,)``."""
        return self._read("logits", where)

    def predicted(self, where: Where = None) -> NDArray[np.int32]:
        """The class of the highest logit, ``(N,)``."""
        return self._read("predicted", where)

    def targets(self, where: Where = None) -> NDArray[np.int32]:
        """The class that is explained, ``(N,)``."""
        return self._read("target", where)

    def heatmaps(self, method: str, where: Where = None) -> NDArray[np.float32]:
        """The relevance summed over the channels, ``(N, S, S)`` in the method's unit, of one image ``(S, S)``.

        Raises MethodError for a method that the store does not have.
        """
        row = self._method(method, self.methods)
        found = self._read("heatmaps", where, row)
        if not self._layout.half:
            return found
        scales = self._read("scale", where, row)
        return from_halves(found, scales)

    def layer(self, layer: str, method: str = "lrp", where: Where = None) -> NDArray[np.float32]:
        """The relevance of each channel of an inner layer, summed over space, ``(N, C)`` in units of the logit.

        Raises RuleError for a layer, and MethodError for a method that the store does not have.
        """
        if layer not in self.layers:
            raise RuleError(f"{self.path} has no layer {shown(layer)}; there are {', '.join(self.layers) or 'none'}")
        return self._read(f"layers/{layer}", where, self._method(method, list(self._layout.inner)))

    @property
    def listened(self) -> dict[str, int]:
        """The layers of which ``responses`` are kept, side by side, and how many channels each has; none without."""
        return dict(self._layout.responses)

    def responses(self, where: Where = None) -> NDArray[np.float16]:
        """What the channels of the ``listened`` layers answer in 16 equal parts of the image, ``(N, 16, C)``.

        Raises DataError for a store without.
        """
        if not self.listened:
            raise DataError(
                f"{self.path} has no responses of inner layers: write it with 'xaisigns attribute --responses'"
            )
        found: NDArray[np.float16] = self._read("responses", where)
        return found

    def scores(self, metric: str, method: str, where: Where = None) -> NDArray[np.float32]:
        """Each image's score, ``(N,)``, NaN where it has none.

        Raises MetricError for a metric, and MethodError for a method that the store does not have.
        """
        if metric not in self.metrics:
            raise MetricError(
                f"{self.path} has no scores {shown(metric)}; there are {', '.join(self.metrics) or 'none'}"
            )
        return self._read("scores", where, self._method(method, self.methods), self.metrics.index(metric))

    def _method(self, wanted: str, there: list[str]) -> int:
        try:
            keys = [find_method(name).key for name in there]
            return keys.index(find_method(wanted).key)
        except (XaisignsError, ValueError) as error:
            if wanted in there:  # one of the caller's own, which is not registered here
                return there.index(wanted)
            raise MethodError(
                f"{self.path} has no method {shown(wanted)}; there are {', '.join(there) or 'none'}"
            ) from error

    def _read(self, name: str, where: Where, *further: int) -> NDArray[Any]:
        # NumPy takes negative numbers, and bool, too.
        chosen: Any = np.arange(len(self))[slice(None) if where is None else where]
        if chosen.ndim > 1:
            raise IndexError(f"images are a number, a slice or one list of numbers or of bools, not {shown(where)}")
        plain = slice(None) if where is None else chosen
        found: NDArray[Any] = rows_of(self.path, self._group, name, plain, *further)
        return found


def first_other(store: AttributionStore, data: ImageSet, digests: NDArray[np.uint8]) -> str:
    """The first of the images whose file is another than the store was made with; empty where nobody can tell."""
    there = store.digests
    if there.shape != digests.shape or (there == digests).all():
        return ""
    return str(data.samples[int((there != digests).any(axis=1).argmax())].path)


def open_store(path: Path | str) -> AttributionStore:
    """Open what ``write_store`` or ``xaisigns attribute`` wrote, to read from it; it may be written still.

    Raises DataError for a folder that is no such store, OutputError without the extra ``scale``.
    """
    return AttributionStore(path)
