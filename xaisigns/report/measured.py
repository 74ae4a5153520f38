"""How the methods of a report score on images with known truth, and what they show of whole signs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xaisigns.attribution.methods import Method
from xaisigns.base.language import Language
from xaisigns.base.texts import Texts
from xaisigns.metrics.catalogue import METRICS
from xaisigns.metrics.localisation import relevance_mass
from xaisigns.model.explainable import Preprocessing
from xaisigns.report.heatmaps import Heatmaps, Pixels, scale_limits
from xaisigns.report.scores import Metric, Score, Scores, score_range
from xaisigns.study.cases import Cases
from xaisigns.study.measuring import Scoring, summarised
from xaisigns.study.study import Study

# Which metrics a report shows; how it calls them is in the texts of its scores.
SHOWN_METRICS = (
    "relevance_mass_grown",
    "pointing_game_grown",
    "localisation_auc_grown",
    "flipping_area",
    "sparseness",
)
_WORDS = Texts("report.scores", "xaisigns.report.sections.scores")


@dataclass(frozen=True, eq=False)
class Mean:
    """The mean image ``(H, W, 3)`` and mean heatmaps ``(h, w)`` over ``count`` images of a class."""

    count: int
    image: Pixels
    heatmaps: Heatmaps

    @cached_property
    def limits(self) -> dict[str, float]:
        """Where each heatmap's own scale ends, by method."""
        return scale_limits([self.heatmaps])


class Measured:
    """Scores of all methods on ``examples`` images of each class that is shown, drawn by ``seed``.

    Where none of the ``classes`` that are shown has an image they are of all others.
    """

    def __init__(
        self,
        study: Study,
        methods: Sequence[Method],
        examples: int,
        seed: int,
        classes: Sequence[int],
        language: Language,
    ) -> None:
        self._seed, self._preprocessing, self._language = seed, study.model.preprocessing, language
        of = sorted(set(classes) & set(study.labels.tolist())) or None  # all, where none has an image
        truth = study.truth(of)
        self.cases = study.cases(truth, examples, seed, of)
        self.signs = self.cases if truth == "roi" else study.cases("roi", examples, seed, of)
        self._study, self._methods = study, methods
        self._values = study.scores(self.cases, methods, Scoring(seed=seed)).values
        self._heatmaps = {method.name: study.heatmaps_of(self.signs, method) for method in methods}
        measured: Mapping[str, Tensor] = next(iter(self._values.values()), {})
        self._measured = [metric for metric in SHOWN_METRICS if metric in measured]
        self.scores = self._scores(None)
        self.class_scores = {class_id: self._scores(class_id) for class_id in classes}
        self.metrics = tuple(map(self._metric, self._measured))

    @cached_property
    def explained(self) -> dict[bool, dict[int, Heatmaps]]:
        """What was explained for what the model calls it, by place in the data: as it lies there, and with stickers.

        Heatmaps are those of all methods that give numbers.
        """
        places = {sample.key: place for place, sample in enumerate(self._study.data.samples)}
        found: dict[bool, dict[int, Heatmaps]] = {False: self._by_place(places, self.signs, self._heatmaps), True: {}}
        if self.cases.kind == "sticker":
            maps = {method.name: self._study.heatmaps_of(self.cases, method) for method in self._methods}
            found[True] = self._by_place(places, self.cases, maps)
        return found

    @staticmethod
    def _by_place(
        places: Mapping[str, int], cases: Cases, maps: Mapping[str, NDArray[np.float32]]
    ) -> dict[int, Heatmaps]:
        return {
            places[key]: {name: every[row] for name, every in maps.items() if np.isfinite(every[row]).all()}
            for row, key in enumerate(cases.keys)
        }

    def _scores(self, class_id: int | None) -> Scores:
        """By metric and method, over all cases, or those of a class."""
        chosen = torch.ones(len(self.cases), dtype=torch.bool) if class_id is None else self.cases.labels == class_id
        if not chosen.any():
            return {}
        values = {
            name: {metric: scores[metric][chosen] for metric in self._measured} for name, scores in self._values.items()
        }
        table = summarised(values, self._seed)
        return {metric: {name: _score(told[metric]) for name, told in table.items()} for metric in self._measured}

    def _metric(self, name: str) -> Metric:
        words = _WORDS.all(self._language)
        truth = words[f"truth_{self.cases.kind}"] if self.cases.kind != "image" else ""
        label, told = (words[key].format(truth=truth) for key in (name, f"{name}_told"))
        axis = score_range([self.scores, *self.class_scores.values()], name)
        return Metric(name, label, METRICS[name].better or "higher", told, axis)

    def mean(self, class_id: int) -> Mean | None:
        """Means over the signs of a class that were classified correctly."""
        chosen = (self.signs.labels == class_id) & (self.signs.target == class_id)
        if not chosen.any():
            return None
        rows = chosen.numpy()
        maps = {name: heatmaps[rows].mean(axis=0) for name, heatmaps in self._heatmaps.items()}
        finite = {name: heatmap for name, heatmap in maps.items() if np.isfinite(heatmap).all()}
        return Mean(int(chosen.sum()), _pixels(self._preprocessing, self.signs.images[chosen].mean(dim=0)), finite)

    def inside(self, class_id: int) -> dict[str, float]:
        """Each method's mean share of positive relevance inside the signs of a class; none where no box is known."""
        chosen = (self.signs.labels == class_id) & (self.signs.kind == "roi")
        shares = {
            name: float(relevance_mass(torch.from_numpy(heatmaps)[chosen][:, None], self.signs.masks[chosen]).nanmean())
            for name, heatmaps in (self._heatmaps.items() if chosen.any() else ())
        }
        return {name: share for name, share in shares.items() if math.isfinite(share)}


def _score(told: Mapping[str, Any]) -> Score:
    numbers = (told["value"], *told["interval"])
    return Score(*(math.nan if number is None else number for number in numbers))


def _pixels(preprocessing: Preprocessing, image: Tensor) -> Pixels:
    """A normalised image ``(3, S, S)`` as people see it."""
    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
    pixels: Pixels = ((image.cpu() * std + mean).clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    return pixels
