"""From a findings file to a model file that tells its history; or to nothing at all, with the reason."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

import xaisigns as xs
from tests.repairs import AFTER, BEFORE, a_feature, rates, written_findings
from xaisigns.audit.repair import fine_tuning, repairing
from xaisigns.audit.repair.projection import Projection
from xaisigns.errors import AuditError, DataError, ModelError, OutputError
from xaisigns.model.checkpoint import TRAINING
from xaisigns.model.tensor_files import write_tensors
from xaisigns.study.model_cache import ModelCache


@pytest.fixture
def found(narrow, untrained, gtsrb, tmp_path):
    """A file of findings about the model on its training images: class 2 has a shortcut, and there is nothing else."""
    return written_findings(untrained, gtsrb, tmp_path / "audit")


@pytest.fixture
def measuring(monkeypatch):
    """What is measured before, with the control and after."""
    given = [BEFORE, BEFORE, AFTER]
    monkeypatch.setattr(repairing, "feature_of", a_feature)
    monkeypatch.setattr(repairing, "_refuse_missing_classes", lambda *_: None)  # few are drawn
    monkeypatch.setattr(repairing, "judged", lambda *_, **__: rates(*given.pop(0)))
    return given


def a_projection(model, images, features, seed, progress):
    """Stands in for ``projected``: moves one layer's offsets."""
    network = copy.deepcopy(model.module)
    network.features[0].bias.data += 0.5
    return network, [Projection(feature.class_id, "features.0", 2) for feature in features]


def test_the_file_holds_a_model_that_tells_its_history(found, measuring, untrained, gtsrb, tmp_path):
    model, out = xs.load_model(untrained), tmp_path / "repaired.safetensors"
    document = xs.repair(untrained, gtsrb, finding=found, out=out, steps=2)
    repaired = xs.load_model(out)
    told = repaired.card["repairs"]
    assert document == {"model": str(out), **told[0]}
    assert len(told) == 1
    assert (told[0]["parent"], told[0]["method"], told[0]["classes"]) == (ModelCache(model).weights, "fine-tune", [2])
    assert told[0]["settings"]["steps"] == 2
    assert told[0]["measured_on"] == "unseen"
    assert told[0]["findings"][0]["before"]["flips"]["share"] == 0.9
    assert told[0]["findings"][0]["after"]["own"]["hits"] == 95
    assert repaired.class_names == model.class_names
    assert ModelCache(repaired).weights != ModelCache(model).weights
    measuring += [BEFORE, BEFORE, AFTER]
    with pytest.raises(AuditError, match="are about another model"):
        xs.repair(out, gtsrb, finding=found, out=tmp_path / "again.safetensors", steps=1)


