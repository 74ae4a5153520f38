"""How sure a count is, and whether a difference may be chance: exact tests, corrected for how many were made."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, fisher_exact, permutation_test

from xaisigns.audit.evidence import Rate

_DRAWN = 9999  # signs


def interval(rate: Rate) -> tuple[float, float]:
    """The exact 95% interval of a rate [clopper1934use]; (0, 1) of no images."""
    if not rate.count:
        return 0.0, 1.0
    found = binomtest(rate.hits, rate.count).proportion_ci(0.95, method="exact")
    return float(found.low), float(found.high)


def p_lower(rate: Rate, others: Rate) -> float:
    """The exact p-value of a rate no larger than this one, were it that of the others [fisher1922interpretation]."""
    table = [[rate.hits, rate.count - rate.hits], [others.hits, others.count - others.hits]]
    return float(fisher_exact(table, alternative="less").pvalue)


def p_above_zero(differences: NDArray[np.float64]) -> float:
    """The p-value of so large a sum of differences ``(n,)``, were either sign of each as likely [fisher1935design].

    Each must come from a source of its own; those that are zero say nothing, and the p-value is 1 where all are. It is
    exact: of all signs up to 12 sources, of 9,999 drawn ones from then on, which count themselves in
    [phipson2010permutation].
    """
    told = differences[differences != 0]
    if not len(told):
        return 1.0
    found = permutation_test(
        (np.append(told, 0.0),),  # whose sign changes nothing: SciPy wants two or more
        np.mean,
        permutation_type="samples",
        alternative="greater",
        n_resamples=_DRAWN,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected such that any false one among them is as rare as each says [holm1979simple]."""
    corrected, least = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = least
    return corrected
