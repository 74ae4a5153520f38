"""Which images of a class a report shows: typical ones, doubtful ones, wrong ones, and what a sticker does."""

from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

from torch import Tensor

Kind = Literal["typical", "unsure", "mistaken", "stickered"]


class Chosen(NamedTuple):
    """An image by its place in the data set, and why it is shown."""

    kind: Kind
    place: int


def choose(
    class_id: int,
    labels: Tensor,
    probabilities: Tensor,
    stickered: Tensor | None,
    sticker_class: int | None,
    count: int,
    explained: Collection[int] = (),
    explained_stickered: Collection[int] = (),
) -> list[Chosen]:
    """Up to ``count`` images of a class, no image twice for the same reason.

    First one that is as sure as the median of those classified correctly, the least sure of them, the surest of those
    misclassified, and one with a sticker that is taken for the sticker's class, where there are any; then more typical
    ones. ``labels`` are ``(N,)``; ``probabilities`` ``(N, classes)`` of the images as they are, ``stickered`` of the
    same images with stickers. Typical ones, and those with a sticker, are chosen among the places that are
    ``explained`` in any case, where there are some, since an explanation takes time.
    """
    own = (labels == class_id).nonzero().squeeze(1)
    surest = probabilities[own].max(dim=1)
    right = surest.indices == class_id
    found: list[Chosen] = []
    order = own[right][surest.values[right].argsort(stable=True)].tolist()
    wrong = own[~right][surest.values[~right].argsort(stable=True)].tolist()
    typical = _among(order, explained)
    if order:
        found += [Chosen("typical", typical[len(typical) // 2]), Chosen("unsure", order[0])]
    if wrong:
        found.append(Chosen("mistaken", wrong[-1]))
    if stickered is not None and sticker_class is not None:
        turned = _among(own[stickered[own].argmax(dim=1) == sticker_class].tolist(), explained_stickered)
        found += [Chosen("stickered", turned[len(turned) // 2])] if turned else []
    found += [Chosen("typical", place) for place in (*_spread(typical), *_spread(order))]
    return list(dict.fromkeys(found))[:count]


def _among(places: list[int], explained: Collection[int]) -> list[int]:
    """Those that are explained in any case; all where none is."""
    return [place for place in places if place in explained] or places


def _spread(order: list[int]) -> Iterator[int]:
    """From a sorted list the quarters, the eighths and so on, then all."""
    for parts in (4, 8, 16):
        yield from (order[len(order) * part // parts] for part in range(1, parts, 2) if order)
    yield from order
