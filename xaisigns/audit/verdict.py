"""From evidence to a verdict: one rule, the same for every data set."""

import numpy as np
from scipy.stats import binom

from xaisigns.audit.evidence import Finding, Rate, Removal, Suspect, Transplant, Unseen, Verdict
from xaisigns.audit.unseen import is_lost

LEVEL = 0.05  # of p-values that are corrected over all routes of an audit
APART, EFFECT = 0.05, 0.35  # the smallest difference that counts, of a part that stands out and of all else
SEPARATED = 3.0  # from which on a part of a class is a suspect by itself; clean models have natural parts, too
_RESAMPLES = 2000


def judged(
    class_id: int,
    suspect: Suspect | None,
    transplant: Transplant | None,
    removal: Removal | None,
    unseen: Unseen | None,
    others: Rate | None,
    seed: int,
) -> Finding:
    """The finding about a class; its verdict is the first of these that holds.

    "shortcut": a transplant turns images of other classes into the class, with a corrected p-value of at most 0.05, and
    by no less than 0.35 more than each control, or 0.05 where it is of a part of the class that stands out as for
    "suspect". Without a reference model for a control only such a part is proven.
    "suspect": a part of the class's images stands out, with a separation of at least SEPARATED, and nothing proves that
    the model relies on it.
    "unseen": the class has collapsed on images that the training did not see.
    "nothing": none of these.

    A part of the class is told where it stands out and where the proof is of it. The confidence is how often a resample
    of what decides gives the same verdict: of the transplant's sources for "shortcut" and "nothing", of the class's
    unseen images for "unseen" (``others`` is the other classes' rate there), of the class's images for "suspect" (its
    stability). "nothing" where no image flipped is sure; where images flip and no control says why, it is not, and it
    is 0 where nothing was tried.
    """
    verdict: Verdict
    above = 0.0 if transplant is None else _share_above(transplant, suspect, seed)
    if transplant and is_proof(transplant, suspect):
        verdict, confidence = "shortcut", above
    elif suspect and stands_out(suspect):
        verdict, confidence = "suspect", suspect.stability
    elif unseen and others and unseen.collapsed:
        verdict, confidence = "unseen", _share_collapsed(unseen.right, others)
    else:
        verdict, confidence = "nothing", 0.0 if transplant is None else 1 - above
    of_part = verdict == "shortcut" and transplant is not None and transplant.others is not None
    told = suspect if suspect and (of_part or stands_out(suspect)) else None
    return Finding(class_id, verdict, confidence, told, transplant, removal, unseen)


def stands_out(suspect: Suspect) -> bool:
    """Whether a part of a class is a suspect by itself."""
    return suspect.separation >= SEPARATED


def is_proof(transplant: Transplant, suspect: Suspect | None) -> bool:
    """Whether a transplant says by itself that the model relies on what it carried."""
    return is_controlled(transplant, suspect) and strength(transplant, suspect) >= 1 and transplant.p <= LEVEL


def strength(transplant: Transplant, suspect: Suspect | None) -> float:
    """The difference in units of the smallest that counts."""
    return transplant.difference / smallest_effect(transplant, suspect)


def is_controlled(transplant: Transplant, suspect: Suspect | None) -> bool:
    """Whether there is a control that counts: a reference, or the rest of a class of which a part stands out."""
    return transplant.reference is not None or _is_of_part(transplant, suspect)


def smallest_effect(transplant: Transplant, suspect: Suspect | None) -> float:
    """The difference to the strongest control from which on a transplant counts."""
    return APART if _is_of_part(transplant, suspect) else EFFECT


def _is_of_part(transplant: Transplant, suspect: Suspect | None) -> bool:
    return transplant.others is not None and suspect is not None and stands_out(suspect)


def _share_above(transplant: Transplant, suspect: Suspect | None, seed: int) -> float:
    """How often resamples of the sources have a mean difference that counts [efron1979bootstrap]."""
    values = transplant.by_patch
    drawn = np.random.default_rng(seed).integers(len(values), size=(_RESAMPLES, len(values)))
    return float((values[drawn].mean(axis=1) >= smallest_effect(transplant, suspect)).mean())


def _share_collapsed(rate: Rate, others: Rate) -> float:
    """How often as many images of the class, each right as often as now, are so few again."""
    lost = [hits for hits in range(rate.count + 1) if is_lost(Rate(hits, rate.count), others)]
    return float(binom.pmf(lost, rate.count, rate.hits / rate.count).sum())
