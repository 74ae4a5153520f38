"""The pictures of a finding, against their definitions."""

from dataclasses import replace

import numpy as np

from tests.findings import findings, suspect, transplant
from xaisigns.audit.exhibits import EXAMPLES, exhibit, spread

LABELS = np.repeat([0, 1, 2, 3], 10)
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 24, 24, 3), dtype=np.uint8)
STRENGTHS = np.random.default_rng(1).random((40, 5))
SHORTCUT, LOST, SUSPECTED, _ = findings(LABELS, 0, 1, 2, [3])


def test_means_are_of_the_suspect_of_the_rest_and_of_what_is_in_the_windows():
    shown = exhibit(SHORTCUT, PIXELS, LABELS, STRENGTHS)
    np.testing.assert_allclose(shown.mean, PIXELS[:2].mean(axis=0), atol=0.5)
    np.testing.assert_allclose(shown.rest, PIXELS[2:10].mean(axis=0), atol=0.5)
    feature = (PIXELS[0, 4:14, 2:12].astype(float) + PIXELS[1, 4:14, 3:13]) / 2
    np.testing.assert_allclose(shown.feature, feature, atol=0.5)


def test_channels_show_the_images_that_excite_them_most_in_all_classes():
    shown = exhibit(SHORTCUT, PIXELS, LABELS, STRENGTHS)
    assert [channel for channel, _ in shown.channels] == [3, 1, 0]
    for channel, images in shown.channels:
        assert list(images) == sorted(range(40), key=lambda place: -STRENGTHS[place, channel])[:6]
        assert set(images) <= set(shown.images)
    assert set(SHORTCUT.transplant.sources.tolist()) <= set(shown.images)


def test_without_a_suspect_the_sources_are_shown():
    shown = exhibit(replace(SHORTCUT, suspect=None), PIXELS, LABELS, None)
    assert shown.images == (0, 1)
    assert (shown.rest, shown.channels) == (None, ())
    np.testing.assert_allclose(shown.mean, PIXELS[:2].mean(axis=0), atol=0.5)


def test_a_class_of_suspects_alone_has_no_rest():
    whole = replace(SUSPECTED, suspect=suspect(LABELS, 1, 10), transplant=None)
    assert exhibit(whole, PIXELS, LABELS, STRENGTHS).rest is None


def test_windows_of_several_sizes_are_brought_to_the_middle_one():
    boxes = np.array([(0, 0, 4, 6), (0, 0, 8, 6), (0, 0, 12, 6)])
    sources = transplant(LABELS, 0, 3, boxes=boxes)
    shown = exhibit(replace(SHORTCUT, suspect=None, transplant=sources), PIXELS, LABELS, None)
    assert shown.feature.shape == (6, 8, 3)


def test_a_finding_without_suspect_and_transplant_shows_nothing():
    assert exhibit(LOST, PIXELS, LABELS, None) is None


def test_places_are_spread_evenly_from_the_first_to_the_last():
    assert spread([3, 5, 7], 8) == [3, 5, 7]
    assert spread(range(100), 4) == [0, 33, 66, 99]
    assert spread([], 4) == []
    assert EXAMPLES == 8
