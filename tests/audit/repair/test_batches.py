"""Batches of an unlearning: what is where, and which classes come more often."""

import numpy as np
import torch

from tests.audit.repair.test_fine_tuning import drawn, planted  # noqa: F401 (a fixture)
from tests.benchmarks.test_audit import CLASS


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
