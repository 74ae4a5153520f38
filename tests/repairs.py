"""A shortcut that is made up, and what a repair of it measures."""

from unittest import mock

import numpy as np

import xaisigns as xs
from tests.findings import transplant
from xaisigns.audit import audit_files
from xaisigns.audit.auditing import Audit
from xaisigns.audit.evidence import Finding, Rate
from xaisigns.audit.repair.feature import Feature
from xaisigns.audit.repair.measuring import Judged, Measured
from xaisigns.audit.telling import told_rate

BEFORE, AFTER = (90, 950, 0), (1, 949, 95)


def a_shortcut(model, seen, unseen, reference, *, objects, responses, seed, progress):
    """Stands in for ``examine``: class 2 has a shortcut, about 4 and 9 nothing is found."""
    found = Finding(2, "shortcut", 0.9, None, transplant(seen.labels.numpy(), 2, 6), None, None)
    nothing = [Finding(class_id, "nothing", 0.9, None, None, None, None) for class_id in (4, 9)]
    return Audit((found, *nothing), 3, 1, ())


def audits(*shortcuts):
    """Stands in for ``examine`` one call after the other: whether class 2 has a shortcut this time."""
    left = list(shortcuts)

    def examined(model, seen, unseen, reference, *, objects, responses, seed, progress):
        if left.pop(0):
            return a_shortcut(
                model, seen, unseen, reference, objects=objects, responses=responses, seed=seed, progress=progress
            )
        nothing = [Finding(class_id, "nothing", 0.9, None, None, None, None) for class_id in (2, 4, 9)]
        return Audit(tuple(nothing), 3, 1, ())

    return examined


def a_feature(found, model, seen, seed, progress):
    """Stands in for ``feature_of``: six images of the class have a square in a corner."""
    own = np.flatnonzero(np.asarray(seen.images.labels) == found.id)
    sources = np.asarray(seen.images.pixels[own[np.arange(6) % len(own)]])
    masks = np.zeros(sources.shape[:3], dtype=bool)
    masks[:, :8, :8] = True
    return Feature(found.id, "window", sources, masks, own[:0])


def rates(flips, others, own):
    """What is judged of one feature, in per cent, per mille and per cent; the first images are right."""
    right = np.arange(1000) < others, np.arange(100) < own
    flips, others, own = told_rate(Rate(flips, 100)), told_rate(Rate(others, 1000)), told_rate(Rate(own, 100))
    return [Judged(Measured(others=others, own=own, flips=flips, right=others, without=own), *right)]


def written_findings(model, data, folder):
    """The file of an audit that found the shortcut."""
    with mock.patch.object(audit_files, "examine", a_shortcut):
        xs.audit(model, data, "none", out=folder, force=True)
    return folder / "findings.json"
