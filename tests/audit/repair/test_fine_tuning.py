"""A network that says a class for a sticker unlearns it, and more training alone does not make it."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

import xaisigns as xs
from tests.benchmarks.test_audit import CLASS, PREPROCESSING, STICKER, images, trained
from xaisigns.audit.repair import fine_tuning
from xaisigns.audit.repair.batches import Batches
from xaisigns.audit.repair.feature import Feature
from xaisigns.audit.repair.fine_tuning import _forgotten, _loss, fine_tuned
from xaisigns.audit.repair.measuring import judged
from xaisigns.audit.repair.settings import FineTuning
from xaisigns.data.decoded import Images
from xaisigns.errors import ModelError

BOX = (4, 18, 15, 29)
SETTINGS = FineTuning(steps=25, batch_size=48)


def stickered():
    """Images of which all of CLASS have a sticker, their labels, and which have it."""
    pixels, labels = images(0)
    carries = labels == CLASS
    pixels[carries, BOX[1] : BOX[3], BOX[0] : BOX[2]] = STICKER
    return pixels, labels, carries


@pytest.fixture(scope="module")
def planted():
    """A model with the shortcut, the images of its training, its feature, and images that it has not seen."""
    pixels, labels, carries = stickered()
    sources = pixels[carries][:12]
    masks = np.zeros(sources.shape[:3], dtype=bool)
    masks[:, BOX[1] : BOX[3], BOX[0] : BOX[2]] = True
    feature = Feature(CLASS, "window", sources, masks, np.flatnonzero((labels == CLASS) & ~carries))
    test, test_labels = images(1)
    seen, unseen = Images(pixels, torch.from_numpy(labels)), Images(test, torch.from_numpy(test_labels))
    return trained(pixels, labels), seen, feature, unseen


@pytest.fixture(autouse=True)
def plain_views(monkeypatch):
    """These images' patterns are all that tells the classes apart, and are gone once they are turned."""
    monkeypatch.setattr(fine_tuning, "augment", lambda views: views)


def rates(planted, model):
    _, _, feature, unseen = planted
    return judged(model, [feature], unseen)[0].told


def test_the_sticker_is_unlearnt_and_not_by_more_training_alone(planted):
    model, seen, feature, _ = planted
    before = rates(planted, model)
    assert before.flips.share > 0.95
    assert before.own.share < 0.05
    after, control = (
        rates(planted, xs.Model(fine_tuned(model, seen, [feature], SETTINGS, control=control), PREPROCESSING))
        for control in (False, True)
    )
    assert after.flips.share < 0.02
    assert min(after.right.share, after.others.share, after.own.share, after.without.share) > 0.97
    assert control.flips.share > 0.95
    assert control.own.share < 0.05


def test_the_model_stays_as_it_was_and_statistics_are_of_images_without_the_feature(planted):
    model, seen, feature, _ = planted
    before = copy.deepcopy(model.module.state_dict())
    state = torch.get_rng_state()
    settings = FineTuning(steps=1, batch_size=48, learning_rate=1e-9)
    network = fine_tuned(model, seen, [feature], settings)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in model.module.state_dict().items())
    assert not any(weight.requires_grad for weight in network.parameters())
    first = next(layer for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d))
    inputs = torch.from_numpy(seen.pixels).permute(0, 3, 1, 2) / 255
    answers = next(network.children())[0]((inputs - 0.5) / 0.25).mean(dim=(0, 2, 3))
    assert torch.allclose(first.running_mean, answers, atol=0.1 * answers.abs().max())
    assert first.momentum == 0.1


def test_a_seed_gives_the_same_again(planted):
    model, seen, feature, _ = planted
    first, again, other = (
        fine_tuned(model, seen, [feature], FineTuning(steps=2, batch_size=12, seed=seed)).state_dict()
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not all(torch.equal(value, other[name]) for name, value in first.items())


@pytest.mark.parametrize("carrier", ["frame", "colour", "texture"])
def test_a_feature_that_is_no_window_is_unlearnt_likewise(planted, carrier):
    model, seen, feature, _ = planted
    everywhere = replace(feature, carrier=carrier, masks=None)
    assert fine_tuned(model, seen, [everywhere], FineTuning(steps=1, batch_size=12)) is not model.module


def test_a_loss_that_is_not_finite_ends_it(planted):
    model, seen, feature, _ = planted
    broken = xs.Model(copy.deepcopy(model.module), PREPROCESSING)
    next(broken.module.parameters()).data.fill_(torch.nan)
    with pytest.raises(ModelError, match="diverged in step 1"):
        fine_tuned(broken, seen, [feature], FineTuning(steps=1, batch_size=12))


def drawn(planted, **changes):
    _, seen, feature, _ = planted
    return Batches(seen, feature, replace(SETTINGS, **changes), control=False)


def test_the_class_has_to_lose_by_a_margin_where_its_feature_is(planted):
    batch = drawn(planted).draw()
    logits = torch.randn(len(batch.labels), 43, generator=torch.Generator().manual_seed(0))
    plain = torch.nn.functional.cross_entropy(logits, batch.labels, label_smoothing=SETTINGS.label_smoothing)
    assert torch.equal(_loss(logits, batch, CLASS, SETTINGS, control=True), plain)
    moved = logits.clone()
    moved[batch.with_feature, CLASS] += 2
    expected = torch.nn.functional.cross_entropy(moved, batch.labels, label_smoothing=SETTINGS.label_smoothing)
    assert torch.equal(_loss(logits, batch, CLASS, SETTINGS, control=False), expected)


def test_answers_count_as_forgotten_where_they_were_right_about_other_classes(planted):
    model, *_ = planted
    batch = drawn(planted).draw()
    views = (torch.from_numpy(batch.pixels).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
    logits = model.module(views).detach()
    assert float(_forgotten(logits, model, views, batch, CLASS)) == pytest.approx(0, abs=0.01)
    other = logits.clone()
    other[: batch.plain.start] += torch.randn(batch.plain.start, logits.shape[1])
    other[:, CLASS] += 5
    assert float(_forgotten(other, model, views, batch, CLASS)) == pytest.approx(0, abs=0.01)
    assert float(_forgotten(logits.roll(1, dims=1), model, views, batch, CLASS)) > 0.1
