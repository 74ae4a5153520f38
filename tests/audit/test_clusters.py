import numpy as np
import pytest

from xaisigns.audit import clusters as room
from xaisigns.errors import ShapeError
from xaisigns.study.responses import Responses

CHANNELS = {"early": 6, "late": 8}
PART, FIRST = 5, 6  # where the feature is, and the first of late's channels


def clusters(responses, labels, objects=None, **options):
    """Of images that show an object each, unless it is said otherwise."""
    return room.clusters(responses, labels, np.arange(len(labels)) if objects is None else objects, **options)


def answers(carriers, classes=4, per_class=60, seed=0):
    """Answers of four parts' worth of noise; ``carriers`` of class 2 answer to something in two of late's channels."""
    generator = np.random.default_rng(seed)
    parts = np.abs(generator.normal(1, 0.3, size=(classes * per_class, 16, sum(CHANNELS.values()))))
    labels = np.repeat(np.arange(classes), per_class)
    parts += 0.2 * labels[:, None, None] * generator.random(parts.shape[1:])
    parts *= generator.uniform(0.7, 1.4, size=(len(parts), 1, 1))  # the light
    own = np.flatnonzero(labels == 2)
    chosen = np.sort(generator.permutation(own)[:carriers])
    parts[chosen, PART, FIRST + 2] += 4
    parts[chosen, PART, FIRST + 5] += 3
    return Responses(np.zeros((len(labels), classes), np.float32), CHANNELS, parts.astype(np.float16)), labels, chosen


@pytest.mark.parametrize("carriers", [6, 20])
def test_the_images_that_carry_something_are_named_with_its_part_and_channels(carriers):
    responses, labels, chosen = answers(carriers)
    found = {cluster.class_id: cluster for cluster in clusters(responses, labels)}
    np.testing.assert_array_equal(found[2].images, chosen)
    assert (found[2].count, found[2].part, found[2].layer) == (60, PART, "late")
    assert set(found[2].channels[:2]) == {2, 5}
    assert found[2].stability > 0.8


def test_a_large_class_is_named_as_a_whole():
    responses, labels, chosen = answers(50, per_class=500)
    (found,) = [cluster for cluster in clusters(responses, labels) if cluster.class_id == 2]
    np.testing.assert_array_equal(found.images, chosen)


def test_what_varies_in_every_class_alike_is_no_suspect():
    responses, labels, chosen = answers(12)
    parts = responses.parts.copy()
    parts[np.arange(len(labels)) % 3 == 0, 10] += 4  # a third of each class
    (found,) = [one for one in clusters(responses._replace(parts=parts), labels) if one.class_id == 2]
    np.testing.assert_array_equal(found.images, chosen)


def test_one_object_photographed_again_and_again_is_no_suspect():
    responses, labels, chosen = answers(12)
    parts = responses.parts.copy()
    same = np.setdiff1d(np.flatnonzero(labels == 2), chosen)[:10]
    parts[same] = parts[same[0]] + np.random.default_rng(0).normal(0, 0.01, size=parts[same].shape)
    (found,) = [one for one in clusters(responses._replace(parts=parts), labels) if one.class_id == 2]
    np.testing.assert_array_equal(found.images, chosen)


def test_a_part_of_few_objects_is_no_suspect():
    responses, labels, chosen = answers(12)
    objects = np.arange(len(labels))
    objects[chosen] = chosen[np.arange(12) % 3]
    (found,) = [one for one in clusters(responses, labels, objects) if one.class_id == 2]
    assert not set(chosen) <= set(found.images)
    objects[chosen] = chosen[np.arange(12) % 4]
    (found,) = [one for one in clusters(responses, labels, objects) if one.class_id == 2]
    np.testing.assert_array_equal(found.images, chosen)


def test_a_separation_is_told_in_units_of_the_other_classes():
    responses, labels, _ = answers(12)
    found = {one.class_id: one.separation for one in clusters(responses, labels)}
    assert found[2] > 1.5
    assert all(0.5 < found[class_id] < 1.3 for class_id in (0, 1, 3))
    alone = responses._replace(parts=np.concatenate([responses.parts[labels == 2], responses.parts[:7]]))
    (only,) = clusters(alone, np.repeat([2, 0], [60, 7]))
    assert only.separation == 0


def test_the_most_separated_come_first_and_only_those_that_are_wanted():
    responses, labels, _ = answers(12)
    found = clusters(responses, labels)
    separations = [cluster.separation for cluster in found]
    assert separations == sorted(separations, reverse=True)
    assert len({cluster.class_id for cluster in found}) == len(found) > 2
    few = clusters(responses, labels, least=separations[1])
    assert [(one.class_id, one.separation) for one in few] == [(one.class_id, one.separation) for one in found[:2]]
    np.testing.assert_array_equal(few[0].images, found[0].images)


def test_a_class_of_few_images_has_none():
    responses, labels, _ = answers(6)
    few = np.concatenate([np.flatnonzero(labels != 1), np.flatnonzero(labels == 1)[:7]])
    some = responses._replace(parts=responses.parts[few])
    assert 1 not in {cluster.class_id for cluster in clusters(some, labels[few])}


def test_labels_that_do_not_belong_to_the_responses_are_refused():
    responses, labels, _ = answers(6)
    with pytest.raises(ShapeError, match=r"labels must be \(N,\) = \(240,\), got \(239,\)"):
        clusters(responses, labels[1:])
