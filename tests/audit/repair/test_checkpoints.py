"""A fine-tuning that was killed goes on with the same numbers; what it cannot go on from is refused by name."""

import json

import numpy as np
import pytest
import torch

from tests.audit.repair.test_fine_tuning import SETTINGS, plain_views, planted  # noqa: F401 (fixtures)
from xaisigns.audit.repair import fine_tuning
from xaisigns.audit.repair.checkpoints import CHECKPOINT_MARK, Checkpoint
from xaisigns.audit.repair.fine_tuning import fine_tuned
from xaisigns.errors import ModelError, OutputError
from xaisigns.model.checkpoint import REPAIR
from xaisigns.model.tensor_files import read_metadata, read_tensors, write_tensors

IDENTITY = {"weights": "a", "control": False}


class KilledError(Exception):
    """Stands in for a kill."""


def killed_after(steps):
    def hear(work, done, total):
        if done == steps:
            raise KilledError

    return hear


@pytest.fixture
def kept(tmp_path):
    return Checkpoint(tmp_path / "repaired.checkpoint.safetensors", IDENTITY, resume=True, force=False)


@pytest.fixture
def halfway(planted, kept, monkeypatch):  # noqa: F811
    """A checkpoint of a fine-tuning that was killed three steps after it was written."""
    monkeypatch.setattr(fine_tuning, "_KEPT", 5)
    model, seen, feature, _ = planted
    with pytest.raises(KilledError):
        fine_tuned(model, seen, [feature], SETTINGS, checkpoint=kept, progress=killed_after(8))
    return kept


@pytest.mark.parametrize("control", [False, True])
def test_a_killed_fine_tuning_ends_with_the_same_weights(control, planted, kept, monkeypatch):  # noqa: F811
    monkeypatch.setattr(fine_tuning, "_KEPT", 5)
    model, seen, feature, _ = planted
    heard = []

    def run(**options):
        return fine_tuned(model, seen, [feature], SETTINGS, control=control, **options).state_dict()

    unbroken = run()
    for stop in (7, 13):
        with pytest.raises(KilledError):
            run(checkpoint=kept, progress=killed_after(stop))
    torch.randn(3)  # what others draw in between does not matter
    resumed = run(checkpoint=kept, progress=lambda work, done, total: heard.append(done))
    assert heard == list(range(11, SETTINGS.steps + 1))
    assert all(torch.equal(value, resumed[name]) for name, value in unbroken.items())
    assert all(torch.equal(value, unbroken[name]) for name, value in run(checkpoint=kept).items())  # when it is through


def test_without_resume_it_begins_anew(halfway, planted):  # noqa: F811
    heard = []
    model, seen, feature, _ = planted
    anew = Checkpoint(halfway.path, IDENTITY, resume=False, force=False)
    fine_tuned(model, seen, [feature], SETTINGS, checkpoint=anew, progress=lambda work, done, total: heard.append(done))
    assert heard[0] == 1


def test_a_checkpoint_of_another_repair_is_refused(halfway, planted):  # noqa: F811
    model, seen, feature, _ = planted
    other = Checkpoint(halfway.path, {**IDENTITY, "weights": "b"}, resume=True, force=False)
    with pytest.raises(ModelError, match=r"belongs to another repair: .* or repair without --resume"):
        fine_tuned(model, seen, [feature], SETTINGS, checkpoint=other)


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(bytes(content))


def changed(**values):
    def change(path):
        stored = json.loads(read_metadata(path)[REPAIR])
        write_tensors(path, read_tensors(path, REPAIR), REPAIR, {**stored, "state": {**stored["state"], **values}})

    return change


def without_a_tensor(path):
    tensors = read_tensors(path, REPAIR)
    tensors.pop("random/cpu")
    write_tensors(path, tensors, REPAIR, json.loads(read_metadata(path)[REPAIR]))


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        flipped,
        empty,
        without_a_tensor,
        changed(drawn=[]),
        changed(drawn=[{"random": {"bit_generator": "MT19937"}, "error": []}]),
        changed(drawn=[None]),
        changed(steps="many"),
        changed(steps=0),
        changed(steps=SETTINGS.steps + 1),
    ],
)
def test_what_is_no_whole_checkpoint_is_refused(damage, halfway, planted):  # noqa: F811
    model, seen, feature, _ = planted
    damage(halfway.path)
    with pytest.raises(ModelError, match=r"is not a whole checkpoint \(.*delete it, or repair without --resume"):
        fine_tuned(model, seen, [feature], SETTINGS, checkpoint=halfway)


def test_a_file_that_is_not_ours_is_left_alone(kept):
    kept.path.write_text("notes")
    with pytest.raises(OutputError, match="not written by xaisigns"):
        kept.write({"a": torch.zeros(1)}, {})
    assert kept.path.read_text() == "notes"
    Checkpoint(kept.path, IDENTITY, resume=False, force=True).write({"a": torch.zeros(1)}, {})
    assert CHECKPOINT_MARK in kept.path.read_bytes()
    assert np.array_equal(read_tensors(kept.path, REPAIR)["a"], [0])
