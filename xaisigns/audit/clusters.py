"""The images of a class that a network's middle layers tell from the rest, named without knowing what to look for.

In each part of the image the channels' answers are measured in units of what the other classes' images vary by around
their class's mean: what varies in every class, such as the light, counts little; what only this class has, counts much.
From each image a cluster grows in one part, by how alike its images are there, each judged by the others alone. Of all
that have grown the one is the suspect that many objects have, that lies far off what other classes show, and that few
images lie between.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xaisigns.audit.growing import LEAST, Mask, distances, diversity_of, grown, separations, shown_by
from xaisigns.audit.membership import refined, stability_of
from xaisigns.audit.scatter import Floats, Scatter, scatter_of, whitened
from xaisigns.errors import ShapeError
from xaisigns.study.responses import Responses

_SOUGHT = 400  # images of a class from which clusters grow
_OTHERS = 1000  # images of other classes that a cluster is compared with
_DIVERSE = 0.65  # of the distance of two images of the rest: less is one object, photographed several times
_CHANNELS = 8


@dataclass(frozen=True, eq=False)
class Cluster:
    """``images``, places in the data, that a class's images of ``part`` of the image are parted into.

    ``separation`` and ``stability`` are those of ``Suspect``; ``channels`` of ``layer`` are the ones that answer more
    strongly in the cluster than in the rest of the class's ``count`` images, the strongest first.
    """

    class_id: int
    images: NDArray[np.int64]
    count: int
    separation: float
    stability: float
    part: int
    layer: str
    channels: tuple[int, ...]


class _Found(NamedTuple):
    class_id: int
    separation: float
    part: int
    sample: NDArray[np.int64]  # places among the class's images that were looked at
    members: Mask  # which of these


def clusters(
    responses: Responses, labels: NDArray[np.int64], objects: NDArray[np.int64], seed: int = 0, *, least: float = 0
) -> list[Cluster]:
    """The best cluster of each class in which one has ``least`` separation, the most separated first.

    ``labels`` ``(N,)`` are the classes of the images that answered, and ``objects`` ``(N,)`` number the things that
    they show: several photographs of one thing count once. ``seed`` chooses which images stand for large classes.
    Raises ShapeError when these do not belong together.
    """
    for name, numbers in (("labels", labels), ("objects", objects)):
        if numbers.shape != (len(responses.parts),):
            raise ShapeError(f"{name} must be (N,) = ({len(responses.parts)},), got {numbers.shape}")
    scatter = scatter_of(responses.parts, labels)
    found = [
        _best(scatter, objects, int(class_id), np.random.default_rng([seed, int(class_id)]))
        for class_id in np.unique(labels)
    ]
    chosen = [one for one in _compared([one for one in found if one]) if one.separation >= least]
    chosen.sort(key=lambda one: -one.separation)
    # What tells all of a class's images apart takes long: it is left to those that are wanted.
    return [_whole(responses, scatter, one, np.random.default_rng([seed, one.class_id, 1])) for one in chosen]


def _best(scatter: Scatter, objects: NDArray[np.int64], class_id: int, generator: np.random.Generator) -> _Found | None:
    """The most separated cluster of a class, among some of its images; None where there is none."""
    own = np.flatnonzero(scatter.labels == class_id)
    others = generator.permutation(np.flatnonzero(scatter.labels != class_id))[:_OTHERS]
    sample = np.sort(generator.permutation(len(own))[:_SOUGHT])
    if len(sample) < 2 * LEAST or not len(others):
        return None
    answers, foreign = np.split(whitened(scatter, class_id, np.concatenate([own[sample], others])), [len(sample)])
    distance = distances(answers.reshape(len(answers), -1))
    best: _Found | None = None
    for part in range(answers.shape[1]):
        likeness = answers[:, part] @ answers[:, part].T
        members = grown(likeness)
        shown, diversity = shown_by(objects[own[sample]], members), diversity_of(distance, members)
        allowed = (shown >= LEAST) & (diversity >= _DIVERSE)
        members, shown, diversity = members[:, allowed], shown[allowed], diversity[allowed]
        if members.size:
            separation = separations(answers[:, part], foreign[:, part], members, shown)
            separation *= np.minimum(diversity, 1)
            first = int(separation.argmax())
            if best is None or separation[first] > best.separation:
                best = _Found(class_id, float(separation[first]), part, sample, members[:, first])
    return best


def _compared(found: list[_Found]) -> list[_Found]:
    """Each class's separation in units of the other classes' median; 0 where that is none.

    A network of more or larger layers has larger ones throughout.
    """
    compared = []
    for one in found:
        others = [other.separation for other in found if other is not one]
        median = float(np.median(others)) if others else 0.0
        compared.append(one._replace(separation=one.separation / median if median > 0 else 0.0))
    return compared


def _whole(responses: Responses, scatter: Scatter, found: _Found, generator: np.random.Generator) -> Cluster:
    """The cluster among all images of the class."""
    own = np.flatnonzero(scatter.labels == found.class_id)
    answers = whitened(scatter, found.class_id, own, [found.part])[:, 0]
    members = refined(answers, found.sample, found.members)
    layer, channels = _channels(responses, scatter.residuals[own, found.part].astype(np.float32), members)
    return Cluster(
        class_id=found.class_id,
        images=own[members],
        count=len(own),
        separation=found.separation,
        stability=stability_of(answers, members, generator),
        part=found.part,
        layer=layer,
        channels=channels,
    )


def _channels(responses: Responses, answers: Floats, members: Mask) -> tuple[str, tuple[int, ...]]:
    """The layer whose strongest channels tell the cluster best from the rest, and these channels."""
    spread = answers[~members].std(axis=0)
    contrast = (answers[members].mean(axis=0) - answers[~members].mean(axis=0)) / (spread + 0.1 * spread.mean() + 1e-12)
    start = 0
    best: tuple[float, str, tuple[int, ...]] = (-np.inf, "", ())
    for layer, count in responses.layers.items():
        of_layer = contrast[start : start + count]
        order = np.argsort(-of_layer)[:_CHANNELS]
        chosen = tuple(int(channel) for channel in order)
        best = max(best, (float(of_layer[order].mean()), layer, chosen))
        start += count
    return best[1], best[2]
