"""Where in an image what speaks for a class lies, in words."""

import numpy as np
from numpy.typing import NDArray

from xaisigns.base.language import Language
from xaisigns.base.numbers import percent
from xaisigns.base.texts import Texts

_TEXTS = Texts("pictures")
_PLACES = (
    ("upper_left", "top", "upper_right"),
    ("left", None, "right"),  # of the middle, where most objects are, there is nothing to tell
    ("lower_left", "bottom", "lower_right"),
)


def smallest_half(heatmap: NDArray[np.floating]) -> NDArray[np.bool_] | None:
    """The fewest cells ``(h, w)`` that hold half of a finite heatmap's positive relevance; None where none is."""
    positive = heatmap.astype(np.float64).clip(min=0).ravel()
    total = positive.sum()
    if not total:
        return None
    strongest = np.argsort(-positive, kind="stable")
    count = int(np.searchsorted(positive[strongest].cumsum(), total / 2)) + 1
    half = np.zeros(len(positive), dtype=np.bool_)
    half[strongest[:count]] = True
    return half.reshape(heatmap.shape)


def place_of(heatmap: NDArray[np.floating], half: NDArray[np.bool_]) -> str | None:
    """Which outer ninth of the image, such as "lower_left", holds most of that half's relevance; None if none."""
    held = np.where(half, heatmap, 0).astype(np.float64)
    rows, columns = ((3 * np.arange(side) + 1) // side for side in held.shape)
    ninths = np.zeros((3, 3))
    np.add.at(ninths, (rows[:, None], columns[None, :]), held)
    row, column = np.unravel_index(ninths.argmax(), ninths.shape)
    return _PLACES[row][column] if ninths[row, column] > held.sum() / 2 else None


def whereabouts(heatmap: NDArray[np.floating], asked: str, language: Language) -> str:
    """On how much of the image half of what speaks for what was ``asked`` lies, and at which edge or corner it is."""
    if not np.isfinite(heatmap).all():
        return _TEXTS("not_known", language)
    half = smallest_half(heatmap)
    if half is None:
        return _TEXTS("nowhere", language, asked=asked)
    share = float(half.mean())
    area = percent(share, language, 0 if share >= 0.1 else 1)
    place = place_of(heatmap, half)
    where = f", {_TEXTS(f'place_{place}', language)}" if place else ""
    return _TEXTS("half", language, asked=asked, area=area) + where
