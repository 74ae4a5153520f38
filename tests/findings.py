"""Evidence that is made up, about images that are there: what an audit tells is tested without one."""

import numpy as np

from xaisigns.audit.auditing import Audit
from xaisigns.audit.evidence import Finding, Rate, Removal, Suspect, Transplant, Unseen
from xaisigns.audit.exhibits import exhibit
from xaisigns.audit.findings import Findings, ToldData, ToldModel, ToldReference
from xaisigns.audit.telling import told_finding
from xaisigns.base.documents import json_text

LAYER, CHANNELS = "features.4", (3, 1, 0, 2)
FLIPS, REFERENCE = Rate(46, 100), Rate(0, 100)


def suspect(labels, class_id, count=2):
    images = np.flatnonzero(labels == class_id)
    windows = np.array([(2 + place, 4, 12 + place, 14) for place in range(count)])
    return Suspect(class_id, images[:count], len(images), 3.2, 0.97, LAYER, CHANNELS, (2, 4, 12, 14), windows)


def transplant(labels, class_id, count=2, **changes):
    sources = np.flatnonzero(labels == class_id)[:count]
    boxes = np.array([(2 + place, 4, 12 + place, 14) for place in range(count)])
    given = {"flips": FLIPS, "reference": REFERENCE, "others": Rate(2, 100), "elsewhere": Rate(8, 100)}
    rest = {"by_patch": np.linspace(0.2, 0.6, count), "p": 0.004}
    return Transplant(**{"carrier": "window", "sources": sources, "boxes": boxes, **given, **rest, **changes})


def findings(labels, shortcut, suspected, lost, others=()):
    """One class for each verdict, and others about which nothing is found."""
    removal, right = Removal(Rate(30, 40), Rate(1, 40)), Unseen(Rate(5, 6), 1.0, collapsed=False)
    none = transplant(labels, suspected, flips=Rate(1, 100))
    return (
        Finding(shortcut, "shortcut", 0.99, suspect(labels, shortcut), transplant(labels, shortcut), removal, right),
        Finding(lost, "unseen", 0.8, None, None, None, Unseen(Rate(0, 6), 1e-6, collapsed=True)),
        Finding(suspected, "suspect", 0.7, suspect(labels, suspected), none, None, right),
        *(Finding(class_id, "nothing", 0.6, None, None, None, right) for class_id in others),
    )


def examined(model, seen, unseen, reference, *, objects, responses, seed, progress):
    """Stands in for ``examine``: the first three classes of the images have a verdict each."""
    first, second, third, *others = np.unique(seen.labels.numpy()).tolist()
    found = findings(seen.labels.numpy(), first, second, third, others)
    return Audit(found, 7, 2, ("no_reference",) if reference is None else ())


def made_up(weights="0" * 64, language="en", names=("a", "b", "c", "d"), side=32, **changes):
    """A document of the three findings, about four classes of random pictures."""
    labels = np.repeat(np.arange(len(names)), 6)
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), side, side, 3), dtype=np.uint8)
    keys = [f"{class_id}/{place}.png" for place, class_id in enumerate(labels)]
    strengths = np.random.default_rng(1).random((len(labels), 4))
    told = tuple(
        told_finding(one, names[one.class_id], keys, pixels, _exhibit(one, pixels, labels, strengths), language)
        for one in findings(labels, 0, 1, 2, range(3, len(names)))
    )
    data = ToldData(split="train", images=len(labels), fingerprint="1" * 64, stickers=None)
    given = {
        "format": 1,
        "made_by": "xaisigns 1.0",
        "seed": 7,
        "model": ToldModel(weights=weights, input_size=side, classes=len(names)),
        "reference": ToldReference(name="clean", weights="2" * 64),
        "data": data,
        "unseen": None,
        "thresholds": {"level": 0.05},
        "routes": 5,
        "proofs": 2,
        "finding": told[0].sentence,
        "limits": {"whole_class": "Not that."},
        "findings": told,
    }
    return Findings(**{**given, **changes})


def _exhibit(finding, pixels, labels, strengths):
    return exhibit(finding, pixels, labels, strengths) if finding.verdict != "nothing" else None


def written(found, path):
    """The file of findings as an audit writes it."""
    path.write_text(json_text(found.model_dump(mode="json")), encoding="utf-8")
    return path
