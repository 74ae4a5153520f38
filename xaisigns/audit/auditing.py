"""The audit itself: suspects, transplants, removals and what was not seen, class by class, and a verdict on each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xaisigns.attribution.lrp import LRP
from xaisigns.audit.carriers import CARRIERS
from xaisigns.audit.evidence import Finding, Removal, Suspect, Transplant, Unseen
from xaisigns.audit.removal import removal
from xaisigns.audit.statistics import holm
from xaisigns.audit.transplant import Pair, Places, Route, called, transplant
from xaisigns.audit.unseen import other_classes, unseen_classes
from xaisigns.audit.verdict import is_controlled, is_proof, judged, smallest_effect
from xaisigns.audit.windows import relevant_windows
from xaisigns.base.progress import Progress, silent
from xaisigns.data.decoded import Images
from xaisigns.errors import AuditError
from xaisigns.model.explainable import Explainable

Limit = Literal["no reference", "nothing unseen", "no room for controls"]

_POOL = 24  # images of a class that targets are drawn from
_WHOLE, _PART = 16, 24  # sources at most: of a class, and of its suspect part
_SCREENED = {"window": 2, "frame": 1, "colour": 1, "texture": 1}  # targets for each source
_PROVEN = 10
_PROOFS = 8  # routes that are looked at closely


@dataclass(frozen=True)
class Audit:
    """The ``findings`` about all classes, what speaks most for a shortcut first.

    ``routes`` is how many transplants their p-values are corrected for; ``limits`` are what this audit cannot tell.
    """

    findings: tuple[Finding, ...]
    routes: int
    limits: tuple[Limit, ...]


def examine(
    model: Explainable,
    seen: Images,
    unseen: Images | None = None,
    reference: Explainable | None = None,
    suspects: Sequence[Suspect] = (),
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> Audit:
    labels = np.asarray(seen.labels)
    pair, own = _prepared(model, reference, np.asarray(seen.pixels), labels, seed)
    by_class = {suspect.class_id: suspect for suspect in suspects}
    routes = [*_whole_routes(pair, own), *_part_routes(by_class, labels, seed)]
    best = _tried(pair, routes, seed, progress)
    known, others = {}, {}
    if unseen is not None:
        known = unseen_classes(np.asarray(unseen.labels), called(model, np.asarray(unseen.pixels)))
        others = {class_id: other_classes({c: u.right for c, u in known.items()}, class_id) for class_id in known}
    findings = []
    for class_id in sorted(own):
        found = best.get(class_id)
        findings.append(
            judged(
                class_id,
                by_class.get(class_id),
                found,
                removal(model, pair.pixels, class_id, found, seed) if found and is_proof(found) else None,
                known.get(class_id),
                others.get(class_id),
                seed,
            )
        )
    return Audit(tuple(sorted(findings, key=_rank)), len(routes), ())


def _rank(finding: Finding) -> tuple[int, bool, float]:
    order = {"shortcut": 0, "unseen": 1, "suspect": 2, "nothing": 2}[finding.verdict]
    found = finding.transplant
    return (order, found is None or found.p == 1.0, -_score(found) if found else 0.0)


def _score(found: Transplant) -> float:
    return found.difference / smallest_effect(found)


def _prepared(model, reference, pixels, labels, seed):
    random = np.random.default_rng(seed)
    classes = np.unique(labels)
    places = np.concatenate([random.permutation(np.flatnonzero(labels == c))[:_POOL] for c in classes])
    recognised = called(model, pixels[places]) == labels[places]
    both = recognised & (called(reference, pixels[places]) == labels[places]) if reference else recognised
    own = {int(c): places[(labels[places] == c) & recognised] for c in classes}
    targets = {int(c): places[(labels[places] == c) & both] for c in classes}
    return Pair(model, reference, pixels, {c: t for c, t in targets.items() if len(t)}), own


def _whole_routes(pair: Pair, own: Mapping[int, Places]) -> list[Route]:
    explainer = LRP(pair.model.module, bounds=pair.model.bounds)
    routes = []
    for class_id, places in own.items():
        sources = places[:_WHOLE]
        if not len(sources):
            continue
        boxes = relevant_windows(explainer, pair.model, pair.pixels[sources], class_id).each
        routes += [Route(class_id, carrier, sources, boxes, None) for carrier in CARRIERS]
    return routes


def _part_routes(suspects: Mapping[int, Suspect], labels: NDArray[np.int64], seed: int) -> list[Route]:
    routes = []
    for class_id, suspect in suspects.items():
        random = np.random.default_rng([seed, class_id])
        chosen = random.permutation(len(suspect.images))[:_PART]
        others = np.setdiff1d(np.flatnonzero(labels == class_id), suspect.images)
        routes += [
            Route(class_id, carrier, suspect.images[chosen], suspect.windows[chosen], others) for carrier in CARRIERS
        ]
    return routes


def _tried(pair: Pair, routes: list[Route], seed: int, progress: Progress) -> dict[int, Transplant]:
    """The transplant of each class that says most, with p-values corrected over all routes."""
    screened = []
    for number, route in enumerate(routes):
        screened.append(replace(transplant(pair, route, _SCREENED[route.carrier], seed, thorough=False), p=1.0))
        progress("screening", number + 1, len(routes))
    order = sorted(range(len(routes)), key=lambda n: -_score(screened[n]))
    chosen = [n for n in order if screened[n].difference > 0 and is_controlled(screened[n])][:_PROOFS]
    tried = dict(enumerate(screened))
    for n in chosen:
        tried[n] = transplant(pair, routes[n], _PROVEN, seed, thorough=True)
    corrected = holm([tried[n].p for n in range(len(routes))])
    best: dict[int, Transplant] = {}
    for n, route in enumerate(routes):
        tried[n] = replace(tried[n], p=corrected[n])
    for n in sorted(range(len(routes)), key=lambda n: (n in chosen, _score(tried[n]))):
        best[routes[n].class_id] = tried[n]
    return best
