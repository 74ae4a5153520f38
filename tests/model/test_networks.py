"""From settings to a network, whose outputs are looked at before anything is done with it."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from xaisigns.errors import ModelError
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.networks import check_network, outputs, unfilled, untrained
from xaisigns.model.vgg import VGG


def test_a_vgg_is_ours_and_any_other_its_own():
    assert isinstance(untrained(NetworkSettings()), VGG)
    network = untrained(NetworkSettings("mnasnet0_5", classes=3)).module
    assert type(network).__module__ == "torchvision.models.mnasnet"


def test_training_begins_with_the_networks_own_weights():
    first, second = (torch.manual_seed(seed) and untrained(NetworkSettings("mnasnet0_5")) for seed in (1, 1))
    third = untrained(NetworkSettings("mnasnet0_5"))
    assert torch.equal(first.module.layers[0].weight, second.module.layers[0].weight)
    assert not torch.equal(first.module.layers[0].weight, third.module.layers[0].weight)


def test_a_network_to_be_filled_draws_nothing():
    state = torch.get_rng_state()
    unfilled(NetworkSettings("mnasnet0_5"))
    assert torch.equal(torch.get_rng_state(), state)


def test_outputs_are_counted_and_modes_stay():
    network = nn.Sequential(nn.Conv2d(3, 4, 32), nn.BatchNorm2d(4), nn.Flatten(), nn.Dropout())
    network[1].eval()
    assert outputs(network, "net", 32) == 4
    assert [layer.training for layer in network] == [True, False, True, True]
    assert int(network[1].num_batches_tracked) == 0


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            nn.Conv2d(3, 4, 3),
            r"^net must make logits \(N, classes\) of images .*, got a tensor \(1, 4, 30, 30\)$",
        ),
        (nn.Conv2d(1, 4, 3), r"^net cannot take images \(N, 3, 32, 32\): RuntimeError: .*; give another input size"),
        (nn.MaxPool2d(2, return_indices=True), "got a tuple$"),
    ],
)
def test_a_network_without_logits_is_refused(network, message):
    with pytest.raises(ModelError, match=message):
        outputs(network, "net", 32)


def test_an_image_too_small_for_a_network_is_told_before_training():
    with pytest.raises(ModelError, match=r"^alexnet cannot take images \(N, 3, 32, 32\)"):
        check_network(NetworkSettings("alexnet", input_size=32))
    check_network(NetworkSettings("mnasnet0_5", input_size=32))


def test_a_vgg_is_loaded_without_the_seconds_that_importing_torchvision_takes():
    code = "import sys, xaisigns as xs; xs.load_model('clean'); sys.exit('torchvision.models' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
