"""The images of a class that a network's middle layers tell from the rest, named without knowing what to look for.

In each part of the image the channels' answers are measured in units of what the other classes' images vary by around
their class's mean: what varies in every class, such as the light, counts little; what only this class has, counts much.
From each image a cluster grows in one part, by how alike its images are there, each judged by the others alone. Of all
that have grown the one is the suspect that many images have, that lies far off what other classes show, and that few
images lie between.
"""

from collections.abc import Sequence
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


def clusters(responses: Responses, labels: NDArray[np.int64], seed: int = 0, *, most: int = 16) -> list[Cluster]:
    """The best cluster of each of the ``most`` classes whose best is the most separated, that one first.

    ``labels`` ``(N,)`` are the classes of the images that answered. ``seed`` chooses which images stand for large
    classes. Raises ShapeError when the two do not belong together.
    """
    if labels.shape != (len(responses.parts),):
        raise ShapeError(f"labels must be (N,) = ({len(responses.parts)},), got {labels.shape}")
    scatter = scatter_of(responses.parts, labels)
    found = [
        _best(scatter, int(class_id), np.random.default_rng([seed, int(class_id)])) for class_id in np.unique(labels)
    ]
    chosen = sorted((one for one in found if one), key=lambda one: -one.separation)[:most]
    # What tells all of a class's images apart takes long: it is left to those that are wanted.
    return [_whole(responses, scatter, one, np.random.default_rng([seed, one.class_id, 1])) for one in chosen]


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
    class_id: int
    separation: float
    part: int
    sample: NDArray[np.int64]  # places among the class's images that were looked at
    members: Mask  # which of these


def _best(scatter: Scatter, class_id: int, generator: np.random.Generator) -> _Found | None:
    """The most separated cluster of a class, among some of its images; None where there is none."""
    own = np.flatnonzero(scatter.labels == class_id)
    others = generator.permutation(np.flatnonzero(scatter.labels != class_id))[:_OTHERS]
    sample = np.sort(generator.permutation(len(own))[:_SOUGHT])
    if len(sample) < 2 * _LEAST or not len(others):
        return None
    answers, foreign = whitened(scatter, class_id, own[sample]), whitened(scatter, class_id, others)
    distance = _distances(answers.reshape(len(answers), -1))
    best: _Found | None = None
    for part in range(answers.shape[1]):
        likeness = answers[:, part] @ answers[:, part].T
        members = grown(likeness)
        diversity = _diversity(distance, members)
        members, diversity = members[:, diversity >= _DIVERSE], diversity[diversity >= _DIVERSE]
        if members.size:
            separation = _separation(likeness, members, foreign[:, part] @ _axes(answers[:, part], members))
            separation *= np.minimum(diversity, 1)
            first = int(separation.argmax())
            if best is None or separation[first] > best.separation:
                best = _Found(class_id, float(separation[first]), part, sample, members[:, first])
    return best


def _whole(responses: Responses, scatter: Scatter, found: _Found, generator: np.random.Generator) -> Cluster:
    """The cluster among all images of the class."""
    own = np.flatnonzero(scatter.labels == found.class_id)
    answers = whitened(scatter, found.class_id, own, [found.part])[:, 0]
    members = _refined(answers, found.sample, found.members)
    layer, channels = _channels(responses, scatter.residuals[own, found.part].astype(np.float32), members)
    return Cluster(
        class_id=found.class_id,
        images=own[members],
        count=len(own),
        separation=found.separation,
        stability=_stability(answers, members, generator),
        part=found.part,
        layer=layer,
        channels=channels,
    )


def whitened(scatter: Scatter, class_id: int, wanted: NDArray[np.int64], parts: Sequence[int] | None = None) -> Floats:
    """The answers ``(n, P, C)`` of the images ``wanted``, in units of the scatter of all classes but one."""
    own = scatter.labels == class_id
    chosen = range(len(scatter.products)) if parts is None else parts
    white = np.empty((len(wanted), len(chosen), scatter.residuals.shape[2]), dtype=np.float32)
    for place, part in enumerate(chosen):
        products = scatter.products[part]
        mine = scatter.residuals[own, part].astype(np.float32)
        covariance = (products - mine.T @ mine) / max(1, (~own).sum())
        ridge = _RIDGE * np.trace(covariance) / len(covariance) + 1e-12
        root = cholesky(covariance + ridge * np.eye(len(covariance)), lower=True).astype(np.float32)
        white[:, place] = solve_triangular(root, scatter.residuals[wanted, part].T.astype(np.float32), lower=True).T
    return white


def grown(likeness: Floats) -> Mask:
    """Clusters ``(n, K)`` that are their own best continuation, of images with that likeness ``(n, n)``."""
    nearest = -np.sort(-likeness, axis=0)[min(_FIRST, len(likeness)) - 1]
    members = likeness >= nearest
    for _ in range(_STEPS):
        parted = upper_parts(leave_one_out(likeness, members))
        sizes = parted.sum(axis=0)
        parted = _distinct(parted[:, (sizes >= _LEAST) & (sizes <= _LARGEST * len(likeness))])
        if parted.shape == members.shape and (parted == members).all():
            break
        members = parted
        if not members.size:
            break
    return members  # type: ignore[no-any-return]


def _distinct(members: Mask) -> Mask:
    """Each cluster ``(n, K)`` once."""
    _, first = np.unique(np.packbits(members, axis=0), axis=1, return_index=True)
    return members[:, first]


