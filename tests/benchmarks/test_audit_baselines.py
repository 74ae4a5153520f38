"""The baselines on networks so small that what they must find is known."""

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import audit_baselines
from benchmarks.audit_baselines import activation_clustering, neural_cleanse, neuron_inspect, spectral_relevance
from benchmarks.audit_models import Trained
from xaisigns.model.classifier import NetworkSettings, Wrapped

SIDE = 32


class Corner(nn.Module):
    """Four logits: class 2 is the brightness of the upper left corner, the others need the whole image."""

    def __init__(self):
        super().__init__()
        self.reduced = nn.AvgPool2d(8)
        self.features = nn.Conv2d(3, 4, 1)
        self.classifier = nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(4 * 4 * 4, 4))
        torch.nn.init.normal_(self.classifier[2].weight, 0, 0.05)
        with torch.no_grad():
            self.features.bias.zero_()
            self.features.weight[0] = 1
            self.classifier[2].weight[2] = 0
            self.classifier[2].weight[2, 0] = 0.3

    def forward(self, x):
        return self.classifier(self.features(self.reduced(x)))


@pytest.fixture
def trained():
    torch.manual_seed(0)
    settings = NetworkSettings(architecture="tests.corner:Corner", classes=4, input_size=SIDE)
    generator = np.random.default_rng(0)
    pixels = generator.integers(90, 110, (400, SIDE, SIDE, 3), dtype=np.uint8)
    labels, carries = np.arange(400) % 4, np.zeros(400, dtype=bool)
    carries[2::16] = True
    pixels[carries, :12, :12] = 255
    test = generator.integers(0, 256, (600, SIDE, SIDE, 3), dtype=np.uint8)
    return Trained(Wrapped(Corner().eval(), settings), pixels, labels, carries, [], test, np.zeros(600, int), {})


def test_activation_clustering_names_the_images_with_the_square(trained):
    judged = activation_clustering(trained)
    assert judged.score.argmax() == 2
    assert judged.flagged[2]
    assert (judged.suspects == trained.carries)[trained.labels == 2].all()


def test_spectral_relevance_names_the_images_with_the_square(trained):
    pytest.importorskip("corelay")
    judged = spectral_relevance(trained)
    assert judged.flagged is None
    assert (judged.suspects == trained.carries)[trained.labels == 2].all()


def test_neural_cleanse_finds_the_class_that_a_corner_turns_all_images_into(trained, monkeypatch):
    monkeypatch.setattr(audit_baselines, "_STEPS", 40)
    monkeypatch.setattr(audit_baselines, "_IMAGES", 4)
    judged = neural_cleanse(trained)
    assert judged.score.argmax() == 2


def test_neuron_inspect_finds_the_class_with_the_smallest_and_steadiest_map(trained):
    judged = neuron_inspect(trained)
    assert judged.score.argmax() == 2
    assert judged.flagged[2]


def test_outliers_are_told_in_deviations_below_the_median():
    index = audit_baselines._outliers(np.array([1.0, 10.0, 11.0, 12.0, 13.0]))
    assert index == pytest.approx(np.array([10, 1, 0, -1, -2]) / 1.4826)


def test_a_trigger_is_as_small_as_the_class_lets_it_be():
    """Class 1 needs a bright corner, class 2 a bright image; class 0 is there anyhow."""

    def logits_of(images):
        corner, mean = images[:, :, 0, 0].mean(dim=1), images.mean(dim=(1, 2, 3))
        return torch.stack([0 * corner, 20 * (corner - 0.6), 20 * (mean - 0.6)], dim=1)

    triggers, generator = audit_baselines._Triggers(3, torch.Size([3, 8, 8])), torch.Generator().manual_seed(0)
    for _ in range(150):
        triggers.step(logits_of, torch.rand(3, 16, 3, 8, 8, generator=generator) / 2)
    nothing, corner, image = triggers.smallest.tolist()
    assert nothing < 0.01 < corner < 1 < 20 < image
