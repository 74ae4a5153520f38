"""Which of all images of a class belong to a cluster that was found among some of them, and how surely."""

import numpy as np
from numpy.typing import NDArray

from xaisigns.audit.growing import LARGEST, LEAST, Mask
from xaisigns.audit.scatter import Floats

_STEPS = 10
_RESAMPLES = 8


def refined(answers: Floats, sample: NDArray[np.int64], found: Mask) -> Mask:
    """The cluster of a sample of the class, among all of its images and told by all channels together."""
    members = np.zeros(len(answers), dtype=np.bool_)
    members[sample] = found
    fitted = sample
    for _ in range(_STEPS):
        told = _told(answers, members, fitted)
        if not LEAST <= told.sum() <= LARGEST * len(told):
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


def stability_of(answers: Floats, members: Mask, generator: np.random.Generator) -> float:
    """How much of the cluster halves of the class agree on: intersection over union, 0 where a half has none or all."""
    agreement = []
    for _ in range(_RESAMPLES):
        half = generator.permutation(len(members))[: len(members) // 2]
        told = _told(answers, members, half) if 1 < members[half].sum() < len(half) else ~members
        agreement.append(float((told & members).sum() / (told | members).sum()))
    return float(np.mean(agreement))
