"""The images of a class that a network's middle layers tell from the rest, named without knowing what to look for.

In each part of the image the channels' answers are measured in units of what the other classes' images vary by around
their class's mean: what varies in every class, such as the light, counts little; what only this class has, counts much.
From each image a cluster grows in one part, by how alike its images are there, each judged by the others alone. Of all
that have grown the one is the suspect that many images have, that lies far off what other classes show, and that few
images lie between.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from xaisigns.audit.responses import Responses
from xaisigns.errors import ShapeError

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_RIDGE = 0.1  # of the mean variance, added to each
_SOUGHT = 400  # images of a class from which clusters grow
_OTHERS = 1000  # images of other classes that a cluster is compared with
_LEAST = 4  # images that are a cluster
_LARGEST = 0.5  # of the class: the smaller part is the suspect
_FIRST = 8  # images that are most like the one that a cluster grows from
_STEPS = 10
_DIVERSE = 0.65  # of the distance of any two images: less is one object, photographed several times
_RESAMPLES = 8
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


class Scatter(NamedTuple):
    """Scaled answers ``(N, P, C)`` less the mean of their class, and the sums of their products ``(P, C, C)``."""

    residuals: NDArray[np.float16]
    products: NDArray[np.float64]
    labels: NDArray[np.int64]


def clusters(responses: Responses, labels: NDArray[np.int64], seed: int = 0) -> Iterator[Cluster]:
    """The strongest cluster of each class that has one, class by class.

    ``labels`` ``(N,)`` are the classes of the images that answered. ``seed`` chooses which images stand for large
    classes. Raises ShapeError when the two do not belong together.
    """
    if labels.shape != (len(responses.parts),):
        raise ShapeError(f"labels must be (N,) = ({len(responses.parts)},), got {labels.shape}")
    scatter = scatter_of(responses.parts, labels)
    for class_id in np.unique(labels):
        generator = np.random.default_rng([seed, int(class_id)])
        found = _strongest(scatter, int(class_id), generator)
        if found is not None:
            yield _described(responses, scatter, int(class_id), found, generator)


def scatter_of(parts: NDArray[np.float16], labels: NDArray[np.int64]) -> Scatter:
    """How all classes' answers, as logarithms, vary around their means."""
    deviation = np.stack([parts[:, part].astype(np.float32).std(axis=0) for part in range(parts.shape[1])])
    scale = deviation + 1e-3 * np.sqrt((deviation**2).mean()) + 1e-12
    residuals = np.empty_like(parts)
    products = np.zeros((*parts.shape[1:], parts.shape[2]))
    for class_id in np.unique(labels):
        own = labels == class_id
        answers = np.log1p(2 * parts[own].astype(np.float32) / scale)
        answers -= answers.mean(axis=0)
        residuals[own] = answers
        for part, sums in enumerate(products):
            sums += answers[:, part].T @ answers[:, part]
    return Scatter(residuals, products, labels)


class _Found(NamedTuple):
    strength: float
    part: int
    members: Mask  # (n,) of the class's images


def _strongest(scatter: Scatter, class_id: int, generator: np.random.Generator) -> _Found | None:
    own = np.flatnonzero(scatter.labels == class_id)
    rest = np.flatnonzero(scatter.labels != class_id)
    others = generator.permutation(rest)[:_OTHERS]
    sample = np.sort(generator.permutation(len(own))[:_SOUGHT])
    if len(sample) < 2 * _LEAST or not len(others):
        return None
    best: _Found | None = None
    white = whitened(scatter, class_id, np.concatenate([own, others]))
    distance = _distances(white[sample])
    for part in range(white.shape[1]):
        answers, foreign = white[sample, part], white[len(own) :, part]
        likeness = answers @ answers.T
        members = grown(likeness)
        if not members.size:
            continue
        diverse = np.array([_diversity(distance, one) for one in members.T]) >= _DIVERSE
        members = members[:, diverse]
        if not members.size:
            continue
        strength = _strength(leave_one_out(likeness, members), members, foreign @ _axes(answers, members))
        first = int(strength.argmax())
        if best is None or strength[first] > best.strength:
            whole = np.zeros(len(own), dtype=np.bool_)
            whole[sample] = members[:, first]
            best = _Found(float(strength[first]), part, whole)
    if best is None or len(sample) == len(own):
        return best
    return best._replace(members=_extended(white[: len(own), best.part], sample, best.members))


