import tomllib

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import googlenet
from torchvision.ops.misc import Permute

from tests.conftest import REPOSITORY
from xaisigns.study import model_cache
from xaisigns.study.model_cache import ModelCache


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def made():
    """Gives what makes an array, and how often it did."""
    calls = []

    def make():
        calls.append(1)
        return {"array": np.arange(3)}

    make.calls = calls
    return make


def test_what_was_made_is_there_again_for_the_same_model_kind_and_key(tiny_vgg, made):
    assert not ModelCache(tiny_vgg).has("scores", [1])
    for _ in range(2):
        assert ModelCache(tiny_vgg).recall("scores", [1], made)["array"].tolist() == [0, 1, 2]
    assert len(made.calls) == 1
    assert ModelCache(tiny_vgg).has("scores", [1])
    ModelCache(tiny_vgg).recall("scores", [2], made)
    ModelCache(tiny_vgg).recall("relevance", [1], made)
    assert len(made.calls) == 3


def test_what_the_key_does_not_tell_is_made_each_time(tiny_vgg, made):
    for _ in range(2):
        ModelCache(tiny_vgg).recall("scores", [1], made, keep=False)
    assert len(made.calls) == 2
    assert not ModelCache(tiny_vgg).has("scores", [1])


def another_weight(model):
    model[0].bias.data += 1


def another_structure(model):
    model[3].padding = 1  # of max pooling, which has no weights


def other_bounds(model):
    model.bounds = torch.zeros(1), torch.ones(1)


@pytest.mark.parametrize("change", [another_weight, another_structure, other_bounds])
def test_another_model_has_arrays_of_its_own(tiny_vgg, made, change):
    ModelCache(tiny_vgg).recall("scores", [1], made)
    change(tiny_vgg)
    ModelCache(tiny_vgg).recall("scores", [1], made)
    assert len(made.calls) == 2


def test_other_code_makes_them_anew(tiny_vgg, made, monkeypatch):
    ModelCache(tiny_vgg).recall("scores", [1], made)
    monkeypatch.setattr(model_cache, "made_by", lambda *_: ["another version"])
    ModelCache(tiny_vgg).recall("scores", [1], made)
    assert len(made.calls) == 2


def test_all_code_that_may_change_what_is_kept_is_in_the_key():
    layers = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = layers["contracts"]
    below = contract["layers"][contract["layers"].index("study") :]
    assert {*model_cache._LAYERS, "errors"} == set(below)


def test_another_device_has_arrays_of_its_own(tiny_vgg, made, monkeypatch):
    ModelCache(tiny_vgg).recall("scores", [1], made)
    monkeypatch.setattr(model_cache, "_devices", lambda _: ["cuda:0"])
    ModelCache(tiny_vgg).recall("scores", [1], made)
    assert len(made.calls) == 2


def test_the_devices_of_a_network_are_those_of_its_weights():
    assert model_cache._devices(nn.Sequential(nn.Linear(2, 2), nn.ReLU())) == ["cpu"]
    assert model_cache._devices(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, device="meta"))) == ["cpu", "meta"]


class Doubled(nn.ReLU):
    def forward(self, x):
        return 2 * super().forward(x)


def a_layer_from_elsewhere(model):
    model[2] = Doubled()


def a_hook(model):
    model[2].register_forward_hook(lambda _, __, output: 2 * output)


def a_forward_of_its_own(model):
    model[2].forward = lambda x: 2 * x


@pytest.mark.parametrize("change", [a_layer_from_elsewhere, a_hook, a_forward_of_its_own])
def test_nothing_is_kept_of_a_network_whose_code_may_be_any(tiny_vgg, made, change):
    change(tiny_vgg)
    for _ in range(2):
        ModelCache(tiny_vgg).recall("scores", [1], made)
    assert len(made.calls) == 2
    assert not ModelCache(tiny_vgg).has("scores", [1])


def test_weights_that_change_are_another_models():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3, 2)).requires_grad_(False)
    cache = ModelCache(model)
    before = cache.weights
    assert cache.weights == before
    model[1].weight += 1
    assert cache.weights != before
    model[1].weight -= 1
    assert cache.weights == ModelCache(model).weights


class Turned(nn.Module):
    def forward(self, x):
        return x.flip(3)


def test_nothing_is_kept_for_a_layer_whose_code_may_be_any(made):
    network = nn.Sequential(Turned(), nn.Flatten())
    ModelCache(network).recall("scores", [], made)
    assert not ModelCache(network).has("scores", [])


@pytest.mark.parametrize(
    ("network", "other"),
    [
        (Permute([0, 2, 1]), Permute([0, 1, 2])),
        (
            googlenet(num_classes=2, aux_logits=False, init_weights=False),
            googlenet(num_classes=2, aux_logits=False, init_weights=False, transform_input=True),
        ),
    ],
    ids=["Permute", "GoogLeNet"],
)
def test_torchvisions_layers_are_told_apart_by_what_their_text_does_not_say(network, other, made):
    other.load_state_dict(network.state_dict())
    assert repr(other) == repr(network)
    ModelCache(network).recall("scores", [], made)
    assert ModelCache(network.eval()).has("scores", [])
    assert not ModelCache(other).has("scores", [])


def test_weights_that_numpy_has_no_type_for_are_told_apart():
    models = [nn.Linear(2, 2).to(torch.bfloat16).requires_grad_(False) for _ in range(2)]
    assert ModelCache(models[0]).weights != ModelCache(models[1]).weights
