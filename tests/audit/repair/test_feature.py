"""A feature is what a finding shows, where it lies in the data that were audited, and nothing else."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.audit import planted
from tests.findings import transplant
from xaisigns.audit.evidence import Finding
from xaisigns.audit.repair.feature import feature_of
from xaisigns.audit.telling import told_finding
from xaisigns.data.decoded import Images
from xaisigns.errors import AuditError

COUNT = 12
PIXELS, LABELS = planted.images(COUNT, COUNT)
KEYS = [str(place) for place in range(len(LABELS))]
OWN = LABELS == planted.CLASS


def material(pixels=PIXELS, labels=LABELS, keys=KEYS):
    """What was audited; of the samples only their keys are asked."""
    samples = [SimpleNamespace(key=key) for key in keys]
    return SimpleNamespace(images=Images(pixels, torch.from_numpy(labels)), data=SimpleNamespace(samples=samples))


def told(suspect=None, **changes):
    found = Finding(2, "shortcut", 0.99, suspect, transplant(LABELS, 2, 6, **changes), None, None)
    return told_finding(found, "c", KEYS, PIXELS, None, "en")


def test_a_whole_classes_feature_is_in_its_images():
    feature = feature_of(told(), planted.model(1, sure=20), material())
    assert (feature.class_id, feature.carrier) == (2, "window")
    assert np.array_equal(feature.sources, PIXELS[OWN])
    assert (feature.masks[:, : planted.SQUARE, : planted.SQUARE].mean(axis=(1, 2)) > 0.75).all()
    assert (feature.masks.mean(axis=(1, 2)) < 1.2 * (planted.SQUARE / planted.SIDE) ** 2).all()
    assert feature.without.size == 0


def test_a_suspects_feature_is_in_its_images_and_not_in_the_rest_of_its_class():
    feature = feature_of(told(planted.suspect(COUNT, 8)), planted.model(1, sure=20), material())
    assert np.array_equal(feature.sources, PIXELS[OWN][:8])
    assert feature.without.tolist() == np.flatnonzero(OWN)[8:].tolist()


def test_what_is_no_window_has_no_place():
    feature = feature_of(told(carrier="colour"), planted.model(1, sure=20), material())
    assert feature.masks is None
    assert len(feature.sources) == COUNT


def test_every_third_source_is_kept_and_none_is_in_both_parts():
    used, kept = feature_of(told(), planted.model(1, sure=20), material()).parted()
    assert (len(used.sources), len(used.masks), len(kept.sources), len(kept.masks)) == (8, 8, 4, 4)
    assert np.array_equal(np.concatenate([used.sources[:2], kept.sources[:1]]), PIXELS[OWN][:3])


def test_images_in_which_nothing_makes_the_class_give_nothing():
    few = planted.images(COUNT, 7)[0]
    feature = feature_of(told(), planted.model(1, sure=20), material(few))
    assert np.array_equal(feature.sources, few[OWN][:7])
    with pytest.raises(AuditError, match=r"^of 12 images of class 2 only 0 have something that makes the model say it"):
        feature_of(told(), planted.model(0, sure=20), material(planted.images(COUNT, 5)[0]))


def test_a_finding_without_a_transplant_is_refused():
    nothing = told_finding(Finding(2, "nothing", 0.9, None, None, None, None), "c", KEYS, PIXELS, None, "en")
    with pytest.raises(AuditError, match=r"^the finding about class 2 shows nothing that makes the model say it"):
        feature_of(nothing, planted.model(1, sure=20), material())


def test_other_data_than_were_audited_are_refused():
    suspect = replace(planted.suspect(COUNT, 8))
    with pytest.raises(AuditError, match=r"^the data do not have '24', which the finding about class 2 names"):
        feature_of(told(suspect), planted.model(1, sure=20), material(keys=[f"other/{key}" for key in KEYS]))
    with pytest.raises(AuditError, match=r"^the data have no images of class 2"):
        feature_of(told(), planted.model(1, sure=20), material(labels=LABELS + 1 + (LABELS > 0)))
