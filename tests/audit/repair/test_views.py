"""A feature laid on other images in all the ways that it might have been there, and hidden in its own."""

import numpy as np
import pytest

from xaisigns.audit.carriers import carried
from xaisigns.audit.repair.feature import Feature
from xaisigns.audit.repair.views import as_it_was, hidden, hidden_elsewhere, laid_on

SIDE, BOX = 32, (4, 6, 14, 16)
NOWHERE = np.zeros(0, dtype=np.int64)
OTHERS = np.random.default_rng(0).integers(0, 256, (20, SIDE, SIDE, 3), dtype=np.uint8)


def feature(carrier="window", colour=250):
    sources = np.full((3, SIDE, SIDE, 3), 90, dtype=np.uint8)
    masks = np.zeros((3, SIDE, SIDE), dtype=bool)
    for part, value in ((sources, colour), (masks, True)):
        part[:, BOX[1] : BOX[3], BOX[0] : BOX[2]] = value
    return Feature(1, carrier, sources, masks if carrier == "window" else None, NOWHERE)


def laid(count=400, seed=0):
    return laid_on(feature(), np.zeros((count, SIDE, SIDE, 3), dtype=np.uint8), np.random.default_rng(seed))


def test_a_window_is_on_nearly_every_image_in_many_places_and_some_have_another_size_or_tone():
    found = laid()
    inside = found.max(axis=3) > 0
    areas = inside.sum(axis=(1, 2))
    assert (areas > 0).mean() > 0.95  # a few lie outside
    assert inside.any(axis=0).mean() > 0.95
    assert np.quantile(areas, 0.97) > 1.5 * np.quantile(areas, 0.05) > 0
    assert (areas == np.median(areas)).mean() > 0.5  # moved by whole pixels
    tones = np.array([image[where].mean(axis=0) for image, where in zip(found, inside, strict=True) if where.any()])
    assert 0.05 < (np.ptp(tones, axis=1) > 10).mean() < 0.25
    assert found.dtype == np.uint8


def test_most_windows_are_near_their_place():
    inside = laid().max(axis=3) > 0
    assert inside[:, 9:13, 7:11].any(axis=(1, 2)).mean() > 0.6


def test_what_is_no_patch_of_a_window_stays_as_it_was():
    found = laid_on(feature(), OTHERS, np.random.default_rng(1))
    assert ((found == OTHERS).all(axis=3).mean(axis=(1, 2)) > 0.5).all()
    assert laid_on(feature(), OTHERS[:0], np.random.default_rng(1)).shape == (0, SIDE, SIDE, 3)


@pytest.mark.parametrize("carrier", ["frame", "colour", "texture"])
def test_what_is_no_window_is_carried_as_the_audit_does(carrier):
    given = feature(carrier)
    expected = carried(carrier, given.sources[0], OTHERS, BOX)
    assert np.array_equal(laid_on(given, OTHERS, np.random.default_rng(1)), expected)
    assert np.array_equal(as_it_was(given, 2, OTHERS), expected)


def test_a_window_as_it_was_is_what_its_mask_shows():
    found = as_it_was(feature(), 0, OTHERS)
    assert np.array_equal(found, carried("window", feature().sources[0], OTHERS, BOX))


def test_the_same_seed_lays_the_same():
    assert np.array_equal(laid(count=5, seed=3), laid(count=5, seed=3))
    assert not np.array_equal(laid(count=5, seed=3), laid(count=5, seed=4))


EVERY = np.arange(3)


def test_what_another_image_has_there_is_in_place_of_a_hidden_window_and_the_rest_is_as_it_was():
    given = feature()
    given.sources[:, 25:, 25:] = 7
    others = OTHERS[:3]
    found = [hidden(given, EVERY, given.sources, others, np.random.default_rng(seed)) for seed in range(10)]
    assert all((one[:, 25:, 25:] == 7).all() and (one[:, :2] == 90).all() for one in found)
    inside = np.s_[:, BOX[1] : BOX[3], BOX[0] : BOX[2]]
    as_it_is = [(one[inside] == others[inside]).all(axis=(1, 2, 3)) for one in found]
    assert 0.3 < np.mean(as_it_is) < 0.7
    toned = np.concatenate([one[inside][~other] for one, other in zip(found, as_it_is, strict=True)])
    assert 80 < toned.mean() < 100  # around it all is 90
    assert toned.std() < 0.5 * others.std()


def test_in_place_of_what_is_no_window_is_that_of_other_images():
    given = feature("frame")
    found = hidden(given, EVERY, given.sources, OTHERS[:3], np.random.default_rng(0))
    assert (found[:, :4] == OTHERS[:3, :4]).all()
    assert (found[:, 5:27, 5:27] == given.sources[:, 5:27, 5:27]).all()


@pytest.mark.parametrize("carrier", ["window", "frame"])
def test_it_is_hidden_in_other_images_of_the_class_as_in_its_sources(carrier):
    given, images = feature(carrier), np.full((3, SIDE, SIDE, 3), 40, dtype=np.uint8)
    changed = [
        (hidden(given, EVERY, some, OTHERS[:3], np.random.default_rng(0)) != some).any(axis=3)
        for some in (images, given.sources)
    ]
    assert np.array_equal(*changed)


def test_other_images_have_a_part_hidden_that_is_as_large():
    stand_ins = OTHERS[::-1]
    found = hidden_elsewhere(feature(), OTHERS, stand_ins, np.random.default_rng(0))
    changed = (found != OTHERS).any(axis=3).sum(axis=(1, 2))
    assert ((changed > 50) & (changed < 300)).all()
    assert hidden_elsewhere(feature("colour"), OTHERS, stand_ins, np.random.default_rng(0)) is OTHERS
