"""The rule: which evidence gives which verdict, how sure."""

from dataclasses import replace

import numpy as np
import pytest

from xaisigns.audit.evidence import Rate, Suspect, Transplant, Unseen
from xaisigns.audit.verdict import APART, EFFECT, LEVEL, SEPARATED, judged, strength

SUSPECT = Suspect(
    3, np.arange(5), 50, SEPARATED, 0.8, "features.14", (1,), (0, 0, 8, 8), np.zeros((5, 4), dtype=np.int64)
)
GONE = Unseen(Rate(0, 58), 1e-9, collapsed=True)
WORSE = Unseen(Rate(40, 58), 1e-3, collapsed=False)
OTHERS = Rate(990, 1000)


def transplanted(difference, *, reference=True, others=False, p=0.001):
    """Of 100 images so many more flipped than by the controls."""
    return Transplant(
        "window",
        np.arange(10),
        np.zeros((10, 4), dtype=np.int64),
        Rate(round(100 * difference) + 5, 100),
        Rate(5, 100) if reference else None,
        Rate(4, 100) if others else None,
        Rate(3, 100),
        np.full(10, difference),
        p,
    )


def verdict(suspect=None, transplant=None, unseen=None):
    return judged(3, suspect, transplant, None, unseen, OTHERS, 0)


def test_the_difference_must_be_large():
    assert verdict(transplant=transplanted(EFFECT + 0.01)).verdict == "shortcut"
    assert verdict(transplant=transplanted(EFFECT - 0.01)).verdict == "nothing"


@pytest.mark.parametrize(
    ("suspect", "smallest", "else_"),
    [(replace(SUSPECT, separation=SEPARATED - 0.1), EFFECT, "nothing"), (SUSPECT, APART, "suspect")],
)
def test_of_a_part_that_stands_out_a_smaller_one_is_enough(suspect, smallest, else_):
    assert verdict(suspect, transplanted(smallest + 0.01, others=True)).verdict == "shortcut"
    assert verdict(suspect, transplanted(smallest - 0.01, others=True)).verdict == else_


def test_what_the_whole_class_has_is_not_proven_by_the_small_difference_of_a_part():
    assert verdict(SUSPECT, transplanted(APART + 0.01)).verdict == "suspect"


def test_without_a_reference_only_a_part_that_stands_out_is_proven():
    shown = transplanted(0.9, reference=False, others=True)
    assert verdict(SUSPECT, shown).verdict == "shortcut"
    assert verdict(replace(SUSPECT, separation=SEPARATED - 0.1), shown).verdict == "nothing"


def test_a_part_is_told_where_it_stands_out_or_is_proven():
    weak = replace(SUSPECT, separation=SEPARATED - 0.1)
    assert verdict(weak, transplanted(0.9, others=True)).suspect is weak
    assert verdict(weak, transplanted(0.9)).suspect is None
    assert verdict(weak, unseen=GONE).suspect is None
    assert verdict(SUSPECT, transplanted(0.9)).suspect is SUSPECT


def test_what_may_be_chance_proves_nothing():
    assert verdict(transplant=transplanted(0.9, p=LEVEL * 1.01)).verdict == "nothing"


def test_without_a_control_that_counts_there_is_no_verdict_and_no_confidence():
    found = verdict(transplant=transplanted(0.9, reference=False))
    assert (found.verdict, found.confidence) == ("nothing", 0)


def test_the_strongest_control_counts():
    assert strength(replace(transplanted(0.5), elsewhere=Rate(50, 100)), SUSPECT) == pytest.approx(0.05 / EFFECT)


def test_what_names_a_feature_comes_before_a_collapse():
    assert verdict(unseen=GONE).verdict == "unseen"
    assert verdict(unseen=WORSE).verdict == "nothing"
    assert verdict(SUSPECT, unseen=GONE).verdict == "suspect"
    assert verdict(SUSPECT, transplanted(0.5), GONE).verdict == "shortcut"


def test_no_evidence_is_nothing():
    found = verdict()
    assert (found.verdict, found.confidence) == ("nothing", 0)


def test_confidence_is_how_often_resampled_sources_say_the_same():
    patches = np.array([0.0] * 5 + [0.9] * 5)  # below 0.35 on average where at most three of ten draws are 0.9
    found = verdict(transplant=replace(transplanted(0.45), by_patch=patches))
    assert found.verdict == "shortcut"
    assert found.confidence == pytest.approx(1 - 0.1719, abs=0.03)
    weak = verdict(transplant=replace(transplanted(0.2), by_patch=patches))
    assert weak.confidence == pytest.approx(0.1719, abs=0.03)


def test_confidence_of_a_suspect_is_its_stability():
    assert verdict(SUSPECT).confidence == SUSPECT.stability


def test_confidence_of_a_collapse_is_how_often_it_would_be_one_again():
    assert verdict(unseen=GONE).confidence == pytest.approx(1)
    assert verdict(unseen=replace(GONE, right=Rate(19, 58))).confidence == pytest.approx(0.5, abs=0.3)