def leave_one_out(likeness: Floats, members: Mask) -> Floats:
    """Each image's mean likeness to a cluster less that to the rest ``(n, K)``, without the likeness to itself."""
    inside = members.sum(axis=0)
    outside = len(members) - inside
    itself = np.diag(likeness)[:, None]
    to_members = likeness @ members.astype(np.float32)
    to_rest = likeness.sum(axis=1, keepdims=True) - to_members
    within = np.where(members, (to_members - itself) / np.maximum(inside - 1, 1), to_members / np.maximum(inside, 1))
    without = np.where(members, to_rest / np.maximum(outside, 1), (to_rest - itself) / np.maximum(outside - 1, 1))
    return (within - without).astype(np.float32)  # type: ignore[no-any-return]


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
    return (answers.T @ (inside - outside)).astype(np.float32)  # type: ignore[no-any-return]


def _separation(likeness: Floats, members: Mask, foreign: Floats) -> NDArray[np.float64]:
    """How far off other classes' images each cluster is ``(K,)``, in their deviations.

    It counts less the fewer images there are, the narrower the gap to the rest, and the more its images are all the
    same in this part.
    """
    scores = leave_one_out(likeness, members)
    count = members.sum(axis=0)
    mean = (scores * members).sum(axis=0) / count
    rest = (scores * ~members).sum(axis=0) / (len(members) - count)
    gap = (_quantile(scores, members, 0.1) - _quantile(scores, ~members, 0.98)) / (mean - rest)
    crowd = np.maximum(gap, 1e-3) * count
    distance = (mean - foreign.mean(axis=0)) / (foreign.std(axis=0) + 1e-12)
    return np.sqrt((1 - _sameness(likeness, members)) * np.sqrt(crowd)) * distance  # type: ignore[no-any-return]


def _quantile(scores: Floats, members: Mask, share: float) -> NDArray[np.float64]:
    """Of the members' scores, column by column ``(K,)``: the one nearest to it."""
    ordered = np.sort(np.where(members, scores, np.inf), axis=0)
    place = np.round(share * (members.sum(axis=0) - 1)).astype(np.int64)
    return np.take_along_axis(ordered, place[None], axis=0)[0]  # type: ignore[no-any-return]


def _sameness(likeness: Floats, members: Mask) -> NDArray[np.float64]:
    """The likeness of two of a cluster's images, that of an image to itself being 1; ``(K,)``, below 1."""
    chosen = members.astype(np.float64)
    itself = np.diag(likeness) @ chosen
    others = (chosen * (likeness @ chosen)).sum(axis=0) - itself
    return np.minimum(others / (chosen.sum(axis=0) - 1) / itself, 0.99)  # type: ignore[no-any-return]


def _distances(answers: Floats) -> Floats:
    """Squared, ``(n, n)``."""
    likeness = answers @ answers.T
    return np.diag(likeness)[:, None] + np.diag(likeness) - 2 * likeness  # type: ignore[no-any-return]


def _diversity(distance: Floats, members: Mask) -> NDArray[np.float64]:
    """The mean distance of two images of each cluster ``(K,)``, that of any two of the class being 1."""
    chosen = members.astype(np.float64)
    inside, count = chosen.sum(axis=0), len(distance)
    mean = (chosen * (distance @ chosen)).sum(axis=0) / (inside * (inside - 1))
    return mean * (count * (count - 1)) / (distance.sum() + 1e-12)  # type: ignore[no-any-return]


def _refined(answers: Floats, sample: NDArray[np.int64], found: Mask) -> Mask:
    """The cluster of a sample of the class, among all of its images and told by all channels together."""
    members = np.zeros(len(answers), dtype=np.bool_)
    members[sample] = found
    fitted = sample
    for _ in range(_STEPS):
        told = _told(answers, members, fitted)
        if not _LEAST <= told.sum() <= _LARGEST * len(told):
            break
        fitted = np.arange(len(answers))
        if (told == members).all():
            break
        members = told
    return members


def _told(answers: Floats, members: Mask, fitted: NDArray[np.int64]) -> Mask:
    """Which images are the cluster's, as those ``fitted`` tell; each of these as all others of them do.

    By ridge regression of the membership, whose fits without one image have a closed form, and two normal
    distributions of what it says.
    """
    inside = members[fitted]
    mean, share = answers[fitted].mean(axis=0), inside.mean()
    centred = (answers - mean).astype(np.float64)
    own = centred[fitted]
    products = own.T @ own
    products[np.diag_indices(len(products))] += np.trace(products) / len(products) + 1e-12
    inverse = np.linalg.solve(products, own.T)
    scores = centred @ (inverse @ (inside - share))
    leverage = np.einsum("nc,cn->n", own, inverse) + 1 / len(own)
    scores[fitted] = (scores[fitted] - leverage * (inside - share)) / (1 - leverage)
    upper, lower = scores[fitted][inside], scores[fitted][~inside]
    nearer = _log_density(scores, upper, share) > _log_density(scores, lower, 1 - share)
    return (nearer & (scores > lower.mean())) | (scores > upper.mean())  # type: ignore[no-any-return]


def _log_density(scores: NDArray[np.float64], of: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    deviation = of.std() + 1e-9
    return np.log(share / deviation) - 0.5 * ((scores - of.mean()) / deviation) ** 2  # type: ignore[no-any-return]


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


def _stability(answers: Floats, members: Mask, generator: np.random.Generator) -> float:
    """How much of the cluster the halves of the class that have some of it agree on: intersection over union."""
    agreement = []
    for _ in range(_RESAMPLES):
        half = generator.permutation(len(members))[: len(members) // 2]
        told = _told(answers, members, half) if members[half].sum() > 1 else ~members
        agreement.append(float((told & members).sum() / (told | members).sum()))
    return float(np.mean(agreement))
