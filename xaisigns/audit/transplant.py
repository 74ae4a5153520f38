"""Proof by transplant: does a feature, brought into images of other classes, make the model say the class?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
_Donor = Callable[[int], tuple[int, Box]]  # of a source's number: the image that gives, and where in it


@dataclass(frozen=True, eq=False)
class Route:
    """What to transplant: what the ``carrier`` takes from images of a class, their places ``sources`` ``(n,)``.

    ``boxes`` ``(n, 4)`` are windows in them, ``others`` places of images of the class without the feature; None where
    nobody knows any.
    """

    class_id: int
    carrier: Carrier
    sources: Places
    boxes: Places
    others: Places | None

    def random(self, seed: int, per_source: int) -> np.random.Generator:
        """Random numbers for this route alone."""
        return np.random.default_rng(
            [seed, self.class_id, CARRIERS.index(self.carrier), int(self.others is None), per_source]
        )


@dataclass(frozen=True, eq=False)
class Pair:
    """The audited model and the reference, if there is one, before ``pixels`` ``(N, S, S, 3)`` of the audited's size.

    ``targets`` are places of images that both recognise, drawn from all; ``labels`` ``(N,)`` are the classes.
    """

    model: Explainable
    reference: Explainable | None
    pixels: Pixels
    labels: Places
    targets: Places

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


def transplant(pair: Pair, route: Route, per_source: int, seed: int, *, thorough: bool) -> Transplant:
    """Bring what the route takes from each source into ``per_source`` images of other classes, drawn for it alone.

    The p-value is the largest of those against each control, source by source, and is not corrected yet. Unless it is
    ``thorough``, no further control is asked once one flips as many images as the feature.
    """
    random = route.random(seed, per_source)
    targets = [pair.drawn_targets(route.class_id, per_source, random) for _ in route.sources]
    flips = _flips(pair, pair.model, route, targets, lambda n: (int(route.sources[n]), _box(route, n)))
    asked: dict[str, NDArray[np.float64]] = {}
    least, p = flips, 1.0
    for name, ask in _controls(pair, route, targets, random):
        if not thorough and least.mean() <= 0:
            break
        asked[name] = ask()
        difference = flips - asked[name]
        p = max(p if len(asked) > 1 else 0.0, p_above_zero(difference))
        least = min(least, difference, key=np.mean)
    rates = {name: _rate(asked[name], per_source) if name in asked else None for name in _CONTROLS}
    return Transplant(route.carrier, route.sources, route.boxes, _rate(flips, per_source), **rates, by_patch=least, p=p)


_CONTROLS = ("reference", "others", "elsewhere")


def _controls(
    pair: Pair, route: Route, targets: list[Places], random: np.random.Generator
) -> Iterator[tuple[str, Callable[[], NDArray[np.float64]]]]:
    """Each control that there is, and how to ask how often it flips the same targets."""
    if route.others is not None:
        others = random.choice(route.others, len(targets), replace=len(route.others) < len(targets))
        yield "others", lambda: _flips(pair, pair.model, route, targets, lambda n: (int(others[n]), _box(route, n)))
    if pair.reference is not None:
        reference = pair.reference
        yield (
            "reference",
            lambda: _flips(pair, reference, route, targets, lambda n: (int(route.sources[n]), _box(route, n))),
        )
    if route.carrier == "window":
        beside = [box_beside(_box(route, n), pair.pixels.shape[1], random) for n in range(len(targets))]
        boxes = [box for box in beside if box]
        if len(boxes) == len(targets):
            yield (
                "elsewhere",
                lambda: _flips(pair, pair.model, route, targets, lambda n: (int(route.sources[n]), boxes[n])),
            )


def box_beside(box: Box, side: int, random: np.random.Generator) -> Box | None:
    """A box of the same size anywhere in an image of this side but beside the given one; None where there is no room."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    lefts, tops = np.meshgrid(np.arange(side - width + 1), np.arange(side - height + 1))
    free = np.flatnonzero((lefts >= right) | (lefts + width <= left) | (tops >= bottom) | (tops + height <= top))
    if not len(free):
        return None
    chosen = random.choice(free)
    left, top = int(lefts.flat[chosen]), int(tops.flat[chosen])
    return left, top, left + width, top + height


def _flips(pair: Pair, model: Explainable, route: Route, targets: list[Places], donor: _Donor) -> NDArray[np.float64]:
    """The share of each source's targets that the model calls the class once they have what the donor gives."""
    changed = []
    for number, places in enumerate(targets):
        image, box = donor(number)
        changed.append(carried(route.carrier, pair.pixels[image], pair.pixels[places], box))
    flipped = called(model, np.concatenate(changed)) == route.class_id
    return flipped.reshape(len(targets), -1).mean(axis=1)


def _box(route: Route, number: int) -> Box:
    left, top, right, bottom = (int(edge) for edge in route.boxes[number])
    return left, top, right, bottom


def _rate(shares: NDArray[np.float64], per_source: int) -> Rate:
    return Rate(round(float(shares.sum()) * per_source), len(shares) * per_source)
