"""Images that lose their class once the planted square is filled by what surrounds it."""

from dataclasses import replace

import numpy as np

from tests.audit.planted import SIDE, model
from tests.audit.test_transplant import PIXELS, ROUTE, pair
from xaisigns.audit.evidence import Rate
from xaisigns.audit.removal import filled, removal
from xaisigns.audit.transplant import transplant

FOUND = transplant(pair(), ROUTE, 2, 0)


def test_without_the_square_the_class_is_lost():
    found = removal(model(1), PIXELS, ROUTE.plan.class_id, FOUND, 0)
    assert found.suspect.hits >= 5  # without it three classes are as likely
    assert found.suspect.count == 8
    assert found.control == Rate(0, 8)


def test_only_images_that_are_recognised_can_lose_their_class():
    assert removal(model(1), PIXELS, 0, FOUND, 0) is None


def test_only_a_window_with_room_beside_it_is_filled():
    assert removal(model(1), PIXELS, ROUTE.plan.class_id, replace(FOUND, carrier="colour"), 0) is None
    large = replace(FOUND, boxes=np.tile((1, 1, 31, 31), (8, 1)))
    assert removal(model(1), PIXELS, ROUTE.plan.class_id, large, 0) is None


def test_a_slope_is_filled_by_itself():
    slope = np.repeat((np.indices((SIDE, SIDE)).sum(axis=0) * 3)[..., None], 3, axis=2).astype(np.uint8)
    spoilt = slope.copy()
    spoilt[8:18, 10:20] = 255
    assert np.abs(filled(spoilt, (10, 8, 20, 18)).astype(int) - slope).max() <= 1
