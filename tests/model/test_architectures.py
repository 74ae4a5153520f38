"""Networks by name: torchvision's, as it has them, and a caller's own, imported only where the caller names it."""

import re
import sys

import pytest
import torch
from torch import nn
from torchvision import models

from xaisigns.errors import ModelError
from xaisigns.model.architectures import (
    ARCHITECTURES,
    TRANSFORMERS,
    build,
    check_architecture,
    is_own,
    without_side_outputs,
)


def test_every_convolutional_network_of_torchvision_has_its_name():
    every = models.list_models(module=models)
    assert sorted(ARCHITECTURES) == [name for name in every if not name.startswith(("vit_", "swin_", "maxvit"))]
    for name in ARCHITECTURES:
        check_architecture(name)


@pytest.mark.parametrize("name", ["vit_b_16", "swin_t", "swin_v2_b", "maxvit_t"])
def test_transformers_are_refused_with_the_reason(name):
    with pytest.raises(ModelError, match=re.escape(TRANSFORMERS)):
        check_architecture(name)


@pytest.mark.parametrize(
    "name", ["", "resnet", "ResNet18", "my net:Net", "my_net:", ":Net", "my_net.py:Net()", "a/b:Net", "1a:Net", "a:b:c"]
)
def test_other_names_are_refused_with_some_that_are_near(name):
    with pytest.raises(ModelError, match=r"^architecture: wanted the name of .*, or package.module:callable .*, got '"):
        check_architecture(name)


def test_a_name_that_is_nearly_right_is_told():
    with pytest.raises(ModelError, match="such as resnet18, "):
        check_architecture("resnet-18")


def test_names_of_ones_own_are_told_apart():
    for name in ("my_net:Net", "a.b.c:make", "net:Outer.Inner", "über:Netz"):
        check_architecture(name)
        assert is_own(name)
    assert not any(map(is_own, ARCHITECTURES))


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "mnasnet0_5", "squeezenet1_1"])
def test_torchvisions_networks_have_the_wanted_outputs_and_no_others(name):
    network = build(name, 3).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 3)
    assert not any(name.startswith(("aux", "Aux")) for name in network.state_dict())


def test_without_a_number_of_classes_a_network_has_its_own(own_module):
    assert build("squeezenet1_1", None).classifier[1].out_channels == 1000
    for name, outputs in {"Net": 10, "Required": 2, "Five": 5}.items():
        assert build(f"{own_module}:{name}", None).head.out_features == outputs


def test_an_own_network_is_imported_from_the_current_folder_with_what_lies_beside_it(own_module):
    path = list(sys.path)
    network = build(f"{own_module}:Net", 7)
    assert isinstance(network, nn.Module)
    assert network.head.out_features == 7
    assert sys.path == path


def test_a_class_that_takes_no_number_of_classes_is_called_without(own_module):
    assert build(f"{own_module}:Five", 7).head.out_features == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Nothing", r"has no class or function Nothing$"),
        ("none", "has no class or function none$"),
        ("number", "must give a torch.nn.Module, got 3$"),
        ("Broken", r":Broken\(\) failed: ValueError: not today; mend it$"),
    ],
)
def test_what_makes_no_network_is_told(own_module, name, message):
    path = list(sys.path)
    with pytest.raises(ModelError, match=message):
        build(f"{own_module}:{name}", 7)
    assert sys.path == path


def test_a_module_that_cannot_be_imported_is_told():
    with pytest.raises(ModelError, match=r"cannot be imported: ModuleNotFoundError: .*; run the command"):
        build("no_such_module:Net", 7)


def test_side_outputs_are_googlenets_and_inceptions():
    weights = {"aux1.conv.weight": 1, "AuxLogits.fc.weight": 2, "fc.weight": 3}
    assert without_side_outputs("googlenet", weights) == {"fc.weight": 3}
    assert without_side_outputs("resnet18", weights) == weights
