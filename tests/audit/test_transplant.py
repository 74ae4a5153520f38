"""What a transplant counts: flips by a planted square, controls that lack it, and p-values by patch."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.audit.planted import BOX, CLASS, SIDE, images, model
from xaisigns.audit.evidence import Rate
from xaisigns.audit.transplant import Pair, Plan, Route, box_beside, called, transplant
from xaisigns.data.preprocessing import resize

PER_CLASS, CARRIERS_OF_SQUARE = 20, 8
PIXELS, LABELS = images(PER_CLASS, CARRIERS_OF_SQUARE)
CARRYING = CLASS * PER_CLASS + np.arange(CARRIERS_OF_SQUARE)
OTHERS = CLASS * PER_CLASS + np.arange(CARRIERS_OF_SQUARE, PER_CLASS)
ROUTE = Route(Plan(CLASS, "window", "suspect"), CARRYING, np.tile(BOX, (CARRIERS_OF_SQUARE, 1)), OTHERS)


def pair(reference=0.0, side=SIDE):
    """A model with the shortcut beside one that has it so strongly; None for no reference."""
    other = None if reference is None else model(reference, side)
    return Pair(model(1), other, PIXELS, LABELS, np.flatnonzero(LABELS >= 0), frozenset(range(3)))


def test_a_planted_square_flips_all_and_no_control_any():
    found = transplant(pair(), ROUTE, 5, 0)
    assert found.flips == Rate(40, 40)
    assert (found.reference, found.others, found.elsewhere) == (Rate(0, 40),) * 3
    assert found.difference == 1
    assert (found.by_patch == 1).all()


@pytest.mark.parametrize("per_source", [1, 5, 20])
def test_more_images_of_a_patch_are_no_more_evidence(per_source):
    assert transplant(pair(), ROUTE, per_source, 0).p == pytest.approx(2.0**-CARRIERS_OF_SQUARE)


def test_what_the_reference_does_too_is_no_shortcut():
    found = transplant(pair(reference=1), ROUTE, 5, 0)
    assert found.reference == found.flips
    assert (found.difference, found.p) == (0, 1)
    assert (found.by_patch == 0).all()


def test_what_the_classes_other_images_do_too_is_no_suspects_doing():
    found = transplant(pair(None), replace(ROUTE, others=CARRYING[:3]), 5, 0)
    assert found.others == found.flips
    assert (found.difference, found.p) == (0, 1)


def test_controls_that_are_not_there_are_none():
    found = transplant(pair(None), replace(ROUTE, plan=Plan(CLASS, "frame", "relevant"), others=None), 5, 0)
    assert (found.reference, found.others, found.elsewhere) == (None, None, None)
    assert found.p == 1


def test_a_reference_is_no_control_of_a_class_that_it_does_not_know():
    found = transplant(replace(pair(1), knows=frozenset({0, 1})), replace(ROUTE, others=None), 5, 0)
    assert found.reference is None


def test_once_too_little_is_left_to_explain_no_further_control_is_asked():
    nowhere = replace(ROUTE, boxes=np.tile((20, 20, 30, 30), (CARRIERS_OF_SQUARE, 1)))
    found = transplant(pair(), nowhere, 5, 0, worth=0.05)
    assert (found.flips, found.others, found.reference, found.elsewhere) == (Rate(0, 40), None, None, None)
    thorough = transplant(pair(), nowhere, 5, 0)
    assert None not in (thorough.others, thorough.reference, thorough.elsewhere)


def test_a_reference_gets_the_images_at_its_own_size():
    found = transplant(pair(0, side=48), ROUTE, 5, 0)
    assert (found.flips, found.reference) == (Rate(40, 40), Rate(0, 40))
    large = np.stack([resize(Image.fromarray(image), 48) for image in PIXELS])
    assert (called(model(1, 48), PIXELS) == called(model(1, 48), large)).all()


def test_targets_are_of_other_classes():
    drawn = pair().drawn_targets(CLASS, 200, np.random.default_rng(0))
    assert set(LABELS[drawn]) == {0, 1}


def test_the_seed_alone_decides():
    noisy = replace(pair(), model=model(0.4))
    found = [transplant(noisy, ROUTE, 5, seed) for seed in (0, 0, 1)]
    assert (found[0].by_patch == found[1].by_patch).all()
    assert found[0].flips == found[1].flips


def test_a_box_beside_never_touches_the_box():
    random = np.random.default_rng(0)
    for _ in range(50):
        left, top, right, bottom = box_beside((6, 9, 16, 19), SIDE, random)
        assert (right - left, bottom - top) == (10, 10)
        assert min(left, top) >= 0
        assert max(right, bottom) <= SIDE
        assert left >= 16 or right <= 6 or top >= 19 or bottom <= 9


def test_a_large_box_leaves_no_room():
    assert box_beside((2, 2, 30, 30), SIDE, np.random.default_rng(0)) is None
    large = replace(ROUTE, boxes=np.tile((2, 2, 30, 30), (CARRIERS_OF_SQUARE, 1)))
    assert transplant(pair(), large, 2, 0).elsewhere is None
