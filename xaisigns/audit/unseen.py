"""Whether a class still works on images that the training did not see."""

import numpy as np
from numpy.typing import NDArray

from xaisigns.audit.evidence import Rate, Unseen
from xaisigns.audit.statistics import holm, interval, p_lower

_LEVEL = 0.01
_LOST = 0.5  # of the other classes' accuracy


def unseen_classes(labels: NDArray[np.int64], called: NDArray[np.int64]) -> dict[int, Unseen]:
    """How many images of each class, by ``labels`` ``(N,)``, are ``called`` ``(N,)`` by it; only of classes with some.

    A class has collapsed when it has fewer right than all others together (Fisher's exact test, Holm over the classes,
    0.01) and even the upper end of its exact 95% interval is below half of their accuracy. What it lacks there, the
    count cannot say.
    """
    right = labels == called
    rates = {
        int(class_id): Rate(int(right[labels == class_id].sum()), int((labels == class_id).sum()))
        for class_id in np.unique(labels)
    }
    corrected = holm([p_lower(rate, other_classes(rates, class_id)) for class_id, rate in rates.items()])
    return {
        class_id: Unseen(rate, p, collapsed=p < _LEVEL and is_lost(rate, other_classes(rates, class_id)))
        for (class_id, rate), p in zip(rates.items(), corrected, strict=True)
    }


def other_classes(rates: dict[int, Rate], class_id: int) -> Rate:
    """The rate of all classes but one."""
    others = [rate for other, rate in rates.items() if other != class_id]
    return Rate(sum(rate.hits for rate in others), sum(rate.count for rate in others))


def is_lost(rate: Rate, others: Rate) -> bool:
    """Whether even the upper end of a class's 95% interval is below half of the others' rate."""
    return bool(others.count) and interval(rate)[1] < _LOST * others.hits / others.count
