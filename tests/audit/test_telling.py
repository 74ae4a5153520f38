"""From evidence to the document: keys in place of numbers, shares with intervals, names that a file can hold."""

import json

import numpy as np
import pytest

from tests.findings import FLIPS, findings
from xaisigns.audit.evidence import Rate
from xaisigns.audit.exhibits import exhibit
from xaisigns.audit.findings import pixels_of
from xaisigns.audit.telling import readable, told_finding, told_rate
from xaisigns.model.evaluation import wilson_interval

LABELS = np.repeat([0, 1, 2], 4)
PIXELS = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), dtype=np.uint8)
KEYS = [f"key {place}" for place in range(12)]
SHORTCUT, LOST, _ = findings(LABELS, 0, 1, 2)


def test_all_evidence_is_told_by_keys():
    shown = exhibit(SHORTCUT, PIXELS, LABELS, np.eye(12))
    told = told_finding(SHORTCUT, "Stop", KEYS, PIXELS, shown, "en")
    assert [spot.key for spot in told.suspect.images] == ["key 0", "key 1"]
    assert [(patch.key, patch.box) for patch in told.transplant.patches] == [
        ("key 0", (2, 4, 12, 14)),
        ("key 1", (3, 4, 13, 14)),
    ]
    assert told.transplant.patches[1].difference == pytest.approx(0.6)
    assert told.transplant.difference == pytest.approx(0.46 - 0.08)
    assert told.suspect.channels[0].images[0] == "key 3"
    assert told.removal.suspect.hits == 30
    for key, url in told.pictures.images.items():
        np.testing.assert_array_equal(pixels_of(url), PIXELS[KEYS.index(key)])
    np.testing.assert_array_equal(pixels_of(told.pictures.mean), shown.mean)
    assert told.sentence.startswith("Of images that show something else, 46.0% become “Stop” once a patch")
    json.dumps(told.model_dump(mode="json"))


def test_what_is_not_there_is_none():
    told = told_finding(LOST, "Stop", KEYS, PIXELS, None, "en")
    assert (told.suspect, told.transplant, told.removal, told.pictures) == (None, None, None, None)
    assert told.unseen.collapsed
    assert told.sentence.startswith("The network recognises 0 of 6 images of “Stop” that the training did not see.")


def test_a_rate_has_its_interval():
    told = told_rate(FLIPS)
    assert (told.share, told.interval) == (0.46, wilson_interval(46, 100))
    assert told_rate(Rate(np.int64(3), np.int64(4))).hits == 3


def test_bytes_of_a_name_that_are_no_text_are_written_as_python_does():
    assert readable("Straße\udcdf") == "Straße\\udcdf"
