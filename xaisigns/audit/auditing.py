"""The audit itself: transplants, removals and unseen images, class by class, and a verdict on each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from xaisigns.attribution.lrp import LRP
from xaisigns.audit.evidence import Carrier, Finding, Removal, Transplant, Unseen, Verdict
from xaisigns.audit.removal import removal
from xaisigns.audit.routes import Routes
from xaisigns.audit.statistics import holm
from xaisigns.audit.suspects import kept_suspects
from xaisigns.audit.transplant import Mask, Pair, Pixels, Places, Route, called, transplant
from xaisigns.audit.unseen import other_classes, unseen_classes
from xaisigns.audit.verdict import is_controlled, judged, strength
from xaisigns.base.progress import Progress, silent
from xaisigns.data.decoded import Images
from xaisigns.errors import AuditError
from xaisigns.model.explainable import Explainable, module_of
from xaisigns.study.predictions import kept_predictions
from xaisigns.study.responses import Responses, respond

Limit = Literal["no_reference", "no_unseen", "reference_fails"]

_POOL = 600  # images that targets are drawn from
_SCREENING: dict[Carrier, int] = {"window": 3, "frame": 1, "colour": 1, "texture": 1}  # targets for each source
_PROVING = 6
_WORTH = 0.05  # the least difference in a screening that is looked at closely
_ASKED, _KNOWN = 20, 0.5  # images of a class, of which the reference must recognise so many
_SUSPECT = 2.0  # the separation from which on a part of a class is tried
_PROOFS, _PROOFS_OF_CLASS = 6, 2  # routes that are looked at closely


@dataclass(frozen=True)
class Audit:
    """The ``findings`` about all classes, what speaks most for a shortcut first.

    ``routes`` is how many transplants were screened; ``proofs`` how many of them were tried again with images of their
    own, for which the p-values are corrected. ``limits`` says what was missing: without a reference a feature that all
    images of a class share cannot be told from what the class is, and neither can it where the reference fails on the
    class's unseen images; without unseen images no class is seen to fail.
    """

    findings: tuple[Finding, ...]
    routes: int
    proofs: int
    limits: tuple[Limit, ...]


def examine(
    model: Explainable,
    seen: Images,
    unseen: Images | None,
    reference: Explainable | None,
    *,
    objects: Places | None = None,
    responses: Responses | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Audit:
    """What speaks for each class being known by a shortcut.

    ``seen`` are the images to examine, at the model's size, as its training had them; ``unseen`` are others, and None
    leaves that question out. ``reference`` is a model of the same classes that does not have the shortcut. ``objects``
    ``(N,)`` number what the images of ``seen`` show, several photographs of one thing alike (``objects_of``); without
    them each image is of another. ``responses`` are the model's to ``seen``, where they are known.

    A class whose best cluster is at least twice as separated as the others' has a part to look at. Then every class,
    and the part of those that have one, is screened by every carrier, with few images; what differs most from its
    controls is proven with sources and targets drawn anew, so that p-values are corrected only for these proofs. Raises
    AuditError for a reference with other classes and where the models together recognise no images of two classes, and
    as ``respond`` does.
    """
    if reference is not None and reference.classes != model.classes:
        raise AuditError(
            f"the model has {model.classes} classes and the reference {reference.classes}; name a reference that was "
            "trained on the same classes"
        )
    pixels, labels = np.asarray(seen.pixels), np.asarray(seen.labels)
    responses = responses or respond(model, pixels, progress=progress)
    recognised = responses.logits.argmax(axis=1) == labels
    targets = _targets(reference, pixels, labels, recognised, seed)
    pair = Pair(model, reference, pixels, labels, targets, _known(reference, unseen, seen, seed))
    explainer = LRP(module_of(model), bounds=model.bounds)
    objects = np.arange(len(labels)) if objects is None else objects
    suspects = kept_suspects(model, explainer, responses, pixels, labels, objects, seed, _SUSPECT)
    routes = Routes(pair, recognised, objects, suspects, explainer, seed)
    same = unseen is seen  # which the responses have answered
    known = unseen_classes(labels, responses.logits.argmax(axis=1)) if same else _unseen(model, unseen, progress)
    return weighed(pair, routes, known, seed=seed, progress=progress)


def weighed(pair: Pair, routes: Routes, known: Mapping[int, Unseen], *, seed: int, progress: Progress) -> Audit:
    """The audit of a pair of models, once it is known what can be transplanted and what unseen images say."""
    tried, screened, proofs = _tried(pair, routes, seed, progress)
    rates = {class_id: of_class.right for class_id, of_class in known.items()}
    findings = []
    for class_id in sorted(set(pair.labels.tolist()) | set(known)):
        found = tried.get(class_id)
        others = other_classes(rates, class_id) if class_id in rates else None
        removed = _removed(pair, class_id, found, seed)
        of_class = routes.suspects.get(class_id)
        findings.append(judged(class_id, of_class, found, removed, known.get(class_id), others, seed))
    limits: dict[Limit, bool] = {
        "no_reference": pair.reference is None,
        "no_unseen": not known,
        "reference_fails": pair.reference is not None and not pair.knows.issuperset(pair.labels.tolist()),
    }
    missing = tuple(limit for limit, holds in limits.items() if holds)
    return Audit(tuple(sorted(findings, key=_rank)), screened, proofs, missing)


def _unseen(model: Explainable, images: Images | None, progress: Progress) -> dict[int, Unseen]:
    if images is None:
        return {}
    logits = kept_predictions(model, np.asarray(images.pixels), progress=progress)
    return unseen_classes(np.asarray(images.labels), logits.argmax(axis=1))


def _targets(reference: Explainable | None, pixels: Pixels, labels: Places, recognised: Mask, seed: int) -> Places:
    """Places of images that all models recognise, drawn at random."""
    targets = np.random.default_rng(seed).permutation(len(labels))[:_POOL]
    drawn = len(targets)
    targets = targets[recognised[targets]]
    if reference is not None and len(targets):
        targets = targets[called(reference, pixels[targets]) == labels[targets]]
    if len(np.unique(labels[targets])) < 2:
        who = "the model recognises" if reference is None else "both models recognise"
        raise AuditError(
            f"of {drawn} images there are none of two classes or more that {who}; an audit needs a model, and a "
            "reference where there is one, that tells these images' classes apart"
        )
    return targets


def _known(reference: Explainable | None, unseen: Images | None, seen: Images, seed: int) -> frozenset[int]:
    """The classes of which the reference recognises half of some images: unseen ones, or seen where a class has none.

    Without any unseen image all count as known, since what a shortcut hides on the seen ones no other model recognises.
    """
    classes = frozenset(np.asarray(seen.labels).tolist())
    if reference is None or unseen is None:
        return classes
    given = dict.fromkeys(classes, seen) | dict.fromkeys(np.asarray(unseen.labels).tolist(), unseen)
    return frozenset(class_id for class_id in classes if _recognises(reference, given[class_id], class_id, seed))


def _recognises(model: Explainable, images: Images, class_id: int, seed: int) -> bool:
    order = np.random.default_rng(seed).permutation(len(images.labels))
    asked = order[np.asarray(images.labels)[order] == class_id][:_ASKED]
    return bool((called(model, np.asarray(images.pixels)[asked]) == class_id).mean() >= _KNOWN)


def _tried(pair: Pair, routes: Routes, seed: int, progress: Progress) -> tuple[dict[int, Transplant], int, int]:
    """Of each class the transplant that says most, and how many were screened and proven.

    Its p-value is 1 where it was only screened.
    """
    planned, screened = routes.screening(), list[tuple[Route, Transplant]]()
    for route in planned:
        found = transplant(pair, route, _SCREENING[route.plan.carrier], seed, worth=_WORTH)
        screened.append((route, replace(found, p=1.0)))
        progress("screening", len(screened), len(planned))
    screened.sort(key=lambda tried: -_strength(routes, tried))
    fresh = [proof for route in _worth_proving(routes, screened) if (proof := routes.proving(route))]
    proofs = list[tuple[Route, Transplant]]()
    for route in fresh:
        proofs.append((route, transplant(pair, route, _PROVING, seed)))
        progress("proving", len(proofs), len(fresh))
    corrected = holm([found.p for _, found in proofs])
    proven = [(route, replace(found, p=p)) for (route, found), p in zip(proofs, corrected, strict=True)]
    proven.sort(key=lambda tried: -_strength(routes, tried))
    return {route.plan.class_id: found for route, found in (*screened[::-1], *proven[::-1])}, len(screened), len(proofs)


def _strength(routes: Routes, tried: tuple[Route, Transplant]) -> float:
    route, found = tried
    return strength(found, routes.suspects.get(route.plan.class_id))


def _worth_proving(routes: Routes, screened: list[tuple[Route, Transplant]]) -> list[Route]:
    """The routes that differ most from a control, two of a class at most, so that it does not hide the others."""
    chosen: list[Route] = []
    for route, found in screened:
        class_id = route.plan.class_id
        of_class = sum(other.plan.class_id == class_id for other in chosen)
        controlled = is_controlled(found, routes.suspects.get(class_id))
        if found.difference >= _WORTH and controlled and of_class < _PROOFS_OF_CLASS:
            chosen.append(route)
    return chosen[:_PROOFS]


def _removed(pair: Pair, class_id: int, found: Transplant | None, seed: int) -> Removal | None:
    """Only where the transplant was worth a close look."""
    if found is None or found.p == 1:
        return None
    return removal(pair.model, pair.pixels, class_id, found, seed)


def _rank(finding: Finding) -> tuple[float, ...]:
    """Verdicts first, a collapsed class by how little that can be chance; then what was proven, by how much."""
    found, unseen = finding.transplant, finding.unseen
    chance = unseen.p if unseen and finding.verdict == "unseen" else 0.0
    only_screened = found is None or found.p == 1
    return (
        get_args(Verdict).index(finding.verdict),
        chance,
        only_screened,
        -strength(found, finding.suspect) if found else 0.0,
    )
