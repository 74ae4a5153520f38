import csv
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.base.test_torch_state import CALLERS
from tests.base.test_torch_state import settings as torch_settings
from tests.commands import ended
from tests.conftest import REPOSITORY
from tests.model.disk import largest_file
from xaisigns.data.decoded import Images
from xaisigns.errors import ModelError, OutputError
from xaisigns.model.checkpoint import save_model
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.networks import untrained
from xaisigns.model.tensor_files import write_tensors
from xaisigns.model.training import TrainingSettings, _batches, precision_of, train
from xaisigns.model.training_files import checkpoint_path

NETWORK = NetworkSettings(classes=3, input_size=32)
SETTINGS = TrainingSettings(epochs=3, batch_size=8, learning_rate=0.01, averaging=0.5)
COLOURS = ((220, 30, 30), (30, 200, 30), (40, 40, 230))
STEPS = 3  # of an epoch


class Stopped(Exception):  # noqa: N818 (no error: it stands for a training that ends in the middle)
    """Raised from the progress callback."""


def coloured(count):
    """Images of one colour and a little noise; the colour is the class. They cannot be written to."""
    labels = torch.arange(count) % len(COLOURS)
    noise = np.random.default_rng(0).integers(0, 25, (count, 32, 32, 3))
    pixels = (np.array(COLOURS)[labels][:, None, None] + noise).astype(np.uint8)
    pixels.flags.writeable = False
    return Images(pixels, labels)


def stop_at(epoch):
    """A callback that ends the training in the first step of an epoch, and the places it was called at."""
    places = []

    def progress(work, done, total, **figures):
        places.append((figures["epoch"], done, total))
        if figures["epoch"] == epoch:
            raise Stopped

    return progress, places


def heard(steps):
    """A callback that keeps what it hears in a list."""
    return lambda *call, **figures: steps.append((*call, figures))


def start(out, settings=SETTINGS, *, epoch=1, network=NETWORK, data=None, **options):
    """Begin a training, end it in the first step of ``epoch``, and give the places it was at."""
    progress, places = stop_at(epoch)
    with pytest.raises(Stopped):
        train(network, settings, data or coloured(24), None, out, progress=progress, **options)
    return places


def stored(out):
    """The document in the checkpoint of a training."""
    with safe_open(checkpoint_path(out), framework="pt") as file:
        return json.loads(file.metadata()["training"])


def without_seconds(rows):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def assert_equal_tensors(first, second):
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def removed(folder):
    """Checkpoints take 110 MB each: the test removes them."""
    for path in folder.glob("*.safetensors"):
        path.unlink()


