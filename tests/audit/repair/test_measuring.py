"""Rates by definition: a network that goes by a white square and by nothing else it should not."""

import numpy as np
import torch

from tests.audit import planted
from xaisigns.audit.repair.feature import Feature
from xaisigns.audit.repair.measuring import judged
from xaisigns.data.decoded import Images

PER_CLASS = 12


def rates(shortcut, carriers=0, classes=(0, 1, 2)):
    pixels, labels = planted.images(PER_CLASS, PER_CLASS)
    sources = pixels[labels == planted.CLASS]
    masks = np.zeros(sources.shape[:3], dtype=bool)
    masks[:, : planted.SQUARE, : planted.SQUARE] = True
    feature = Feature(planted.CLASS, "window", sources, masks, np.zeros(0, dtype=np.int64))
    tested, known = planted.images(PER_CLASS, carriers, seed=1)
    chosen = np.isin(known, classes)
    return judged(planted.model(shortcut), [feature], Images(tested[chosen], torch.from_numpy(known[chosen])))[0].told


def test_where_the_square_makes_the_class_all_turn():
    found = rates(1)
    assert found.flips.share == 1
    assert found.right.share == 0
    assert found.others.share == found.own.share == 1  # without a square the colours tell
    assert found.without.share < 1  # they have no colour
    assert found.flips.count == PER_CLASS * 20  # of the 24 others for each source
    assert (found.others.count, found.own.count, found.without.count) == (2 * PER_CLASS, PER_CLASS, PER_CLASS)


def test_where_it_does_not_none_turns():
    found = rates(0)
    assert (found.flips.share, found.right.share, found.others.share) == (0, 1, 1)


def test_a_class_that_is_not_tested_has_no_rate_of_its_own():
    found = rates(1, classes=(0, 1))
    assert found.own is None
    assert found.flips.share == 1
