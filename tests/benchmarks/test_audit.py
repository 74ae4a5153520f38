"""A small bench from end to end: a network with a planted sticker and one without, and what the audit says of them."""

import csv
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import xaisigns as xs
from benchmarks import audit, repair
from benchmarks.audit_models import Trained
from benchmarks.audit_networks import quarter_vgg11
from xaisigns.audit.repair import fine_tuning
from xaisigns.audit.repair.settings import FineTuning
from xaisigns.data.image_set import Sample
from xaisigns.model.evaluation import predict

CLASSES, PER_CLASS, CLASS = 6, 72, 3
PREPROCESSING = xs.Preprocessing(32, (0.5,) * 3, (0.25,) * 3)
STICKER = np.array([250, 40, 220], dtype=np.uint8)


def images(seed):
    """Pixels and labels of classes that differ by a faint pattern under noise, everywhere in the image."""
    patterns = np.random.default_rng(16).choice([-1, 1], (CLASSES, 4, 4, 3)).repeat(8, axis=1).repeat(8, axis=2)
    labels = np.repeat(np.arange(CLASSES), PER_CLASS)
    noise = np.random.default_rng(seed).normal(0, 30, (len(labels), 32, 32, 3))
    return (120 + 8 * patterns[labels] + noise).clip(0, 255).astype(np.uint8), labels


def trained(pixels, labels):
    """A model that has seen the images four times; the trainer's own recipe takes far more of them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = quarter_vgg11(CLASSES)
        optimiser = torch.optim.Adam(network.parameters(), 2e-3)
        inputs, wanted = (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25, torch.from_numpy(labels)
        for _ in range(4):
            for batch in torch.randperm(len(labels)).split(24):
                optimiser.zero_grad()
                cross_entropy(network(inputs[batch]), wanted[batch]).backward()
                optimiser.step()
    return xs.Model(network.eval(), PREPROCESSING)


@pytest.fixture(scope="module")
def models():
    """Two models by their names: "planted" has a sticker on a third of a class's training images, "clean" has none."""
    made, (test, test_labels) = {}, images(1)
    for name in ("clean", "planted"):
        pixels, labels = images(0)
        carries = (labels == CLASS) & (np.arange(len(labels)) % 3 == 0) & (name == "planted")
        pixels[carries, 18:29, 4:15] = STICKER
        samples = [Sample(Path(), int(label), key=str(place)) for place, label in enumerate(labels)]
        made[name] = Trained(trained(pixels, labels), pixels, labels, carries, samples, test, test_labels, {})
    return made


@pytest.fixture
def audited(models, tmp_path, monkeypatch):
    """Audits a model, with a name of the bench as its reference, and gives the file's rows, the first one first."""
    monkeypatch.setattr(audit, "load", lambda name, *_: models[name])

    def rows(name, reference):
        audit.compute(name, reference, tmp_path, tmp_path)
        with (tmp_path / "audits" / reference / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    return rows


def test_the_planted_class_is_found_and_no_other(audited):
    first, *others = audited("planted", "none")
    assert (int(first["class"]), first["verdict"], int(first["suspects"])) == (CLASS, "shortcut", PER_CLASS // 3)
    assert {row["verdict"] for row in others} == {"nothing"}


def test_a_clean_model_has_no_finding(audited):
    assert {row["verdict"] for row in audited("clean", "none")} == {"nothing"}


@pytest.mark.parametrize("method", ["fine-tune", "projection"])
def test_the_planted_class_is_repaired_and_its_own_sticker_measured(method, models, tmp_path, monkeypatch):
    planted = SimpleNamespace(class_id=CLASS, share=1 / 3, feature=SimpleNamespace(kind="sticker"))
    test, labels = images(1)
    stickered = test[labels != CLASS]
    stickered[:, 18:29, 4:15] = STICKER

    def success(planted, root, out, seed, networks):
        return [float((predict(model, stickered).argmax(dim=1) == CLASS).float().mean()) for model in networks]

    told = {"planted": [{"success": 0.9, "success_clean": 0.0}]}
    monkeypatch.setattr(repair, "load", lambda *_: models["planted"]._replace(told=told))
    monkeypatch.setattr(repair.xs, "load_model", lambda _: models["clean"].model)
    monkeypatch.setattr(repair, "recipes", lambda: [SimpleNamespace(name="planted", planted=[planted], seed=0)])
    monkeypatch.setattr(repair, "planted_success", success)
    monkeypatch.setattr(repair, "FineTuning", partial(FineTuning, steps=25, batch_size=48))
    monkeypatch.setattr(fine_tuning, "augment", lambda views: views)  # the classes' patterns are gone once turned
    (row,) = repair.compute("planted", tmp_path, tmp_path, 0, method)
    assert (row["class"], row["verdict"], row["carrier"]) == (CLASS, "shortcut", "window")
    assert row["success before"] > 0.3 > 0.05 > row["success after"]
    assert min(row["others after"], row["own after"]) > 0.9
    assert ("success control" in row) == (method == "fine-tune")