@pytest.fixture
def out(tmp_path):
    yield tmp_path / "model.safetensors"
    removed(tmp_path)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A whole training: model, rows, the path of its model file, and the places it was at."""
    folder = tmp_path_factory.mktemp("unbroken")
    places = []
    out = folder / "model.safetensors"

    def progress(work, done, total, **figures):
        places.append((work, done, total, figures))

    model, rows = train(NETWORK, SETTINGS, coloured(24), coloured(9), out, progress=progress)
    yield model, rows, out, places
    removed(folder)


def test_the_loss_falls_and_the_averaged_model_learns(unbroken):
    _, rows, _, _ = unbroken
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    assert rows[-1]["accuracy"] > rows[0]["accuracy"]
    assert rows[-1]["validation_accuracy"] == 1


def test_the_model_is_ready_to_be_asked(unbroken):
    model, _, _, _ = unbroken
    assert not any(module.training for module in model.modules())
    assert not any(weight.requires_grad for weight in model.parameters())
    assert model.settings == NETWORK


def test_progress_tells_every_step(unbroken):
    _, rows, _, places = unbroken
    assert [(work, figures["epoch"], done, total) for work, done, total, figures in places] == [
        ("training", 1 + step // STEPS, step + 1, 3 * STEPS) for step in range(3 * STEPS)
    ]
    for row, (*_, last) in zip(rows, places[STEPS - 1 :: STEPS], strict=True):
        assert (row["loss"], row["accuracy"]) == (round(last["loss"], 5), round(last["accuracy"], 5))


def test_the_log_has_the_rows(unbroken):
    _, rows, out, _ = unbroken
    with out.with_suffix(".csv").open(newline="", encoding="utf-8") as file:
        logged = list(csv.DictReader(file))
    assert logged == [{key: str(value) for key, value in row.items()} for row in rows]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert set(rows[0]) == {"epoch", "loss", "accuracy", "validation_accuracy", "seconds"}


def test_a_training_leaves_log_and_checkpoint_and_no_pickle(unbroken):
    _, rows, out, _ = unbroken
    assert sorted(path.name for path in out.parent.iterdir()) == ["model.checkpoint.safetensors", "model.csv"]
    content = checkpoint_path(out).read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert stored(out)["rows"] == rows
    assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} == {"F32", "I64"}


def test_biases_and_batchnorm_are_not_decayed(out, monkeypatch):
    made = []
    sgd = torch.optim.SGD
    monkeypatch.setattr(torch.optim, "SGD", lambda *args, **options: made.append(sgd(*args, **options)) or made[0])
    start(out)
    weights, others = made[0].param_groups
    assert (weights["weight_decay"], others["weight_decay"]) == (SETTINGS.weight_decay, 0)
    assert len(weights["params"]) == 8 + 1
    assert len(others["params"]) == 3 * 8 + 1


def test_the_model_is_the_running_mean_of_the_weights(out):
    settings = replace(SETTINGS, epochs=2, batch_size=24)
    seen = []

    def progress(work, done, total, **figures):
        if done == 2:
            seen.append(load_file(checkpoint_path(out)))

    model, _ = train(NETWORK, settings, coloured(24), None, out, progress=progress)
    last = load_file(checkpoint_path(out))
    name = "classifier.0.weight"
    # The first step's weights are the first mean; the second step's are mixed into it.
    first = seen[0][f"model/{name}"]
    torch.testing.assert_close(seen[0][f"average/module.{name}"], first, rtol=0, atol=0)
    wanted = settings.averaging * first + (1 - settings.averaging) * last[f"model/{name}"]
    assert not torch.equal(first, last[f"model/{name}"])
    torch.testing.assert_close(model.state_dict()[name], wanted)


def test_without_held_out_images_there_is_no_validation_accuracy(out):
    _, rows = train(NETWORK, replace(SETTINGS, epochs=1, batch_size=2), coloured(2), None, out)
    assert rows[0]["validation_accuracy"] == ""


@pytest.mark.parametrize("epochs", range(1, 7))
def test_every_number_of_steps_can_be_scheduled(out, epochs):
    assert start(out, replace(SETTINGS, epochs=epochs, batch_size=6), data=coloured(6)) == [(1, 1, epochs)]


def test_a_training_leaves_random_state_and_images_alone(out):
    data = coloured(6)
    labels = data.labels.clone()
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    start(out, data=data, epoch=2)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.array_equal(np.random.get_state()[1], before[2])  # noqa: NPY002
    assert torch.equal(data.labels, labels)


def test_a_resumed_training_equals_an_unbroken_one_bit_for_bit(unbroken, out):
    wanted_model, wanted_rows, wanted_out, _ = unbroken
    for epoch in (2, 3):
        torch.manual_seed(epoch)
        progress, places = stop_at(epoch)
        with pytest.raises(Stopped):
            train(NETWORK, SETTINGS, coloured(24), coloured(9), out, resume=True, progress=progress)
        assert places[0] == (epoch - 1, (epoch - 2) * STEPS + 1, 3 * STEPS)
        assert [row["epoch"] for row in stored(out)["rows"]] == list(range(1, epoch))
    model, rows = train(NETWORK, SETTINGS, coloured(24), coloured(9), out, resume=True)
    assert without_seconds(rows) == without_seconds(wanted_rows)
    assert_equal_tensors(model.state_dict(), wanted_model.state_dict())
    assert_equal_tensors(load_file(checkpoint_path(out)), load_file(checkpoint_path(wanted_out)))


def test_a_finished_training_is_resumed_without_a_step(unbroken):
    wanted_model, wanted_rows, out, _ = unbroken
    steps = []
    model, rows = train(NETWORK, SETTINGS, coloured(24), coloured(9), out, resume=True, progress=heard(steps))
    assert steps == []
    assert rows == wanted_rows
    assert_equal_tensors(model.state_dict(), wanted_model.state_dict())


def test_without_a_checkpoint_a_resumed_training_starts_anew(out):
    assert start(out, resume=True) == [(1, 1, 3 * STEPS)]


def test_without_resume_a_checkpoint_is_not_used(unbroken):
    _, rows, out, _ = unbroken
    assert start(out) == [(1, 1, 3 * STEPS)]
    assert stored(out)["rows"] == rows


@pytest.mark.parametrize(
    ("network", "settings", "fingerprint"),
    [
        (replace(NETWORK, input_size=48), SETTINGS, ""),
        (replace(NETWORK, mean=(0.5, 0.5, 0.5)), SETTINGS, ""),
        (NETWORK, replace(SETTINGS, epochs=4), ""),
        (NETWORK, replace(SETTINGS, learning_rate=0.02), ""),
        (NETWORK, replace(SETTINGS, seed=1), ""),
        (NETWORK, SETTINGS, "other data"),
    ],
)
def test_resuming_another_training_is_refused(unbroken, network, settings, fingerprint):
    _, rows, out, _ = unbroken
    steps = []
    with pytest.raises(ModelError) as error:
        train(
            network,
            settings,
            coloured(24),
            None,
            out,
            resume=True,
            fingerprint=fingerprint,
            progress=heard(steps),
        )
    assert str(error.value) == (
        f"{checkpoint_path(out)} belongs to another training: settings or data differ; "
        "repeat the first command's options, or train without --resume"
    )
    assert steps == []
    assert stored(out)["rows"] == rows


def refused(out, problem=".+"):
    steps = []
    path = re.escape(str(checkpoint_path(out)))
    message = rf"^{path} is not a whole checkpoint \({problem}\); delete it, or train without --resume$"
    with pytest.raises(ModelError, match=message):
        train(NETWORK, SETTINGS, coloured(24), None, out, resume=True, progress=heard(steps))
    assert steps == []


@pytest.mark.parametrize("share", [0, 1e-7, 1e-5, 0.1, 0.999999])
def test_a_cut_off_checkpoint_is_refused(unbroken, out, share):
    content = checkpoint_path(unbroken[2]).read_bytes()
    checkpoint_path(out).write_bytes(content[: int(share * len(content))])
    refused(out)


def test_a_file_that_is_no_checkpoint_is_refused(unbroken, out):
    checkpoint_path(out).write_bytes(random.Random(0).randbytes(1_000))
    refused(out)
    save_model(unbroken[0], checkpoint_path(out), force=True)
    refused(out)
    for document in ("{}", "[]", "3"):
        save_file({"a": torch.zeros(1)}, checkpoint_path(out), metadata={"training": document})
        refused(out)


def forged(source, out, change=dict, rows=None, **document):
    """A checkpoint with other content and the checksum of that."""
    with safe_open(checkpoint_path(source), framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    found = {**stored(source), **document}
    found["rows"] = found["rows"] if rows is None else rows(found["rows"])
    write_tensors(checkpoint_path(out), change(tensors), "training", found)


FORGED = {
    "no rows": ({"rows": lambda rows: []}, "its rows are of the epochs "),
    "a row twice": ({"rows": lambda rows: [*rows, rows[-1]]}, "its rows are of the epochs 1, 2, 3, 3"),
    "a row too few": ({"rows": lambda rows: rows[:-1]}, "its number of steps is not that of its epochs"),
    "rows that are none": ({"rows": lambda rows: [3]}, "rows: wanted a row for each epoch"),
    "text for a loss": ({"rows": lambda rows: [{**row, "loss": "low"} for row in rows]}, "rows: wanted a row for each"),
    "more": ({"groups": []}, "'groups' is unknown"),
    "identity": ({"identity": 3}, "identity: wanted a valid dictionary"),
    "a shape": ({"change": lambda t: {**t, "model/features.0.bias": torch.zeros(63)}}, "model/features.0.bias is not"),
    "a type": ({"change": lambda t: {**t, "momentum/0": t["momentum/0"].double()}}, "momentum/0 is not what"),
    "NaN": (
        {"change": lambda t: {**t, "average/module.features.0.bias": torch.full((64,), float("nan"))}},
        "average.* is not",
    ),
    "less": (
        {"change": lambda t: {n: v for n, v in t.items() if n != "momentum/3"}},
        "momentum/3 missing or not a part",
    ),
    "surplus": ({"change": lambda t: {**t, "momentum/99": torch.zeros(1)}}, "momentum/99 missing or not a part"),
    "another's weights": ({"change": lambda t: {"a": torch.zeros(1)}}, ".*missing or not a part of it"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_checkpoint_is_refused_whole(unbroken, out, case):
    changes, problem = FORGED[case]
    forged(unbroken[2], out, **changes)
    before = checkpoint_path(out).read_bytes()
    with pytest.raises(ModelError, match=rf"is not a whole checkpoint \({problem}.*\); delete it, or train without"):
        train(NETWORK, SETTINGS, coloured(24), coloured(9), out, resume=True)
    assert checkpoint_path(out).read_bytes() == before


def test_a_damaged_checkpoint_and_one_without_checksum_are_refused(unbroken, out):
    content = bytearray(checkpoint_path(unbroken[2]).read_bytes())
    content[-1000] ^= 1
    checkpoint_path(out).write_bytes(content)
    refused(out, "it is damaged: its checksum is of other content; train or copy it again")
    save_file(
        load_file(checkpoint_path(unbroken[2])), checkpoint_path(out), {"training": json.dumps(stored(unbroken[2]))}
    )
    refused(out, "'checksum' is missing")


@pytest.mark.parametrize("part", ["pixels", "labels", "validation"])
def test_resuming_with_changed_images_is_refused(unbroken, part):
    data, held_out = coloured(24), coloured(9)
    changed = held_out if part == "validation" else data
    if part == "labels":
        changed.labels[0] += 1
    else:
        changed.pixels.flags.writeable = True
        changed.pixels[-1, -1, -1, -1] ^= 1
    with pytest.raises(ModelError, match="belongs to another training: settings or data differ"):
        train(NETWORK, SETTINGS, data, held_out, unbroken[2], resume=True)


@pytest.mark.parametrize("rate", [100.0, 30.0])
def test_a_training_that_diverges_is_stopped_and_nothing_kept(out, rate):
    settings = replace(SETTINGS, epochs=40, learning_rate=rate, batch_size=4)
    with pytest.raises(
        ModelError, match=r"^the training diverged in epoch \d+: .*; train with a lower learning rate than"
    ):
        train(NETWORK, settings, coloured(8), None, out)
    if checkpoint_path(out).exists():
        assert all(value.isfinite().all() for value in load_file(checkpoint_path(out)).values())


@pytest.mark.parametrize("caller", ["float64", "autocast", "inference", "default device", "deterministic", "anomaly"])
def test_a_training_is_the_same_whatever_the_caller_has_set(unbroken, out, caller):
    wanted, _, _, _ = unbroken
    data, held_out = coloured(24), coloured(9)
    with CALLERS[caller]():
        before = torch_settings()
        model, _ = train(NETWORK, SETTINGS, data, held_out, out)
        assert torch_settings() == before
    assert_equal_tensors(model.state_dict(), wanted.state_dict())


@pytest.mark.parametrize(
    "values",
    [
        {"epochs": 0},
        {"epochs": 10_001},
        {"epochs": 2.0},
        {"batch_size": 0},
        {"batch_size": True},
        {"learning_rate": 0.0},
        {"learning_rate": math.nan},
        {"learning_rate": "0.1"},
        {"weight_decay": -1.0},
        {"label_smoothing": 2.0},
        {"averaging": math.inf},
        {"seed": 2**64},
        {"seed": -1},
    ],
)
def test_settings_that_nothing_can_be_trained_with_are_refused(values):
    [name] = values
    with pytest.raises(ModelError, match=f"^{name}: wanted a (whole )?number from .* to .*, got "):
        TrainingSettings(**values)


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    settings = replace(SETTINGS, epochs=1)
    with pytest.raises(OutputError, match=r"^cannot write .*model\.csv: .+; choose another place"):
        train(NETWORK, settings, coloured(2), None, tmp_path / "file" / "model.safetensors")
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_full_disk_is_told_and_leaves_the_earlier_checkpoint(out):
    settings = replace(SETTINGS, epochs=2)
    start(out, settings, epoch=2, data=coloured(2))
    with (
        largest_file(1_000_000),
        pytest.raises(OutputError, match=r"^cannot write .*; choose another place or make room$"),
    ):
        train(NETWORK, settings, coloured(2), None, out, resume=True)
    assert [row["epoch"] for row in stored(out)["rows"]] == [1]
    assert sorted(path.name for path in out.parent.iterdir()) == ["model.checkpoint.safetensors", "model.csv"]


def command(root, out, *more):
    """The training of the drawn signs as arguments of the command line."""
    return ["train", str(root), "--out", str(out), "--input-size", "32", "--epochs", "3", *more]


def test_a_training_that_was_killed_goes_on_to_the_same_model(gtsrb, tmp_path, capsys):
    whole, broken = tmp_path / "whole" / "model.safetensors", tmp_path / "broken" / "model.safetensors"
    assert ended(*command(gtsrb, whole)) == 0
    entry = "from xaisigns.cli import main; main()"
    process = subprocess.Popen([sys.executable, "-c", entry, *command(gtsrb, broken)], cwd=REPOSITORY)
    try:
        while not checkpoint_path(broken).exists() and process.poll() is None:
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        assert process.wait() == -signal.SIGKILL
    rows = stored(broken)["rows"]
    assert 1 <= len(rows) < 3
    assert not broken.exists()
    capsys.readouterr()
    assert ended(*command(gtsrb, broken, "--resume")) == 0
    assert capsys.readouterr().err == ""
    assert_equal_tensors(load_file(broken), load_file(whole))
    assert stored(broken)["rows"][: len(rows)] == rows
    assert without_seconds(stored(broken)["rows"]) == without_seconds(stored(whole)["rows"])
    removed(whole.parent)
    removed(broken.parent)


def test_as_many_images_as_gtsrb_has_are_trained_on_as_they_were():
    for epochs in (4, 8, 10):
        assert TrainingSettings(epochs=epochs).suited(35_000) == TrainingSettings(epochs=epochs)


def test_what_was_asked_for_is_trained_with():
    settings = TrainingSettings(epochs=2, batch_size=64, averaging=0.98)
    assert settings.suited(10) == settings


@pytest.mark.parametrize("images", [1, 5, 100, 300, 900, 2000])
def test_few_images_make_smaller_batches_and_a_mean_over_a_part_of_the_training(images):
    settings = TrainingSettings(epochs=8)
    suited = settings.suited(images)
    assert suited.batch_size == min(128, max(16, images // 8))
    assert suited.learning_rate / suited.batch_size == pytest.approx(settings.learning_rate / 128)
    steps = 8 * -(-images // suited.batch_size)
    # What is left in the mean of the weights that the training began with.
    assert suited.averaging**steps < 0.06
    assert (suited.epochs, suited.seed, suited.weight_decay) == (8, 0, settings.weight_decay)


def test_a_training_with_float16_is_resumed_bit_for_bit(narrow, tmp_path, monkeypatch):
    monkeypatch.setattr("xaisigns.model.training.precision_of", lambda device: torch.float16)
    train(NETWORK, SETTINGS, coloured(24), None, tmp_path / "whole")
    start(tmp_path / "parts", epoch=3)
    train(NETWORK, SETTINGS, coloured(24), None, tmp_path / "parts", resume=True)
    whole, parts = (load_file(checkpoint_path(tmp_path / name)) for name in ("whole", "parts"))
    assert "scaler/scale" in whole
    assert whole.keys() == parts.keys()
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


def test_gradients_are_scaled_where_float16_is_computed_with(narrow, tmp_path, monkeypatch):
    """A scale that overflows is halved, and the step left out."""
    monkeypatch.setattr("xaisigns.model.training.precision_of", lambda device: torch.float16)
    monkeypatch.setattr("xaisigns.model.training._SCALE", 2.0**40)
    start(tmp_path / "model", epoch=2)
    assert float(load_file(checkpoint_path(tmp_path / "model"))["scaler/scale"]) < 2.0**40


def test_a_training_in_another_precision_is_not_gone_on_with(narrow, tmp_path, monkeypatch):
    start(tmp_path / "model", epoch=2)
    monkeypatch.setattr("xaisigns.model.training.precision_of", lambda device: torch.float16)
    with pytest.raises(ModelError, match=r"scaler/_growth_tracker, scaler/scale missing or not a part of it"):
        train(NETWORK, SETTINGS, coloured(24), None, tmp_path / "model", resume=True)


@pytest.mark.parametrize(
    ("kind", "bfloat16", "wanted"),
    [
        ("cpu", True, torch.bfloat16),
        ("cpu", False, None),
        ("mps", False, None),
        ("cuda", True, torch.bfloat16),
        ("cuda", False, torch.float16),
    ],
)
def test_what_a_device_trains_with(kind, bfloat16, wanted, monkeypatch):
    monkeypatch.setattr("xaisigns.model.training.computes_bfloat16", lambda device: bfloat16)
    assert precision_of(torch.device(kind)) is wanted


@pytest.mark.needs("gpu")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_training_on_a_gpu_is_resumed_bit_for_bit(dtype, narrow, tmp_path, monkeypatch):
    monkeypatch.setattr("xaisigns.model.training.precision_of", lambda device: dtype)
    device = torch.device("cuda", 0)
    train(NETWORK, SETTINGS, coloured(24), None, tmp_path / "whole", device=device)
    start(tmp_path / "parts", epoch=3, device=device)
    train(NETWORK, SETTINGS, coloured(24), None, tmp_path / "parts", resume=True, device=device)
    whole, parts = (load_file(checkpoint_path(tmp_path / name)) for name in ("whole", "parts"))
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


OWN = TrainingSettings(epochs=2, batch_size=8, learning_rate=0.01, averaging=0.5)


@pytest.mark.parametrize("name", ["mnasnet0_5", "shufflenet_v2_x0_5"])
def test_any_network_is_trained(name, tmp_path):
    network = NetworkSettings(name, classes=3, input_size=32)
    model, rows = train(network, OWN, coloured(24), coloured(9), tmp_path / "any.safetensors")
    assert type(model.module).__module__.startswith("torchvision.models.")
    assert not any(layer.training for layer in model.modules())
    assert len(rows) == 2


def test_an_own_network_resumed_equals_an_unbroken_one_bit_for_bit(own_module, tmp_path):
    """One with a scalar for a weight, and an MNASNet's state, which has a version."""
    for name in (f"{own_module}:Net", "mnasnet0_5"):
        network, data = NetworkSettings(name, classes=3, input_size=32), coloured(17)
        places = [tmp_path / f"{name.partition(':')[0]}-{which}.safetensors" for which in ("whole", "broken")]
        wanted, _ = train(network, OWN, data, None, places[0])
        start(places[1], OWN, epoch=2, network=network, data=data)
        model, _ = train(network, OWN, data, None, places[1], resume=True)
        assert_equal_tensors(model.state_dict(), wanted.state_dict())
        assert_equal_tensors(load_file(checkpoint_path(places[1])), load_file(checkpoint_path(places[0])))


def test_no_batch_has_one_image_alone():
    """Of which BatchNorm after a pooling to one pixel knows no spread."""
    for count in range(2, 40):
        batches = _batches(torch.arange(count), 4)
        assert torch.equal(torch.cat(batches), torch.arange(count))
        assert min(map(len, batches)) > 1
        assert max(map(len, batches)) <= 5
    assert list(map(len, _batches(torch.arange(10), 4))) == [4, 4, 2]


def test_every_weight_is_trained_and_frozen_ones_stay(own_module, tmp_path):
    network = NetworkSettings(f"{own_module}:Frozen", classes=3, input_size=32)
    run = tmp_path / "frozen.safetensors"
    begin = untrained_state(network)
    start(run, OWN, epoch=2, network=network, data=coloured(16))
    model, _ = train(network, OWN, coloured(16), None, run, resume=True)
    for name, value in model.module.state_dict().items():
        same = torch.equal(value, begin[name])
        assert same == (name in ("stem.weight", "stem.bias", "unused")), name


def untrained_state(network):
    with torch.random.fork_rng():
        torch.manual_seed(OWN.seed)
        return untrained(network).module.state_dict()
