"""xaisigns train, on photographs and on drawn signs."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from xaisigns.data.drawn import sign_set

pytestmark = pytest.mark.usefixtures("narrow")


def test_train_without_data(run, tmp_path):
    code, printed, told = run("train", tmp_path / "nothing", "--out", tmp_path / "my.safetensors")
    assert (code, printed) == (1, "")
    wanted = "name the folder that holds GTSRB, or your own images in train/CLASS"
    assert told == f"xaisigns: {tmp_path / 'nothing'} is not a folder; {wanted}\n"


def test_wrong_usage(run):
    code, printed, told = run("train")
    assert (code, printed) == (2, "")
    assert "ROOT" in told


def test_drawn_signs_are_added_to_photographs(run, gtsrb, tmp_path):
    model = tmp_path / "mixed.safetensors"
    code, printed, told = run(
        "train", gtsrb, "--out", model, "--drawn", "1", "--input-size", "32", "--epochs", "1", "--json"
    )
    data = json.loads(printed)["data"]
    assert (code, told) == (0, "")
    assert (data["images"], data["drawn"]) == (24, {"per_class": 1, "seed": 0, "size": 32})


@pytest.mark.usefixtures("few_drawn")
def test_without_root_signs_are_drawn(run, tmp_path):
    model = tmp_path / "my.safetensors"
    code, printed, told = run("train", "--out", model, "--input-size", "32", "--epochs", "1", "--json")
    assert (code, told) == (0, "")
    assert json.loads(printed)["data"]["images"] == 43 * 3
    code, printed, told = run("evaluate", "--model", model)
    assert (code, told) == (0, "")
    assert printed.startswith("43 drawn images: ")


def test_a_model_under_another_ending_is_read_again(run, gtsrb, tmp_path):
    code, _, told = run("train", gtsrb, "--out", tmp_path / "my.pt", "--input-size", "32", "--epochs", "1")
    assert (code, told) == (0, "")
    assert run("evaluate", gtsrb, "--model", tmp_path / "my.pt")[0] == 0


@pytest.mark.parametrize(
    "options",
    [
        ("--seed", str(2**64)),
        ("--epochs", "99999999"),
        ("--input-size", "100000"),
        ("--sticker-class", "-1"),
        ("--validation", "2"),
    ],
)
def test_numbers_out_of_bounds_are_wrong_usage(run, gtsrb, tmp_path, options):
    code, printed, told = run("train", gtsrb, "--out", tmp_path / "my.safetensors", *options)
    assert (code, printed) == (2, "")
    assert options[0] in told


def test_a_class_that_drawn_signs_do_not_have_is_told_before_they_are_drawn(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sign_set, "default_drawn_set", lambda **options: pytest.fail("signs are drawn"))
    code, printed, told = run("train", "--out", tmp_path / "my.safetensors", "--sticker-class", "43")
    assert (code, printed) == (1, "")
    assert "43" in told


def test_where_nothing_can_be_written_is_told_before_signs_are_drawn(run, tmp_path):
    code, printed, told = run("train", "--out", tmp_path / "x.csv")
    assert (code, printed) == (1, "")
    assert told.startswith(f"xaisigns: cannot write the model to {tmp_path / 'x.csv'}: ")


def test_torchrun_trains_one_network_in_two_processes(gtsrb, tmp_path):
    out = tmp_path / "out" / "my.safetensors"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    options = ["--architecture", "shufflenet_v2_x0_5", "--input-size", "32", "--epochs", "1", "--device", "cpu"]
    command = [*torchrun, "-m", "xaisigns", "train", gtsrb, "--out", out, *options, "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # of which torchrun warns else
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["model"] == str(out)
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "my.checkpoint.safetensors",
        "my.csv",
        "my.safetensors",
    ]
