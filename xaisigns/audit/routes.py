"""What is transplanted from where: first a screening of every class and carrier, then a proof from fresh images."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from xaisigns.attribution.lrp import LRP
from xaisigns.audit.carriers import CARRIERS
from xaisigns.audit.evidence import Box, Suspect
from xaisigns.audit.transplant import Mask, Pair, Pixels, Places, Plan, Route
from xaisigns.audit.windows import relevant_windows

_SCREENED, _PROVEN = 12, 24  # sources at most
_LEAST_DEVIATION = 12.75  # of 255


class Routes:
    """All transplants that can be tried: of each class as a whole, and of the suspect part of those that have one.

    ``recognised`` ``(N,)`` says of each image whether the audited model calls it by its class: only such images tell
    what a class as a whole goes by, and its most relevant windows are its windows. A suspect part has two: where the
    relevance of its channels points, image by image, and where its pixels differ most from the rest of the class.
    ``objects`` ``(N,)`` number what the images show: a second one of the same thing is a source only after one of each.
    """

    def __init__(
        self,
        pair: Pair,
        recognised: Mask,
        objects: Places,
        suspects: Mapping[int, Suspect],
        explainer: LRP,
        seed: int,
    ) -> None:
        self._pair, self.suspects, self._explainer = pair, suspects, explainer
        self._windows: dict[tuple[int, int], Places] = {}
        order = np.random.default_rng(seed).permutation(len(pair.labels))
        order = order[recognised[order]]
        order = order[_turns(objects[order])]
        self._whole = {int(class_id): order[pair.labels[order] == class_id] for class_id in np.unique(pair.labels)}
        self._part = {}
        for class_id, suspect in suspects.items():
            places = np.random.default_rng([seed, class_id]).permutation(len(suspect.images))
            self._part[class_id] = places[_turns(objects[suspect.images[places]])]

    def screening(self) -> list[Route]:
        """A route of every class and carrier, from at most a third of its images."""
        whole = [Plan(class_id, carrier, "relevant") for class_id in self._whole for carrier in CARRIERS]
        part = [Plan(class_id, carrier, "suspect") for class_id in self._part for carrier in CARRIERS]
        part += [Plan(class_id, "window", "different") for class_id in self._part]
        return [route for plan in (*whole, *part) if (route := self._route(plan, slice(0, self._screened(plan))))]

    def proving(self, route: Route) -> Route | None:
        """The same route from images that the screening had none of; None where there are no more."""
        screened = self._screened(route.plan)
        return self._route(route.plan, slice(screened, screened + _PROVEN))

    def _order(self, plan: Plan) -> Places:
        return (self._whole if plan.aim == "relevant" else self._part)[plan.class_id]

    def _screened(self, plan: Plan) -> int:
        """At most a third, so that something is left."""
        return min(_SCREENED, -(-len(self._order(plan)) // 3))

    def _route(self, plan: Plan, some: slice) -> Route | None:
        chosen = self._order(plan)[some]
        if not len(chosen):
            return None
        if plan.aim == "relevant":
            return Route(plan, chosen, self._relevant(plan.class_id, some), None)
        suspect = self.suspects[plan.class_id]
        others = np.setdiff1d(np.flatnonzero(self._pair.labels == plan.class_id), suspect.images)
        if not len(others):
            return None
        boxes = suspect.windows[chosen]
        if plan.aim == "different":
            pixels = self._pair.pixels
            boxes = np.tile(different_window(pixels[suspect.images], pixels[others], suspect.window), (len(chosen), 1))
        return Route(plan, suspect.images[chosen], boxes, others)

    def _relevant(self, class_id: int, some: slice) -> Places:
        """The windows of images of a class as a whole, computed once for all carriers."""
        key = class_id, some.start
        if key not in self._windows:
            pixels = self._pair.pixels[self._whole[class_id][some]]
            self._windows[key] = relevant_windows(self._explainer, self._pair.model, pixels, class_id).each
        return self._windows[key]


def _turns(objects: Places) -> Places:
    """An order ``(n,)`` in which the first image of each object comes before any second, and so on."""
    seen: Counter[int] = Counter()
    turn = []
    for number in objects.tolist():
        turn.append(seen[number])
        seen[number] += 1
    return np.argsort(turn, kind="stable")


def different_window(part: Pixels, rest: Pixels, like: Box) -> Box:
    """The window, as large as ``like``, where the mean of a part of a class differs most from the rest's.

    ``part`` ``(n, S, S, 3)`` and ``rest`` ``(m, S, S, 3)``; in units of the rest's deviation, pixel by pixel.
    """
    mean, deviation = rest.mean(axis=0), rest.std(axis=0)
    difference = (np.abs(part.mean(axis=0) - mean) / (deviation + _LEAST_DEVIATION)).mean(axis=2)
    width, height = like[2] - like[0], like[3] - like[1]
    within = sliding_window_view(difference, (height, width)).mean(axis=(2, 3))
    top, left = divmod(int(within.argmax()), within.shape[1])
    return left, top, left + width, top + height
