"""What a store has of a study's images: of these nothing is computed."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xaisigns.attribution.methods import Method
from xaisigns.base.progress import Progress, silent
from xaisigns.data.image_set import ImageSet
from xaisigns.errors import DataError
from xaisigns.metrics.catalogue import Metric
from xaisigns.model.explainable import Explainable
from xaisigns.study.attributions.identity import digests_of, origin_of, refuse_another
from xaisigns.study.attributions.store import AttributionStore, first_other
from xaisigns.study.cases import Cases
from xaisigns.study.measuring import ONCE_ASKED, Scoring
from xaisigns.study.responses import Responses


class Stored:
    """A finished store of this very model and these images, written by this code.

    Raises OutputError for a store of something else, with both sides, and without the extra ``scale``; DataError for a
    folder that is no store, for one that is not finished, and for an image that cannot be read.
    """

    def __init__(self, path: Path | str, model: Explainable, data: ImageSet, progress: Progress = silent) -> None:
        self.store = store = AttributionStore(path)
        digests = digests_of(data, progress)
        origin = origin_of(model, data, digests)
        refuse_another(store.path, store.identity, origin, lambda: first_other(store, data, digests))
        if not store.finished:
            raise DataError(f"{path} is not finished: let 'xaisigns attribute' go on with it first")
        if store.skipped:
            raise DataError(f"{store.skipped[0]['error']}; bring it back, or leave it out of the data")

    @cached_property
    def logits(self) -> Tensor:
        """Of all images, ``(N, classes)``."""
        return torch.from_numpy(self.store.logits())

    def heatmaps(
        self, places: Sequence[int | None], target: Sequence[int], method: Method
    ) -> dict[int, NDArray[np.float32]]:
        """By its number in ``places`` the heatmap ``(S, S)`` of each image that was explained for its ``target``.

        A place is that of an image in the data, None for one that is not there.
        """
        name = self._name(method)
        if name is None:
            return {}
        asked = [number for number, place in enumerate(places) if place is not None]
        rows = np.array([places[number] for number in asked], dtype=np.int64)
        there = self.store.targets(rows) == np.array([target[number] for number in asked], dtype=np.int64)
        kept = self.store.heatmaps(name, rows[there])
        return dict(zip(np.array(asked, dtype=np.int64)[there].tolist(), kept, strict=True))

    def places(self, cases: Cases) -> list[int | None]:
        """Where in the data the cases are; None for those with stickers."""
        return [None if cases.kind == "sticker" else self._places.get(key) for key in cases.keys]

    def scores(self, cases: Cases, method: Method, metric: Metric, scoring: Scoring) -> Tensor | None:
        """Those ``(N,)`` that were measured as ``scoring`` wants it; None where any case has none."""
        store, name, places = self.store, self._name(method), self.places(cases)
        settings = [scoring.steps, scoring.filling, scoring.seed]
        alike = scoring.precision == "full" and store.identity["scoring"] == settings
        known = metric.known and metric.name in store.metrics and (alike or metric.group in ONCE_ASKED)
        if name is None or not known or None in places:
            return None
        rows = np.array(places, dtype=np.int64)
        if (store.targets(rows) != cases.target.numpy(force=True)).any():
            return None
        return torch.from_numpy(store.scores(metric.name, name, rows))

    def responses(self) -> Responses:
        """What an audit listens to. Raises DataError for a store without."""
        return Responses(self.store.logits(), self.store.listened, self.store.responses())

    @cached_property
    def _places(self) -> dict[str, int]:
        return {key: place for place, key in enumerate(self.store.keys)}

    def _name(self, method: Method) -> str | None:
        """What the store calls a method; None where it does not have it."""
        keys = self.store.identity["methods"]
        return self.store.methods[keys.index(method.key)] if method.known and method.key in keys else None
