"""Evidence that is made up, about images that are there: what an audit tells is tested without one."""

import numpy as np

from xaisigns.audit.auditing import Audit
from xaisigns.audit.evidence import Finding, Rate, Removal, Suspect, Transplant, Unseen

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


def examined(model, seen, unseen, reference, *, seed, progress):
    """Stands in for ``examine``: the first three classes of the images have a verdict each."""
    first, second, third, *others = np.unique(seen.labels.numpy()).tolist()
    found = findings(seen.labels.numpy(), first, second, third, others)
    return Audit(found, 7, ("no reference",) if reference is None else ())
