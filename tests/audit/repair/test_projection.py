"""What a feature moves a layer in is taken out of its weights, and nothing else; where it is the class, nothing is."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import xaisigns as xs
from tests.audit.repair.test_fine_tuning import BOX
from tests.benchmarks.test_audit import CLASS, PREPROCESSING, STICKER, images, trained
from xaisigns.audit.repair import projection
from xaisigns.audit.repair.feature import Feature
from xaisigns.audit.repair.measuring import judged
from xaisigns.audit.repair.projection import _directions, _set, _Trial, _without, projected
from xaisigns.data.decoded import Images
from xaisigns.errors import AuditError


@pytest.fixture(scope="module")
def planted():
    """A model with a sticker on every second image of a class, its images, the feature, and images it has not seen."""
    pixels, labels = images(0)
    own = np.flatnonzero(labels == CLASS)
    pixels[own[::2], BOX[1] : BOX[3], BOX[0] : BOX[2]] = STICKER
    sources = pixels[own[::2]][:12]
    masks = np.zeros(sources.shape[:3], dtype=bool)
    masks[:, BOX[1] : BOX[3], BOX[0] : BOX[2]] = True
    test, test_labels = images(1)
    seen, unseen = Images(pixels, torch.from_numpy(labels)), Images(test, torch.from_numpy(test_labels))
    return trained(pixels, labels), seen, Feature(CLASS, "window", sources, masks, own[1::2]), unseen


def test_the_sticker_turns_nothing_any_more(planted):
    model, seen, feature, unseen = planted
    before = judged(model, [feature], unseen)[0].told
    weights, heard = copy.deepcopy(model.module.state_dict()), []
    network, taken = projected(
        model, seen, [feature], progress=lambda work, done, total: heard.append((work, done, total))
    )
    after = judged(xs.Model(network, PREPROCESSING), [feature], unseen)[0].told
    assert before.flips.share > 0.05
    assert after.flips.share == 0
    assert min(after.others.share, after.own.share) > 0.98
    assert [one.class_id for one in taken] == [CLASS]
    changed = [name for name, value in network.state_dict().items() if not torch.equal(value, weights[name])]
    assert changed == [f"{taken[0].layer}.weight", f"{taken[0].layer}.bias"]
    assert all(torch.equal(value, weights[name]) for name, value in model.module.state_dict().items())
    assert heard[-1] == ("projecting", 8, 8)


def test_what_costs_too_much_is_not_taken(planted, monkeypatch):
    model, seen, feature, _ = planted
    monkeypatch.setattr(projection, "_COST", -1.0)
    with pytest.raises(
        AuditError, match=f"^whatever is taken out of a layer for class {CLASS} .* take the method fine"
    ):
        projected(model, seen, [feature])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["convolution", "linear"])
def test_a_layer_gives_its_output_without_the_directions(kind, bias):
    """By the definition: h - V Vᵀ (h - z), of every place of the output."""
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 6, 3, padding=1, bias=bias) if kind == "convolution" else nn.Linear(3, 6, bias=bias)
    inputs = torch.randn(4, 3, 5, 5) if kind == "convolution" else torch.randn(4, 3)
    directions = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q[:, :2]
    mean = torch.randn(6, dtype=torch.float64)
    with torch.no_grad():
        output = layer(inputs).movedim(1, -1).double()
        centre = mean if bias else torch.zeros_like(mean)
        expected = output - (output - centre) @ directions @ directions.T
        _set(layer, _without(layer, directions, mean))
        assert torch.allclose(layer(inputs).movedim(1, -1).double(), expected, atol=1e-6)


def test_directions_are_those_that_the_feature_moves_an_output_in():
    """A layer whose outputs are the red channel, twice, and the others: red light moves it along (2, 1, 0, 0)."""
    layer = nn.Conv2d(3, 4, 1)
    weight = torch.tensor([[2.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    _set(layer, (weight[:, :, None, None], torch.tensor([0.0, 0, 0, 3])))
    network = nn.Sequential(layer, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    model = xs.Model(network, xs.Preprocessing(32, (0.0,) * 3, (1.0,) * 3))
    pixels = np.random.default_rng(0).integers(0, 200, (20, 32, 32, 3), dtype=np.uint8)
    pixels[..., 0] = 51
    sources = pixels[:6].copy()
    sources[..., 0] = 255
    masks = np.ones(sources.shape[:3], dtype=bool)
    trial = _Trial(Images(pixels, torch.arange(20) // 10), Feature(0, "window", sources, masks, np.arange(10)), 0)
    trial.marked = trial.plain.copy()
    trial.marked[:, 8:20, 8:20, 0] = 255
    directions, mean = _directions(model, layer, trial)
    first = directions[:, 0] * directions[0, 0].sign()
    assert torch.allclose(first.float(), torch.tensor([2.0, 1, 0, 0]) / 5**0.5, atol=1e-5)
    assert torch.allclose(mean[:2].float(), torch.tensor([0.4, 0.2]), atol=1e-5)
    assert float(mean[3]) == pytest.approx(3 + trial.plain[..., 2].mean() / 255, rel=1e-5)


def test_a_colour_is_taken_out_likewise(planted):
    model, seen, feature, _ = planted
    assert projected(model, seen, [replace(feature, carrier="colour", masks=None)])[1]