def test_a_second_repair_is_told_after_the_first(found, measuring, untrained, gtsrb, tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    xs.repair(untrained, gtsrb, finding=found, out=first, steps=1)
    found = written_findings(first, gtsrb, tmp_path / "audit")
    measuring += [BEFORE, BEFORE, AFTER]
    xs.repair(first, gtsrb, finding=found, out=second, steps=1)
    told = xs.load_model(second).card["repairs"]
    assert [one["parent"] for one in told] == [ModelCache(xs.load_model(one)).weights for one in (untrained, first)]


@pytest.mark.parametrize(
    ("after", "reason"),
    [((46, 950, 95), "did not hold"), ((1, 920, 95), "costs too much"), ((1, 950, 35), "costs too much")],
)
def test_a_repair_that_fails_writes_nothing(after, reason, found, measuring, untrained, gtsrb, tmp_path):
    measuring[:] = [(90, 950, 50), (90, 950, 50), after]
    with pytest.raises(AuditError, match=f"^the repair of class 2 {reason}, and nothing is written; before, 90.0% "):
        xs.repair(untrained, gtsrb, finding=found, out=tmp_path / "repaired.safetensors", steps=1)
    assert not (tmp_path / "repaired.safetensors").exists()


def compared(lost, won, both, neither):
    """Whether images are right before and after."""
    before = np.repeat([True, False, True, False], [lost, won, both, neither])
    return before, np.repeat([False, True, True, False], [lost, won, both, neither])


@pytest.mark.parametrize(
    ("counts", "least"),
    # If all of 40 are lost, 0.025 ** (1 / 40) at least are; if eight of ten are, 0.4439 (R's binom.test).
    [((40, 0, 3920, 40), (2 * 0.025 ** (1 / 40) - 1) * 0.01), ((8, 2, 90, 0), (2 * 0.4439045 - 1) * 0.1)],
)
def test_a_drop_is_that_of_the_images_that_are_right_once(counts, least):
    assert repairing._least_drop(*compared(*counts)) == pytest.approx(least, abs=1e-7)


def test_of_few_images_two_that_are_lost_may_be_chance():
    assert repairing._least_drop(*compared(2, 0, 18, 0)) < 0
    assert repairing._least_drop(*compared(0, 0, 20, 0)) == 0


def test_a_training_that_was_killed_keeps_its_checkpoint(found, measuring, untrained, gtsrb, tmp_path):
    theirs = tmp_path / "net.checkpoint.safetensors"
    write_tensors(theirs, {"a": torch.zeros(1)}, TRAINING, {})
    xs.repair(untrained, gtsrb, finding=found, out=tmp_path / "net.safetensors", steps=1)
    assert theirs.exists()
    with pytest.raises(OutputError, match="checkpoint has such a name; name another"):
        xs.repair(untrained, gtsrb, finding=found, out=theirs, steps=1)


def test_one_with_another_preprocessing_is_another_repair(found, measuring, untrained, gtsrb, tmp_path):
    def hear(work, done, total):
        if work == "training on" and done == total:
            raise KilledError

    options = {"finding": found, "out": tmp_path / "repaired.safetensors", "steps": 1}
    model = xs.load_model(untrained)
    with pytest.raises(KilledError):
        xs.repair(model, gtsrb, **options, progress=hear)
    model.settings = replace(model.settings, mean=(0.1, 0.9, 0.5))
    measuring[:] = [BEFORE]
    with pytest.raises(ModelError, match="belongs to another repair"):
        xs.repair(model, gtsrb, **options, resume=True)


def test_what_may_be_chance_is_no_cost(found, measuring, untrained, gtsrb, tmp_path):
    measuring[:] = [(90, 950, 50), (90, 950, 50), (45, 941, 45)]
    assert xs.repair(untrained, gtsrb, finding=found, out=tmp_path / "repaired.safetensors", steps=1)["model"]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([4], "^the finding about class 4 shows nothing that makes the model say it"),
        ([7], "^the findings tell nothing about class 7; they tell of 2, 4, 9"),
    ],
)
def test_what_cannot_be_unlearnt_is_refused(classes, message, found, untrained, gtsrb, tmp_path, monkeypatch):
    monkeypatch.setattr(repairing, "_refuse_missing_classes", lambda *_: None)
    with pytest.raises(AuditError, match=message):
        xs.repair(untrained, gtsrb, finding=found, classes=classes, out=tmp_path / "repaired.safetensors")


def test_without_a_shortcut_there_is_nothing_to_unlearn(found, untrained, gtsrb, tmp_path):
    found.write_text(found.read_text().replace('"shortcut"', '"nothing"'))
    with pytest.raises(AuditError, match=r"^the audit found no shortcut: there is nothing to unlearn"):
        xs.repair(untrained, gtsrb, finding=found, out=tmp_path / "repaired.safetensors")


def test_a_model_that_has_no_file_is_refused(found, untrained, gtsrb, tmp_path):
    model = xs.load_model(untrained)
    wrapped = xs.Model(model.module, model.preprocessing)
    with pytest.raises(AuditError, match=r"^a model file is written: wanted a Classifier of xaisigns"):
        xs.repair(wrapped, gtsrb, finding=found, out=tmp_path / "repaired.safetensors")


def test_a_file_of_others_is_refused_before_the_work(found, untrained, gtsrb, tmp_path, monkeypatch):
    monkeypatch.setattr(repairing, "tuned_beside_control", None)
    (tmp_path / "mine.safetensors").write_text("mine")
    with pytest.raises(OutputError, match="was not written by xaisigns"):
        xs.repair(untrained, gtsrb, finding=found, out=tmp_path / "mine.safetensors")


