"""What is transplanted from where: first a screening of every class and carrier, then a proof from fresh images."""

from collections.abc import Mapping

import numpy as np

from xaisigns.attribution.lrp import LRP
from xaisigns.audit.carriers import CARRIERS
from xaisigns.audit.evidence import Carrier, Suspect
from xaisigns.audit.transplant import Mask, Pair, Places, Route
from xaisigns.audit.windows import relevant_windows

_SCREENED, _PROVEN = 12, 24  # sources at most


class Routes:
    """All transplants that can be tried: of each class as a whole, and of the suspect part of those that have one.

    ``recognised`` ``(N,)`` says of each image whether the audited model calls it by its class: only such images tell
    what a class as a whole goes by, and its most relevant windows are its windows.
    """

    def __init__(
        self, pair: Pair, recognised: Mask, suspects: Mapping[int, Suspect], explainer: LRP, seed: int
    ) -> None:
        self._pair, self.suspects, self._explainer = pair, suspects, explainer
        order = np.random.default_rng(seed).permutation(len(pair.labels))
        order = order[recognised[order]]
        self._whole = {int(class_id): order[pair.labels[order] == class_id] for class_id in np.unique(pair.labels)}
        self._part = {
            class_id: np.random.default_rng([seed, class_id]).permutation(len(suspect.images))
            for class_id, suspect in suspects.items()
        }

    def screening(self) -> list[Route]:
        """A route of every class and carrier, from at most a third of its images."""
        whole = [self._of_whole(class_id, _first(places), CARRIERS) for class_id, places in self._whole.items()]
        part = [self._of_part(class_id, _first(numbers), CARRIERS) for class_id, numbers in self._part.items()]
        return [route for routes in (*whole, *part) for route in routes]

    def proving(self, route: Route) -> Route | None:
        """The same route from images that the screening had none of; None where there are no more."""
        order = self._whole if route.others is None else self._part
        fresh = order[route.class_id][len(_first(order[route.class_id])) :][:_PROVEN]
        of = self._of_whole if route.others is None else self._of_part
        return next(iter(of(route.class_id, fresh, (route.carrier,))), None)

    def _of_whole(self, class_id: int, sources: Places, carriers: tuple[Carrier, ...]) -> list[Route]:
        if not len(sources):
            return []
        boxes = relevant_windows(self._explainer, self._pair.model, self._pair.pixels[sources], class_id).each
        return [Route(class_id, carrier, sources, boxes, None) for carrier in carriers]

    def _of_part(self, class_id: int, numbers: Places, carriers: tuple[Carrier, ...]) -> list[Route]:
        suspect = self.suspects[class_id]
        others = np.setdiff1d(np.flatnonzero(self._pair.labels == class_id), suspect.images)
        if not len(numbers) or not len(others):
            return []
        sources, boxes = suspect.images[numbers], suspect.windows[numbers]
        return [Route(class_id, carrier, sources, boxes, others) for carrier in carriers]


def _first(order: Places) -> Places:
    """What the screening takes: at most a third, so that something is left."""
    return order[: min(_SCREENED, -(-len(order) // 3))]
