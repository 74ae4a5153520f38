"""Proof by transplant: does a feature, brought into images of other classes, make the model say the class?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xaisigns.audit.carriers import CARRIERS, carried
from xaisigns.audit.evidence import Box, Carrier, Rate, Transplant
from xaisigns.audit.statistics import p_above_zero
from xaisigns.data.preprocessing import resize
from xaisigns.model.evaluation import predict
from xaisigns.model.explainable import Explainable

Places = NDArray[np.int64]
Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Aim = Literal["relevant", "suspect", "different"]
_AIMS = ("relevant", "suspect", "different")
_Donor = tuple[int, Box]  # the place of the image that gives, and where in it


class Plan(NamedTuple):
    """Which class's feature is transplanted, by which carrier, and what its windows are taken to be.

    "relevant" are the most relevant ones of any image, "suspect" those of the suspect part of the class, "different"
    the one where that part's pixels differ from the rest.
    """

    class_id: int
    carrier: Carrier
    aim: Aim


@dataclass(frozen=True, eq=False)
class Route:
    """A plan with the places ``sources`` ``(n,)`` of images that give the feature, and ``boxes`` ``(n, 4)`` in them.

    ``others`` are places of images of the class without the feature; None where nobody knows any.
    """

    plan: Plan
    sources: Places
    boxes: Places
    others: Places | None

    def random(self, seed: int, per_source: int) -> np.random.Generator:
        """Random numbers for this route alone."""
        class_id, carrier, aim = self.plan
        return np.random.default_rng([seed, class_id, CARRIERS.index(carrier), _AIMS.index(aim), per_source])


@dataclass(frozen=True, eq=False)
class Pair:
    """The audited model and the reference, if there is one, before ``pixels`` ``(N, S, S, 3)`` of the audited's size.

    ``targets`` are places of images that both recognise, drawn from all; ``labels`` ``(N,)`` are the classes. Only for
    the classes that it ``knows`` the reference is a control: what it cannot recognise it never says.
    """

    model: Explainable
    reference: Explainable | None
    pixels: Pixels
    labels: Places
    targets: Places
    knows: frozenset[int]

    def drawn_targets(self, class_id: int, count: int, random: np.random.Generator) -> Places:
        """``count`` images of other classes."""
        others = self.targets[self.labels[self.targets] != class_id]
        return random.choice(others, count, replace=count > len(others))


def called(model: Explainable, pixels: Pixels) -> Places:
    """What a model calls images ``(N, S, S, 3)`` of any size, which are brought to its own, ``(N,)``."""
    size = model.preprocessing.input_size
    if pixels.shape[1] != size:
        pixels = np.stack([resize(Image.fromarray(image), size) for image in pixels])
    return predict(model, pixels).argmax(dim=1).numpy()


def transplant(pair: Pair, route: Route, per_source: int, seed: int, *, worth: float = -1) -> Transplant:
    """Bring what the route takes from each source into ``per_source`` images of other classes, drawn for it alone.

    The p-value is the largest of those against each control, source by source, and is not corrected yet. No control is
    asked once what the ones before leave of the rate of flips is less than it is ``worth`` to look on.
    """
    random = route.random(seed, per_source)
    targets = [pair.drawn_targets(route.plan.class_id, per_source, random) for _ in route.sources]
    flips = least = _flips(pair, route, targets, pair.model, _own(route))
    rates: dict[str, Rate | None] = dict.fromkeys(("reference", "others", "elsewhere"))
    p_values = []
    for name, model, donors in _controls(pair, route, random):
        if least.mean() < worth:
            break
        control = _flips(pair, route, targets, model, donors)
        rates[name] = _rate(control, per_source)
        p_values.append(p_above_zero(flips - control))
        least = min(least, flips - control, key=np.mean)
    found = _rate(flips, per_source)
    return Transplant(
        route.plan.carrier, route.sources, route.boxes, found, **rates, by_patch=least, p=max(p_values, default=1)
    )


def _own(route: Route) -> list[_Donor]:
    return [(int(image), box_of(edges)) for image, edges in zip(route.sources, route.boxes, strict=True)]


def _controls(pair: Pair, route: Route, random: np.random.Generator) -> Iterator[tuple[str, Explainable, list[_Donor]]]:
    """Each control that there is: its name, the model that is asked, and what gives instead of the sources."""
    own, side = _own(route), pair.pixels.shape[1]
    if route.others is not None:
        others = random.choice(route.others, len(own), replace=len(route.others) < len(own))
        yield "others", pair.model, [(int(image), box) for image, (_, box) in zip(others, own, strict=True)]
    if pair.reference is not None and route.plan.class_id in pair.knows:
        yield "reference", pair.reference, own
    if route.plan.carrier == "window":
        beside = [(image, other) for image, box in own if (other := box_beside(box, side, random))]
        if len(beside) == len(own):
            yield "elsewhere", pair.model, beside


def box_beside(box: Box, side: int, random: np.random.Generator) -> Box | None:
    """A box of the same size anywhere in an image but beside the given one; None where there is no room."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    lefts, tops = np.meshgrid(np.arange(side - width + 1), np.arange(side - height + 1))
    free = np.flatnonzero((lefts >= right) | (lefts + width <= left) | (tops >= bottom) | (tops + height <= top))
    if not len(free):
        return None
    chosen = random.choice(free)
    left, top = int(lefts.flat[chosen]), int(tops.flat[chosen])
    return left, top, left + width, top + height


def _flips(
    pair: Pair, route: Route, targets: list[Places], model: Explainable, donors: list[_Donor]
) -> NDArray[np.float64]:
    """The share of each source's targets that the model calls the class once they have what the donor gives."""
    changed = [
        carried(route.plan.carrier, pair.pixels[image], pair.pixels[places], box)
        for places, (image, box) in zip(targets, donors, strict=True)
    ]
    flipped = called(model, np.concatenate(changed)) == route.plan.class_id
    return np.asarray(flipped.reshape(len(targets), -1).mean(axis=1))


def box_of(edges: Places) -> Box:
    """A row of ``boxes`` as plain numbers."""
    left, top, right, bottom = (int(edge) for edge in edges)
    return left, top, right, bottom


def _rate(shares: NDArray[np.float64], per_source: int) -> Rate:
    return Rate(round(float(shares.sum()) * per_source), len(shares) * per_source)
