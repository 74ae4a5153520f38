"""A network with its settings: what follows from them, and layers that keep their names."""

import pytest
import torch
from torch import nn

from xaisigns.errors import ModelError
from xaisigns.model.classifier import NetworkSettings, Wrapped
from xaisigns.model.explainable import is_explainable, module_of


def test_a_vgg_has_a_head_and_no_other_network_has():
    assert NetworkSettings().head == "compact"
    assert NetworkSettings("vgg16", "torchvision").head == "torchvision"
    assert NetworkSettings("resnet18").head is None
    for name in ("resnet18", "my_net:Net"):
        with pytest.raises(ModelError, match=rf"^head: {name} has its own head, 'compact' is for VGGs; leave it out$"):
            NetworkSettings(name, "compact")


def test_settings_name_an_architecture():
    with pytest.raises(ModelError, match=r"^architecture: wanted the name of .*, got 'resnet'$"):
        NetworkSettings("resnet")
    with pytest.raises(ModelError, match=r"^architecture: wanted a text of at most 200 characters, got 3$"):
        NetworkSettings(3)


def test_a_wrapped_network_is_the_model_and_its_layers_have_no_prefix():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4))
    settings = NetworkSettings("my_net:Net", None, 4, 32, (0.1, 0.2, 0.3), (0.5, 1.0, 2.0))
    model = Wrapped(network, settings, {"class_names": {"en": ["a", "b", "c", "d"]}})
    assert is_explainable(model)
    assert module_of(model) is model.module is network
    assert model.class_name(2) == "c"
    assert model.classes == 4
    assert (model.preprocessing.input_size, model.preprocessing.mean) == (32, (0.1, 0.2, 0.3))
    assert model.device == torch.device("cpu")
    x = torch.randn(2, 3, 32, 32)
    assert torch.equal(model(x), network(x))


def test_hooks_around_a_network_are_not_passed_over():
    model = Wrapped(nn.Flatten(), NetworkSettings("my_net:Net", None, 3072, 32))
    handle = model.register_forward_hook(lambda module, images, logits: -logits)
    with pytest.raises(ModelError, match=r"^the model has hooks that its network does not have; register them on "):
        module_of(model)
    handle.remove()
    assert module_of(model) is model.network