def whitened(scatter: Scatter, class_id: int, wanted: NDArray[np.int64]) -> Floats:
    """The answers ``(n, P, C)`` of the images ``wanted``, in units of the scatter of all classes but one."""
    own = scatter.labels == class_id
    white = np.empty((len(wanted), *scatter.residuals.shape[1:]), dtype=np.float32)
    for part, products in enumerate(scatter.products):
        mine = scatter.residuals[own, part].astype(np.float32)
        covariance = (products - mine.T @ mine) / max(1, (~own).sum())
        ridge = _RIDGE * np.trace(covariance) / len(covariance) + 1e-12
        root = cholesky(covariance + ridge * np.eye(len(covariance)), lower=True).astype(np.float32)
        white[:, part] = solve_triangular(root, scatter.residuals[wanted, part].T.astype(np.float32), lower=True).T
    return white


def grown(likeness: Floats) -> Mask:
    """Clusters ``(n, K)`` that are their own best continuation, of images with that likeness ``(n, n)``."""
    nearest = -np.sort(-likeness, axis=0)[min(_FIRST, len(likeness)) - 1]
    members = likeness >= nearest
    for _ in range(_STEPS):
        parted = upper_parts(leave_one_out(likeness, members))
        sizes = parted.sum(axis=0)
        parted = np.unique(parted[:, (sizes >= _LEAST) & (sizes <= _LARGEST * len(likeness))], axis=1)
        if parted.shape == members.shape and (parted == members).all():
            break
        members = parted
        if not members.size:
            break
    return members


def leave_one_out(likeness: Floats, members: Mask) -> Floats:
    """Each image's mean likeness to a cluster less that to the rest ``(n, K)``, without the likeness to itself."""
    inside = members.sum(axis=0)
    outside = len(members) - inside
    itself = np.diag(likeness)[:, None]
    to_members = likeness @ members.astype(np.float32)
    to_rest = likeness.sum(axis=1, keepdims=True) - to_members
    within = np.where(members, (to_members - itself) / np.maximum(inside - 1, 1), to_members / np.maximum(inside, 1))
    without = np.where(members, to_rest / np.maximum(outside, 1), (to_rest - itself) / np.maximum(outside - 1, 1))
    return (within - without).astype(np.float32)


def upper_parts(scores: Floats) -> Mask:
    """Which images two normal distributions, one above the other, give to the upper one; column by column ``(n, K)``.

    The split is the one of the largest likelihood, each image being of one of the two.
    """
    ordered = -np.sort(-scores.astype(np.float64), axis=0)
    count = np.arange(1, len(ordered) + 1)[:, None]
    total, squares = ordered.cumsum(axis=0), (ordered**2).cumsum(axis=0)
    upper = squares / count - (total / count) ** 2
    rest = np.maximum(len(ordered) - count, 1)
    lower = (squares[-1] - squares) / rest - ((total[-1] - total) / rest) ** 2
    least = 0.02 * upper[-1] + 1e-12
    likelihood = -0.5 * (count * np.log(np.maximum(upper, least)) + rest * np.log(np.maximum(lower, least)))
    likelihood += count * np.log(count) + rest * np.log(rest)
    likelihood[: _LEAST - 1] = likelihood[len(ordered) - _LEAST :] = -np.inf
    last = likelihood.argmax(axis=0)
    return scores >= np.take_along_axis(ordered, last[None], axis=0).astype(np.float32)


