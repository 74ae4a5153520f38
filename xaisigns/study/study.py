"""What a model says about a data set and why: predictions, relevance and scores, each computed once and kept."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from xaisigns.attribution.methods import Method
from xaisigns.base.progress import Progress, silent
from xaisigns.data.decoded import decode
from xaisigns.data.image_set import ImageSet, Split
from xaisigns.data.layouts import open_images, refuse_broken
from xaisigns.data.manipulation import Manipulation
from xaisigns.metrics.catalogue import Metric
from xaisigns.metrics.explanation import Explanation
from xaisigns.model.evaluation import refuse_unknown_classes
from xaisigns.model.explainable import Explainable, batch_for
from xaisigns.study.attributions.stored import Stored
from xaisigns.study.cases import Cases, Masks, find_cases
from xaisigns.study.measuring import Scoring, calls_again, explain_cases, explanation_of
from xaisigns.study.model_cache import Arrays, ModelCache
from xaisigns.study.predictions import kept_predictions

Data = ImageSet | Path | str | None

_PROBE = 8  # images that the time is judged by


def images_of(data: Data, split: Split = "test", progress: Progress = silent) -> ImageSet:
    """A data set as it is; of a folder, or of the drawn signs where there is none, the images of the split."""
    if isinstance(data, ImageSet):
        refuse_broken(data)
        return data
    return open_images(data, split, progress=progress)


@dataclass(frozen=True, eq=False)
class Scores:
    """Each image's score ``(N,)`` by method and metric, and the seconds that each method took for all images.

    They are those of the time when the images were explained, which may be long ago.
    """

    values: dict[str, dict[str, Tensor]]
    seconds: dict[str, float]


class Study:
    """A model on the images of a data set.

    All that is computed is kept on disk under the model's weights and settings, the pixels and the code that made it;
    but nothing of a method or a metric whose name does not say all that it does. What weights become behind torch's
    back, by ``.data``, while a study lasts is not seen; a new study sees it. What a ``store`` of the model and the data
    has is taken from there. ``progress`` hears of all of it. Raises DataError for missing or broken data, and for
    classes that the model does not have, and what ``Stored`` does.
    """

    def __init__(
        self, model: Explainable, data: ImageSet, progress: Progress = silent, store: Path | str | None = None
    ) -> None:
        refuse_unknown_classes(model, data)
        self._stored = None if store is None else Stored(store, model, data, progress)
        self.model, self.data, self.cache, self._progress = model, data, ModelCache(model), progress
        self.labels = torch.tensor([sample.class_id for sample in data.samples])

    @property
    def sticker_class(self) -> int | None:
        """The class that had stickers in the model's training."""
        return self.model.manipulation.class_id if self.model.manipulation else None

    @property
    def stickers(self) -> Manipulation | None:
        """Stickers like those of the training, on every image; None for a model that was trained without."""
        trained_with = self.model.manipulation
        return None if trained_with is None or trained_with.class_id is None else trained_with.everywhere()

    @cached_property
    def logits(self) -> Tensor:
        """What the model says about each image, ``(N, classes)``."""
        return self._stored.logits if self._stored else self._predicted(None)

    @cached_property
    def stickered_logits(self) -> Tensor | None:
        """The same with ``stickers`` on the images; None where there are none."""
        return self._predicted(self.stickers) if self.stickers else None

    @cached_property
    def probabilities(self) -> Tensor:
        """Of each image for each class, ``(N, classes)``."""
        return self.logits.softmax(dim=1)

    @cached_property
    def stickered_probabilities(self) -> Tensor | None:
        """The same with ``stickers`` on the images; None where there are none."""
        return None if self.stickered_logits is None else self.stickered_logits.softmax(dim=1)

    def truth(self, classes: Sequence[int] | None = None) -> Masks:
        """What relevance should lie on: the sticker, where one turns any image into its class, else the sign.

        ``classes`` are those whose images count, without them all.
        """
        if self.stickered_logits is None or self.sticker_class is None:
            return "roi"
        turned = self.stickered_logits.argmax(dim=1).eq(self.sticker_class) & self.labels.ne(self.sticker_class)
        if classes is not None:
            turned &= torch.isin(self.labels, torch.tensor(classes))
        return "sticker" if bool(turned.any()) else "roi"

    def cases(self, kind: Masks | None, per_class: int, seed: int, classes: Sequence[int] | None = None) -> Cases:
        """Images to explain and score, as ``find_cases`` draws them."""
        return find_cases(self.model, self.data, kind, per_class, seed=seed, classes=classes, progress=self._progress)

    def heatmaps_of(self, cases: Cases, method: Method) -> NDArray[np.float32]:
        """What speaks for the cases' targets, ``(N, S, S)``."""
        kept = self._stored.heatmaps(self._stored.places(cases), cases.target.tolist(), method) if self._stored else {}
        return self._completed(cases, method, kept)

    def heatmaps(
        self,
        pictures: Sequence[Image.Image],
        target: Sequence[int],
        method: Method,
        places: Sequence[int | None] | None = None,
    ) -> NDArray[np.float32]:
        """What speaks for ``target`` in each picture, ``(N, S, S)``.

        ``places`` tell of pictures of the data as they lie there which these are, None for others.
        """
        if not pictures:
            return np.zeros((0, 0, 0), dtype=np.float32)
        images = batch_for(self.model, pictures)
        targets = torch.tensor(target)
        anywhere = torch.ones_like(images[:, 0], dtype=torch.bool)
        cases = Cases("image", images, anywhere, targets, targets, ("",) * len(target))
        kept = self._stored.heatmaps(places, target, method) if self._stored and places is not None else {}
        return self._completed(cases, method, kept)

    def _completed(self, cases: Cases, method: Method, kept: Mapping[int, NDArray[np.float32]]) -> NDArray[np.float32]:
        """The heatmaps of all cases, of which those that are not ``kept`` are made."""
        others = [place for place in range(len(cases)) if place not in kept]
        if not others:
            return np.stack([kept[place] for place in range(len(cases))])
        count = _Count(self._progress, method.name, len(others))
        relevance, _ = self._explained(cases.at(others) if kept else cases, method, count.add)
        made = relevance.sum(dim=1).numpy()
        if not kept:
            return made
        whole = np.empty((len(cases), *made.shape[1:]), dtype=np.float32)
        whole[others] = made
        for place, heatmap in kept.items():
            whole[place] = heatmap
        return whole

    def scores(self, cases: Cases, methods: Sequence[Method], scoring: Scoring) -> Scores:
        """Measure each method on the cases.

        Raises MetricError for more steps than there are pixels, and where the cases can have none of the metrics.
        """
        scoring.check_steps(cases.images[0, 0].numel())
        groups = scoring.metrics(cases)
        count = _Count(self._progress, "scoring", len(methods) * len(cases) * (1 + len(groups)))
        found = Scores({}, {})
        for method in methods:
            stored = self._stored_scores(cases, method, scoring, groups)
            scores = found.values.setdefault(method.name, stored)
            if all(metric.name in stored for metrics in groups.values() for metric in metrics):
                count.add(len(cases) * (1 + len(groups)))
                continue
            relevance, found.seconds[method.name] = self._explained(cases, method, count.add)
            explanation = explanation_of(self.model, cases, method, relevance, scoring)
            for metrics in groups.values():
                for metric in metrics:
                    # A stored one goes to its place among the others.
                    kept = scores.pop(metric.name, None)
                    scores[metric.name] = (
                        self._measured(cases, method, scoring, metric, explanation) if kept is None else kept
                    )
                count.add(len(cases))
        return found

    def expected_seconds(self, cases: Cases, methods: Sequence[Method], scoring: Scoring) -> float:
        """About how long the metrics will take that ask a method again and again, judged by one call for a few images.

        0 where there are none, and for what has been measured before.
        """
        few = slice(0, _PROBE)
        seconds = 0.0
        for group, metrics in scoring.metrics(cases).items():
            calls = calls_again(self.model, group)
            for method in methods if calls else ():
                if len(self._stored_scores(cases, method, scoring, {group: metrics})) == len(metrics):
                    continue
                keys = [_score_key(cases, method, scoring, metric) for metric in metrics]
                if all(self.cache.has("scores", key, keep=keep) for key, keep in keys):
                    continue
                start = time.monotonic()
                method(self.model, cases.images[few], cases.target[few])
                seconds += (time.monotonic() - start) * calls * len(cases) / len(cases.images[few])
        return seconds

    def _stored_scores(
        self, cases: Cases, method: Method, scoring: Scoring, groups: Mapping[str, Sequence[Metric]]
    ) -> dict[str, Tensor]:
        """Those that the store has, by metric."""
        every = [metric for metrics in groups.values() for metric in metrics] if self._stored else []
        found = {metric.name: self._stored.scores(cases, method, metric, scoring) for metric in every if self._stored}
        return {name: scores for name, scores in found.items() if scores is not None}

    def _predicted(self, stickers: Manipulation | None) -> Tensor:
        pixels = decode(self.data, self.model.preprocessing.input_size, stickers, progress=self._progress)
        return torch.from_numpy(kept_predictions(self.model, pixels, self.cache, self._progress))

    def _explained(self, cases: Cases, method: Method, done: Callable[[int], None]) -> tuple[Tensor, float]:
        """Relevance, and the seconds that it took; ``done`` hears of each image, whether it is computed or was kept."""
        heard = 0

        def hear(images: int) -> None:
            nonlocal heard
            heard += images
            done(images)

        def make() -> Arrays:
            start = time.monotonic()
            relevance = explain_cases(self.model, cases, method, hear)
            return {"relevance": relevance.numpy(force=True), "seconds": np.array(time.monotonic() - start)}

        found = self.cache.recall("relevance", [method.key, cases.digest], make, keep=method.known)
        if heard < len(cases):
            done(len(cases) - heard)
        return torch.from_numpy(found["relevance"]), float(found["seconds"])

    def _measured(
        self, cases: Cases, method: Method, scoring: Scoring, metric: Metric, explanation: Explanation
    ) -> Tensor:
        def make() -> Arrays:
            return {"scores": metric.measure(explanation).numpy()}

        key, keep = _score_key(cases, method, scoring, metric)
        return torch.from_numpy(self.cache.recall("scores", key, make, keep=keep)["scores"])


def _score_key(cases: Cases, method: Method, scoring: Scoring, metric: Metric) -> tuple[list[Any], bool]:
    """Under what a metric's scores are kept, and whether they may be."""
    key = [method.key, cases.digest, metric.name, scoring.steps, scoring.filling, scoring.seed, scoring.precision]
    return key, method.known and metric.known


class _Count:
    """Adds up how much of a work is done."""

    def __init__(self, progress: Progress, work: str, total: int) -> None:
        self._progress, self._work, self._total, self._done = progress, work, total, 0

    def add(self, parts: int) -> None:
        self._done += parts
        self._progress(self._work, self._done, self._total)
