"""What a model does with a feature and without it, on images and with patches that a repair has not used."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from xaisigns.audit.evidence import Rate
from xaisigns.audit.findings import ToldRate
from xaisigns.audit.repair.feature import Feature
from xaisigns.audit.repair.masks import Pixels
from xaisigns.audit.repair.views import as_it_was, hidden
from xaisigns.audit.telling import told_rate
from xaisigns.audit.transplant import called
from xaisigns.data.decoded import Images
from xaisigns.model.evaluation import predict
from xaisigns.model.explainable import Explainable

_TARGETS = 20  # images of other classes, for each patch
_TESTED = 4000  # images at most, drawn evenly


class Measured(BaseModel):
    """Rates, each with its 95% interval.

    ``others`` of the other classes' images that are called by their class, and ``own`` of the class's, None where there
    are none. ``flips`` of other classes' images that are called the class once the feature is laid on them, and
    ``right`` of these that are still called by their own. ``without`` of images of the class with the feature hidden
    that are called by it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    others: ToldRate
    own: ToldRate | None
    flips: ToldRate
    right: ToldRate
    without: ToldRate


class Judged(NamedTuple):
    """What was measured, and whether each plain image is right, of the ``others`` ``(n,)`` and the class's ``own``."""

    told: Measured
    others: NDArray[np.bool_]
    own: NDArray[np.bool_]


def judged(model: Explainable, features: Sequence[Feature], tested: Images, seed: int = 0) -> list[Judged]:
    """What the model does with images ``tested``, plain and with each feature, and with its sources without it.

    Of more than 4,000 images as many are drawn by ``seed``.
    """
    if len(tested.pixels) > _TESTED:
        some = np.sort(np.random.default_rng(seed).choice(len(tested.pixels), _TESTED, replace=False))
        tested = Images(tested.pixels[some], tested.labels[some])
    labels = np.asarray(tested.labels)
    right = predict(model, tested.pixels).argmax(dim=1).numpy() == labels
    found = []
    for feature in features:
        of_class = labels == feature.class_id
        others, own = right[~of_class], right[of_class]
        targets, marked = _marked(feature, tested, labels, seed)
        answers = called(model, marked)
        told = Measured(
            others=_rate(others),
            own=_rate(own) if own.size else None,
            flips=_rate(answers == feature.class_id),
            right=_rate(answers == labels[targets]),
            without=_without(model, feature, np.asarray(tested.pixels[targets[:_TARGETS]]), seed),
        )
        found.append(Judged(told, others, own))
    return found


def _marked(feature: Feature, tested: Images, labels: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], Pixels]:
    """Places of images of other classes, drawn for each source, and these with what it gives."""
    random = np.random.default_rng([seed, feature.class_id])
    others = np.flatnonzero(labels != feature.class_id)
    count = min(_TARGETS, len(others))
    places = [np.sort(random.choice(others, count, replace=False)) for _ in feature.sources]
    targets = [np.asarray(tested.pixels[chosen]) for chosen in places]
    return np.concatenate(places), np.concatenate([as_it_was(feature, n, of) for n, of in enumerate(targets)])


def _without(model: Explainable, feature: Feature, others: Pixels, seed: int) -> ToldRate:
    random = np.random.default_rng([seed, feature.class_id, 1])
    every = np.arange(len(feature.sources))
    images = hidden(feature, every, feature.sources, others[random.integers(len(others), size=len(every))], random)
    return _rate(called(model, images) == feature.class_id)


def _rate(hits: NDArray[np.bool_]) -> ToldRate:
    return told_rate(Rate(int(hits.sum()), len(hits)))
