"""The batches of an unlearning: images of the feature's class, and of all others with the feature, hidden and plain."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xaisigns.audit.repair.feature import Feature
from xaisigns.audit.repair.masks import Pixels
from xaisigns.audit.repair.settings import FineTuning
from xaisigns.audit.repair.views import hidden, hidden_elsewhere, laid_on
from xaisigns.data.decoded import Images

_BY_ERROR = 0.5  # of the images of other classes, that are drawn by how wrong their class is
_FORGETTING = 0.97  # the decay of that mean


class Batch(NamedTuple):
    """Images ``(n, S, S, 3)`` with their classes: the feature's own, then others with it, hidden, and as they are."""

    pixels: Pixels
    labels: Tensor
    with_feature: slice
    plain: slice


class Batches:
    """Draws batches of one feature; those of a control have nothing laid on or hidden."""

    def __init__(self, images: Images, feature: Feature, settings: FineTuning, *, control: bool) -> None:
        self.class_id = feature.class_id
        self._pixels, self._labels = images.pixels, np.asarray(images.labels)
        self._feature, self._settings, self._control = feature, settings, control
        self._random = np.random.default_rng([settings.seed, feature.class_id])
        self._own = np.flatnonzero(self._labels == feature.class_id)
        self._others = np.flatnonzero(self._labels != feature.class_id)
        self._classes = np.setdiff1d(self._labels, [feature.class_id])
        self._error = np.ones(self._labels.max() + 1)

    def state(self) -> dict[str, Any]:
        """What the next batches follow from."""
        random = dict(self._random.bit_generator.state)
        words = {name: str(word) for name, word in random.pop("state").items()}  # of 128 bits: none of JSON's numbers
        return {"random": {**random, "state": words}, "error": self._error.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what ``state`` gave."""
        words = {name: int(word) for name, word in state["random"]["state"].items()}
        self._random.bit_generator.state = {**state["random"], "state": words}
        self._error[:] = state["error"]

    def draw(self) -> Batch:
        """The next batch."""
        settings, random = self._settings, self._random
        places, own = self._places()
        pixels, labels = np.array(self._pixels[places]), self._labels[places]
        ends = own + (np.cumsum([settings.pasted, settings.hidden]) * (len(places) - own)).round().astype(int)
        with_feature, hiding = slice(own, ends[0]), slice(ends[0], ends[1])
        if not self._control:
            self._hide_own(pixels[:own])
            pixels[with_feature] = laid_on(self._feature, pixels[with_feature], random)
            part = pixels[hiding]
            pixels[hiding] = hidden_elsewhere(self._feature, part, self._stand_ins(len(part)), random)
        return Batch(pixels, torch.from_numpy(labels), with_feature, slice(ends[1], None))

    def learn_from(self, batch: Batch, logits: Tensor) -> None:
        """Note how wrong the network is about each class: more images of those are drawn."""
        probabilities = logits.detach().float().softmax(dim=1).cpu()
        errors = 1 - probabilities[torch.arange(len(batch.labels)), batch.labels]
        for label, error in zip(batch.labels.tolist(), errors.tolist(), strict=True):
            self._error[label] += (1 - _FORGETTING) * (error - self._error[label])

    def plain(self) -> Pixels:
        """As ``draw``, with nothing laid on images of other classes."""
        places, own = self._places()
        pixels = np.array(self._pixels[places])
        if not self._control:
            self._hide_own(pixels[:own])
        return pixels

    def _hide_own(self, pixels: Pixels) -> None:
        rows = np.flatnonzero(self._random.random(len(pixels)) < self._settings.hidden_in_class)
        if len(rows):
            chosen = self._random.integers(len(self._feature.sources), size=len(rows))
            images = self._of_class(chosen)
            pixels[rows] = hidden(self._feature, chosen, images, self._stand_ins(len(rows)), self._random)

    def _of_class(self, chosen: NDArray[np.int64]) -> Pixels:
        """The images to hide the feature in: those that do not have it, where the audit tells some.

        In the ``chosen`` sources whatever else only they have would become the mark of the class.
        """
        without = self._feature.without
        if not len(without):
            return self._feature.sources[chosen]
        return np.asarray(self._pixels[self._random.choice(without, len(chosen))])

    def _stand_ins(self, count: int) -> Pixels:
        return np.asarray(self._pixels[self._of_others(count)])

    def _places(self) -> tuple[NDArray[np.int64], int]:
        """Images of the class, half of those without the feature where there are some, how many, and of the others."""
        settings = self._settings
        own = self._random.choice(self._own, max(1, round(settings.of_class * settings.batch_size)))
        if len(self._feature.without):
            own[: len(own) // 2] = self._random.choice(self._feature.without, len(own) // 2)
        return np.concatenate([own, self._of_others(settings.batch_size - len(own))]), len(own)

    def _of_others(self, count: int) -> NDArray[np.int64]:
        """Places of images of other classes, some from classes drawn by their error, in random order."""
        wrong = self._error[self._classes]
        classes = self._random.choice(self._classes, round(_BY_ERROR * count), p=wrong / wrong.sum())
        by_error = [self._random.choice(np.flatnonzero(self._labels == class_id)) for class_id in classes]
        places = np.array([*by_error, *self._random.choice(self._others, count - len(by_error))], dtype=np.int64)
        return self._random.permutation(places)
