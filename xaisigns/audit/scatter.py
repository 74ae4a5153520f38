"""How the answers of all classes' images vary around their means, and answers in units of that scatter."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

Floats = NDArray[np.float32]

_RIDGE = 0.1  # of the mean variance, added to each
# Where the other classes hardly vary, as in a flat background, the least noise would be far off: units have a floor.
_FLAT, _LEAST_RIDGE = 0.05, 0.01


class Scatter(NamedTuple):
    """Scaled answers ``(N, P, C)`` less the mean of their class, and the sums of their products ``(P, C, C)``."""

    residuals: NDArray[np.float16]
    products: NDArray[np.float64]
    labels: NDArray[np.int64]


def scatter_of(parts: NDArray[np.float16], labels: NDArray[np.int64]) -> Scatter:
    """How all classes' answers, as logarithms, vary around their means."""
    deviation = np.stack([parts[:, part].astype(np.float32).std(axis=0) for part in range(parts.shape[1])])
    usual = np.sqrt((deviation**2).mean())
    scale = np.maximum(deviation + 1e-3 * usual, _FLAT * usual) + 1e-12
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


def whitened(scatter: Scatter, class_id: int, wanted: NDArray[np.int64], parts: Sequence[int] | None = None) -> Floats:
    """The answers ``(n, P, C)`` of the images ``wanted``, in units of the scatter of all classes but one."""
    own = scatter.labels == class_id
    chosen = range(len(scatter.products)) if parts is None else parts
    white = np.empty((len(wanted), len(chosen), scatter.residuals.shape[2]), dtype=np.float32)
    for place, part in enumerate(chosen):
        products = scatter.products[part]
        mine = scatter.residuals[own, part].astype(np.float32)
        covariance = (products - mine.T @ mine) / max(1, (~own).sum())
        ridge = max(_RIDGE * np.trace(covariance) / len(covariance), _LEAST_RIDGE)
        root = cholesky(covariance + ridge * np.eye(len(covariance)), lower=True).astype(np.float32)
        white[:, place] = solve_triangular(root, scatter.residuals[wanted, part].T.astype(np.float32), lower=True).T
    return white
