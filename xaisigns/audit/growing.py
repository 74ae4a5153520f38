"""Clusters that grow among the images of a class, by how alike they are, and how far each of them stands out."""

import numpy as np
from numpy.typing import NDArray

from xaisigns.audit.scatter import Floats

Mask = NDArray[np.bool_]

LEAST = 4  # images that are a cluster, and objects that they show
LARGEST = 0.5  # of the class: the smaller part is the suspect
_FIRST = 8  # images that are most like the one that a cluster grows from
_STEPS = 6
_FLAT = 0.3  # of a unit, which whitened answers of other classes vary by: no less, where they do not vary at all


def grown(likeness: Floats) -> Mask:
    """Clusters ``(n, K)`` that are their own best continuation, of images with that likeness ``(n, n)``."""
    nearest = -np.sort(-likeness, axis=0)[min(_FIRST, len(likeness)) - 1]
    growing, found = likeness >= nearest, likeness[:, :0] > 0
    for _ in range(_STEPS):
        grew = upper_parts(leave_one_out(likeness, growing))
        sizes = grew.sum(axis=0)
        allowed = (sizes >= LEAST) & (sizes <= LARGEST * len(likeness))
        settled = (grew == growing).all(axis=0)
        found = np.concatenate([found, grew[:, allowed & settled]], axis=1)
        growing = _distinct(grew[:, allowed & ~settled])
        if not growing.size:
            break
    return _distinct(np.concatenate([found, growing], axis=1))


def _distinct(members: Mask) -> Mask:
    """Each cluster ``(n, K)`` once."""
    _, first = np.unique(np.packbits(members, axis=0), axis=1, return_index=True)
    return members[:, first]


def leave_one_out(likeness: Floats, members: Mask) -> Floats:
    """Each image's mean likeness to a cluster less that to the rest ``(n, K)``, without the likeness to itself."""
    inside = members.sum(axis=0, dtype=np.float32)
    outside = len(members) - inside
    itself = np.diag(likeness)[:, None]
    to_members = likeness @ members.astype(np.float32)
    to_rest = likeness.sum(axis=1, keepdims=True) - to_members
    within = (to_members - itself * members) / np.maximum(inside - members, 1)
    without = (to_rest - itself * ~members) / np.maximum(outside - ~members, 1)
    return within - without  # type: ignore[no-any-return]


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
    likelihood[: LEAST - 1] = likelihood[len(ordered) - LEAST :] = -np.inf
    last = likelihood.argmax(axis=0)
    return scores >= np.take_along_axis(ordered, last[None], axis=0).astype(np.float32)


def separations(answers: Floats, foreign: Floats, members: Mask, shown: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far off other classes' images each cluster ``(n, K)`` is, in their deviations ``(K,)``.

    ``answers`` ``(n, C)`` and ``foreign`` ``(m, C)`` are those of the class and of others in one part of the image. It
    counts less the fewer objects are ``shown`` ``(K,)``, the narrower the gap to the rest, and the more a cluster's
    images are all the same in this part.
    """
    likeness = answers @ answers.T
    axes = _axes(answers, members)
    scores, elsewhere = leave_one_out(likeness, members), foreign @ axes
    count = members.sum(axis=0)
    mean = (scores * members).sum(axis=0) / count
    rest = (scores * ~members).sum(axis=0) / (len(members) - count)
    gap = (_quantile(scores, members, 0.1) - _quantile(scores, ~members, 0.98)) / (mean - rest)
    crowd = np.maximum(gap, 1e-3) * shown
    deviation = np.maximum(elsewhere.std(axis=0), _FLAT * np.linalg.norm(axes, axis=0)) + 1e-12
    distance = (mean - elsewhere.mean(axis=0)) / deviation
    return np.sqrt((1 - _sameness(likeness, members)) * crowd) * distance  # type: ignore[no-any-return]


def _axes(answers: Floats, members: Mask) -> Floats:
    """From the mean of the rest to that of each cluster, ``(C, K)``."""
    inside = members / members.sum(axis=0)
    outside = ~members / (~members).sum(axis=0)
    return (answers.T @ (inside - outside)).astype(np.float32)  # type: ignore[no-any-return]


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


def distances(answers: Floats) -> Floats:
    """Squared, ``(n, n)``."""
    likeness = answers @ answers.T
    return np.diag(likeness)[:, None] + np.diag(likeness) - 2 * likeness  # type: ignore[no-any-return]


def diversity_of(distance: Floats, members: Mask) -> NDArray[np.float64]:
    """The mean distance of two images of each cluster ``(K,)``, that of two images of the rest being 1."""
    return _mean_distance(distance, members) / (_mean_distance(distance, ~members) + 1e-12)


def _mean_distance(distance: Floats, members: Mask) -> NDArray[np.float64]:
    chosen = members.astype(np.float64)
    count = chosen.sum(axis=0)
    return (chosen * (distance @ chosen)).sum(axis=0) / (count * (count - 1))  # type: ignore[no-any-return]


def shown_by(objects: NDArray[np.int64], members: Mask) -> NDArray[np.int64]:
    """How many objects the images of each cluster show, ``(K,)``."""
    return np.array([len(np.unique(objects[one])) for one in members.T], dtype=np.int64)