def test_a_projection_trains_nothing_and_tells_what_it_took_out(
    found, measuring, untrained, gtsrb, tmp_path, monkeypatch
):
    measuring[:] = [BEFORE, AFTER]
    monkeypatch.setattr(repairing, "_refuse_whole_classes", lambda wanted: None)
    monkeypatch.setattr(repairing, "projected", a_projection)
    model, out = xs.load_model(untrained), tmp_path / "repaired.safetensors"
    document = xs.repair(untrained, gtsrb, finding=found, out=out, method="projection", seed=5)
    told = document["findings"][0]
    assert (document["method"], document["settings"]) == ("projection", {"seed": 5})
    assert (told["control"], told["layer"], told["rank"]) == (None, "features.0", 2)
    assert told["after"]["flips"]["share"] == 0.01
    changed = [
        name for name, value in xs.load_model(out).state_dict().items() if (value != model.state_dict()[name]).any()
    ]
    assert changed == ["features.0.bias"]


def test_a_projection_that_would_take_out_the_class_is_refused(found, measuring, untrained, gtsrb, tmp_path):
    with pytest.raises(
        AuditError, match=r"^every image of class 2 may have the feature: .*; take the method fine-tune"
    ):
        xs.repair(untrained, gtsrb, finding=found, out=tmp_path / "repaired.safetensors", method="projection")
    assert len(measuring) == 3


class KilledError(Exception):
    """Stands in for a kill."""


def test_one_that_was_killed_goes_on(found, measuring, untrained, gtsrb, tmp_path, monkeypatch):
    def run(name, **options):
        out = tmp_path / name
        xs.repair(untrained, gtsrb, finding=found, out=out, steps=3, **options)
        return xs.load_model(out).state_dict()

    def hear(work, done, total):
        if (work, done) == ("unlearning", 2):
            raise KilledError

    unbroken = run("unbroken.safetensors")
    monkeypatch.setattr(fine_tuning, "_KEPT", 1)
    measuring[:] = [BEFORE]
    with pytest.raises(KilledError):
        run("repaired.safetensors", progress=hear)
    kept = sorted(path.name for path in tmp_path.glob("repaired.*"))
    assert kept == ["repaired.control.checkpoint.safetensors", "repaired.unlearning.checkpoint.safetensors"]
    measuring[:], heard = [BEFORE, BEFORE, AFTER], []
    resumed = run("repaired.safetensors", resume=True, progress=lambda *told: heard.append(told))
    assert [told for told in heard if told[0] in ("training on", "unlearning")] == [("unlearning", 3, 3)]
    assert all(torch.equal(value, resumed[name]) for name, value in unbroken.items())
    assert [path.name for path in tmp_path.glob("repaired*")] == ["repaired.safetensors"]


def test_a_checkpoint_of_other_settings_is_refused(found, measuring, untrained, gtsrb, tmp_path, monkeypatch):
    def hear(work, done, total):
        if work == "training on" and done == total:
            raise KilledError

    out = tmp_path / "repaired.safetensors"
    with pytest.raises(KilledError):
        xs.repair(untrained, gtsrb, finding=found, out=out, steps=2, progress=hear)
    measuring[:] = [BEFORE]
    with pytest.raises(ModelError, match=r"control\.checkpoint\.safetensors belongs to another repair"):
        xs.repair(untrained, gtsrb, finding=found, out=out, steps=2, seed=1, resume=True)


def test_a_repair_that_fails_keeps_no_checkpoint(found, measuring, untrained, gtsrb, tmp_path):
    measuring[:] = [BEFORE, BEFORE, (46, 950, 95)]
    with pytest.raises(AuditError, match="did not hold"):
        xs.repair(untrained, gtsrb, finding=found, out=tmp_path / "repaired.safetensors", steps=1)
    assert not list(tmp_path.glob("repaired*"))


def test_classes_without_images_would_be_forgotten(found, untrained, gtsrb, tmp_path):
    with pytest.raises(DataError, match=r"^the data have no images of class 0, 1, 3, 5 and \d+ more: .* forgets them"):
        xs.repair(untrained, gtsrb, finding=found, out=tmp_path / "repaired.safetensors")
    assert not (tmp_path / "repaired.safetensors").exists()