def _axes(answers: Floats, members: Mask) -> Floats:
    """From the mean of the rest to that of each cluster, ``(C, K)``."""
    inside = members / members.sum(axis=0)
    outside = ~members / (~members).sum(axis=0)
    return (answers.T @ (inside - outside)).astype(np.float32)


def _strength(scores: Floats, members: Mask, foreign: Floats) -> NDArray[np.float64]:
    """Of each cluster ``(K,)``: its distance from other classes' images, times the root of images and of the gap."""
    inside = np.where(members, scores, np.nan)
    outside = np.where(members, np.nan, scores)
    mean = np.nanmean(inside, axis=0)
    gap = np.nanquantile(inside, 0.1, axis=0) - np.nanquantile(outside, 0.98, axis=0)
    gap /= mean - np.nanmean(outside, axis=0)
    distance = (mean - foreign.mean(axis=0)) / foreign.std(axis=0)
    return np.sqrt(np.maximum(gap, 1e-3) * members.sum(axis=0)) * distance  # type: ignore[no-any-return]


def _distances(white: Floats) -> Floats:
    """Squared distances ``(n, n)`` of the images, over all parts."""
    flat = white.reshape(len(white), -1)
    likeness = flat @ flat.T
    return np.diag(likeness)[:, None] + np.diag(likeness) - 2 * likeness


def _diversity(distance: Floats, members: Mask) -> float:
    """The mean distance of two of the cluster's images, that of any two of the class being 1."""
    count, inside = len(distance), members.sum()
    mean = distance.sum() / (count * (count - 1))
    return float(distance[np.ix_(members, members)].sum() / (inside * (inside - 1)) / mean)


def _extended(answers: Floats, sample: NDArray[np.int64], members: Mask) -> Mask:
    """The cluster that a sample of the class showed, among all of its images."""
    axis = _axes(answers[sample], members[sample, None])
    scores = answers @ axis
    middle = (scores[members].mean() + scores[sample][~members[sample]].mean()) / 2
    return (scores > middle)[:, 0] | members


def _described(
    responses: Responses, scatter: Scatter, class_id: int, found: _Found, generator: np.random.Generator
) -> Cluster:
    own = np.flatnonzero(scatter.labels == class_id)
    answers = scatter.residuals[own, found.part].astype(np.float32)
    layer, channels = _channels(responses, answers, found.members)
    white = whitened(scatter, class_id, own)[:, found.part]
    return Cluster(
        class_id=class_id,
        images=own[found.members],
        count=len(own),
        separation=found.strength,
        stability=_stability(white, found.members, generator),
        part=found.part,
        layer=layer,
        channels=channels,
    )


def _channels(responses: Responses, answers: Floats, members: Mask) -> tuple[str, tuple[int, ...]]:
    """The layer whose strongest channels tell the cluster best from the rest, and these channels."""
    spread = answers[~members].std(axis=0)
    contrast = (answers[members].mean(axis=0) - answers[~members].mean(axis=0)) / (spread + 0.1 * spread.mean() + 1e-12)
    start, best = 0, (-np.inf, "", ())
    for layer, count in responses.layers.items():
        of_layer = contrast[start : start + count]
        order = np.argsort(-of_layer)[:_CHANNELS]
        chosen = tuple(int(channel) for channel in order)
        best = max(best, (float(of_layer[order].mean()), layer, chosen))
        start += count
    return best[1], best[2]


def _stability(answers: Floats, members: Mask, generator: np.random.Generator) -> float:
    """How alike, as intersection over union, the cluster is that halves of the class lead to."""
    agreement = []
    for _ in range(_RESAMPLES):
        half = generator.permutation(len(members))[: len(members) // 2]
        inside = members[half, None]
        if min(inside.sum(), (~inside).sum()) < 2:
            agreement.append(0.0)
            continue
        parted = _extended(answers, half, np.isin(np.arange(len(members)), half[inside[:, 0]]))
        agreement.append(float((parted & members).sum() / (parted | members).sum()))
    return float(np.mean(agreement))
