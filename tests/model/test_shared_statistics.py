"""Several processes train as one does. They are started once, by torchrun, for all of these tests."""

import copy
import csv
import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.conftest import REPOSITORY
from tests.model.test_training import Stopped, stop_at
from tests.model.trained_together import SETTINGS, trained
from xaisigns.base.processes import joined
from xaisigns.errors import ModelError
from xaisigns.model import training
from xaisigns.model.shared_statistics import share_statistics
from xaisigns.model.training_files import checkpoint_path

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
ROUNDING = 2e-5


@pytest.fixture(scope="module", autouse=True)
def _in_float32():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "computes_bfloat16", lambda _: False)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes left, of which the first and the last told what they saw."""
    folder = tmp_path_factory.mktemp("together")
    with pytest.raises(Stopped):
        trained(folder / "begun alone", progress=stop_at(3)[0])
    command = [*TORCHRUN, "-m", "tests.model.trained_together", folder]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The place of the same training in this process."""
    out = tmp_path_factory.mktemp("alone") / "model"
    trained(out)
    return out


@pytest.fixture(scope="module")
def told(folder):
    first, second = (json.loads((folder / f"told {number}.json").read_text()) for number in range(2))
    assert (first.pop("there before"), second.pop("there before")) == (0, 1)
    assert first == second
    return first


def losses(out):
    with out.with_name(f"{out.name}.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def assert_trained_alike(out, wanted):
    assert losses(out) == pytest.approx(losses(wanted), abs=ROUNDING)
    assert len(losses(out)) == SETTINGS.epochs
    found, tensors = load_file(checkpoint_path(out)), load_file(checkpoint_path(wanted))
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_statistics_gradients_and_buffers_are_those_of_the_whole_batch(told):
    assert told["count"] == 2
    assert told["deviation"] < 1e-11


def test_two_processes_have_the_losses_and_weights_of_one(folder, alone):
    assert_trained_alike(folder / "whole", alone)


def test_two_go_on_with_what_one_began_and_one_with_what_two_began(folder, alone):
    assert_trained_alike(folder / "begun alone", alone)
    out = folder / "begun together"
    assert len(losses(out)) == 2
    trained(out, resume=True)
    assert_trained_alike(out, alone)


@pytest.mark.parametrize("name", ["whole", "dropout"])
def test_all_processes_end_with_the_same_weights(told, name):
    assert told[f"same weights, {name}"] is True


def test_processes_that_were_given_different_images_are_told(told):
    assert told["different images"].startswith("the processes have different images, settings or checkpoints; start")


def test_one_alone_writes(folder):
    assert not list(folder.glob(".xaisigns-*"))
    assert not list(folder.glob("x.*"))


def test_a_layer_with_statistics_of_its_own_is_refused():
    class Own(nn.BatchNorm2d):
        def forward(self, images):
            return super().forward(images).relu()

    with pytest.raises(ModelError, match=r"^1 is a Own, whose statistics cannot be those of several processes; train"):
        share_statistics(nn.Sequential(nn.Flatten(), Own(3)))


@pytest.mark.usefixtures("only_one")
@pytest.mark.parametrize("options", [{}, {"affine": False}, {"momentum": None}, {"track_running_stats": False}])
def test_one_process_has_the_statistics_of_batchnorm(options):
    torch.manual_seed(0)
    layer = nn.BatchNorm2d(3, **options)
    same = copy.deepcopy(layer)
    share_statistics(same)
    inputs = [torch.randn(4, 3, 5, 5).requires_grad_() for _ in range(2)]
    inputs[1].data = inputs[0].data.clone()
    with joined(torch.device("cpu")):
        for _ in range(2):
            wanted, found = layer(inputs[0]), same(inputs[1])
            (wanted**3).sum().backward()
            (found**3).sum().backward()
        torch.testing.assert_close(found, wanted)
        torch.testing.assert_close(inputs[1].grad, inputs[0].grad)
        torch.testing.assert_close(same.state_dict(), layer.state_dict())
        assert same(inputs[1].bfloat16()).dtype == torch.bfloat16


def test_in_eval_mode_a_layer_is_what_it_was():
    torch.manual_seed(0)
    layer, images = nn.BatchNorm2d(3), torch.randn(4, 3, 5, 5)
    layer(images)
    layer.eval()
    wanted = layer(images)
    share_statistics(layer)
    assert torch.equal(layer(images), wanted)
