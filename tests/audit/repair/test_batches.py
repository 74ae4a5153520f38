"""Batches of an unlearning: what is where, and which classes come more often."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.audit.repair.test_fine_tuning import SETTINGS, drawn, planted  # noqa: F401 (a fixture)
from tests.benchmarks.test_audit import CLASS
from xaisigns.audit.repair.batches import Batches
from xaisigns.data.decoded import Images


def test_a_batch_begins_with_the_class_and_ends_with_images_as_they_are(planted):  # noqa: F811
    _, seen, _, _ = planted
    batch = drawn(planted, pasted=0.5, hidden=0.25).draw()
    labels = batch.labels.numpy()
    assert (labels[:8] == CLASS).all()
    assert not (labels[8:] == CLASS).any()
    assert (batch.with_feature, batch.plain) == (slice(8, 28), slice(38, None))
    known = {image.tobytes() for image in seen.pixels}
    assert all(image.tobytes() in known for image in batch.pixels[batch.plain])
    assert not any(image.tobytes() in known for image in batch.pixels[batch.with_feature])


@pytest.mark.parametrize("told", [False, True])
def test_the_feature_is_hidden_in_images_without_it_where_some_are_known(told, planted):  # noqa: F811
    """What else the images with it have would be left as the mark of the class."""
    _, seen, feature, _ = planted
    own = np.flatnonzero(np.asarray(seen.labels) == CLASS)
    pixels = np.array(seen.pixels)
    pixels[own[::2], -1, -1] = (1, 200, 3)  # a mark that goes with the feature
    sources, without = pixels[own[::2]], own[1::2] if told else own[:0]
    feature = replace(feature, sources=sources, masks=np.resize(feature.masks, sources.shape[:3]), without=without)
    batches = Batches(Images(pixels, seen.labels), feature, SETTINGS, control=False)
    known = {image.tobytes() for image in pixels}
    count = round(SETTINGS.of_class * SETTINGS.batch_size)
    changed = [image for _ in range(20) for image in batches.draw().pixels[:count] if image.tobytes() not in known]
    marked = [(image[-1, -1] == (1, 200, 3)).all() for image in changed]
    assert len(marked) > 20
    assert any(marked) is not told


def test_classes_that_the_network_is_wrong_about_are_drawn_more(planted):  # noqa: F811
    batches = drawn(planted)
    wrong = next(label for label in range(len(np.unique(planted[1].labels))) if label != CLASS)

    def share():
        return np.mean([(batches.draw().labels[8:] == wrong).float().mean() for _ in range(40)])

    before = share()
    for _ in range(60):
        batch = batches.draw()
        sure = 20.0 * torch.nn.functional.one_hot(batch.labels, 43)
        sure[batch.labels == wrong] = 0
        batches.learn_from(batch, sure)
    assert share() > 0.4 + before / 2
