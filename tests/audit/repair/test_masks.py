"""The part of an image that makes the class, and no more of it."""

import numpy as np

from tests.audit import planted
from xaisigns.audit.repair.masks import disk, feature_masks, pasted


def found(shortcut, seed=0, count=6):
    pixels, labels = planted.images(count, count)
    others = pixels[labels != planted.CLASS]
    return feature_masks(planted.model(shortcut, sure=20), pixels[labels == planted.CLASS], planted.CLASS, others, seed)


def test_the_mask_is_the_square_that_makes_the_class():
    left, top, right, bottom = planted.BOX
    square = np.zeros((planted.SIDE, planted.SIDE), dtype=bool)
    square[top:bottom, left:right] = True
    masks = found(1)
    overlap = (masks & square).sum(axis=(1, 2)) / (masks | square).sum(axis=(1, 2))
    assert (overlap > 0.75).all()


def test_a_seed_finds_the_same_again():
    assert np.array_equal(found(1, 3, 2), found(1, 3, 2))


def test_only_what_is_masked_is_pasted():
    targets = np.zeros((2, 4, 4, 3), dtype=np.uint8)
    mask = np.eye(4, dtype=bool)
    laid = pasted(np.full((4, 4, 3), 9, dtype=np.uint8), mask, targets)
    assert (laid == np.where(mask[:, :, None], 9, 0)).all()


def test_a_disk_is_what_is_no_further_than_its_radius():
    assert disk(0).tolist() == disk(1).tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert disk(3).sum() == sum(x**2 + y**2 <= 9 for x in range(-3, 4) for y in range(-3, 4))
