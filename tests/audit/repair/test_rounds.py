"""Audits and repairs in turn, until nothing is found, or for three rounds."""

import pytest

import xaisigns as xs
from tests.repairs import AFTER, BEFORE, a_feature, audits, rates
from xaisigns.audit import audit_files
from xaisigns.audit.repair import repairing
from xaisigns.audit.repair import rounds as audit_rounds
from xaisigns.audit.repair.repairing import repair
from xaisigns.base.documents import json_text
from xaisigns.errors import AuditError, OutputError
from xaisigns.study.model_cache import ModelCache

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture
def finds(monkeypatch):
    """Say what each audit finds, and every repair holds."""

    def given(*shortcuts):
        measured = [BEFORE, BEFORE, AFTER] * 3
        monkeypatch.setattr(audit_files, "examine", audits(*shortcuts))
        monkeypatch.setattr(repairing, "feature_of", a_feature)
        monkeypatch.setattr(repairing, "_refuse_missing_classes", lambda *_: None)  # few are drawn
        monkeypatch.setattr(repairing, "judged", lambda *_, **__: rates(*measured.pop(0)))

    return given


def rounds(model, data, folder, **options):
    given = {"out": folder / "audit", "repaired": folder / "repaired.safetensors", "steps": 1}
    return xs.audit_and_repair(model, data, "none", **{**given, **options})


@pytest.mark.parametrize("found", [(True, False), (True, True, False)])
def test_it_repairs_until_an_audit_finds_nothing(found, finds, untrained, gtsrb, tmp_path):
    finds(*found)
    document = rounds(untrained, gtsrb, tmp_path)
    assert [one["repair"] is None for one in document["rounds"]] == [not one for one in found]
    repairs = [one["repair"] for one in document["rounds"][:-1]]
    last = xs.load_model(document["model"])
    assert [one["classes"] for one in last.card["repairs"]] == [[2]] * len(repairs)
    assert ModelCache(last).weights == ModelCache(xs.load_model(repairs[-1]["model"])).weights
    assert ModelCache(last).weights == document["rounds"][-1]["audit"]["model"]["weights"]
    assert sorted(path.name for path in (tmp_path / "audit").iterdir()) == [f"round-{n + 1}" for n in range(len(found))]


def test_it_ends_with_a_reason_where_nothing_is_to_be_repaired(finds, untrained, gtsrb, tmp_path):
    finds(False)
    with pytest.raises(AuditError, match=r"no shortcut, there is nothing to repair: .*round-1 has what it found"):
        rounds(untrained, gtsrb, tmp_path)
    assert not (tmp_path / "repaired.safetensors").exists()
    assert (tmp_path / "audit/round-1/findings.json").exists()


def test_it_ends_with_a_reason_where_three_repairs_do_not_suffice(finds, untrained, gtsrb, tmp_path):
    finds(True, True, True, True)
    with pytest.raises(AuditError, match="after 3 repairs the audit still finds a shortcut of class 2"):
        rounds(untrained, gtsrb, tmp_path)
    assert not (tmp_path / "repaired.safetensors").exists()
    assert (tmp_path / "audit/round-3/repaired.safetensors").exists()


def interrupted(*_, **__):
    raise KeyboardInterrupt


def test_one_that_was_killed_goes_on_with_the_models_that_it_made(finds, untrained, gtsrb, tmp_path, monkeypatch):
    finds(True, True, False)
    whole = rounds(untrained, gtsrb, tmp_path / "whole")
    finds(True, True)
    monkeypatch.setattr(audit_rounds, "load_model", interrupted)  # between the first repair and the second audit
    with pytest.raises(KeyboardInterrupt):
        rounds(untrained, gtsrb, tmp_path)
    monkeypatch.undo()
    finds(True, True, False)
    repaired = []

    def heard(*given, **options):
        repaired.append((options["out"].parent.name, options["resume"]))
        return repair(*given, **options)

    monkeypatch.setattr(audit_rounds, "repair", heard)
    found = rounds(untrained, gtsrb, tmp_path, resume=True)
    assert repaired == [("round-2", True)]
    told = json_text(found).replace(str(tmp_path), str(tmp_path / "whole"))
    assert told == json_text(whole)
    assert ModelCache(xs.load_model(found["model"])).weights == ModelCache(xs.load_model(whole["model"])).weights


@pytest.mark.parametrize("change", [{"seed": 1}, {"steps": 2}, {"resume": False}, {}])
def test_a_model_that_was_made_otherwise_is_made_anew(change, finds, untrained, gtsrb, tmp_path, monkeypatch):
    model = xs.load_model(untrained)
    finds(True, False)
    rounds(model, gtsrb, tmp_path)
    finds(True, False)
    monkeypatch.setattr(audit_rounds, "repair", interrupted)
    if not change:  # but for its weights
        next(model.module.parameters()).data += 1
    with pytest.raises(KeyboardInterrupt):
        rounds(model, gtsrb, tmp_path, **{"resume": True, **change})


def test_a_model_of_other_findings_is_made_anew(finds, untrained, gtsrb, tmp_path, monkeypatch):
    """The findings tell the data's fingerprint: a repair with other images is another."""
    finds(True, False)
    rounds(untrained, gtsrb, tmp_path)
    findings = tmp_path / "audit/round-1/findings.json"
    findings.write_text(findings.read_text() + "\n")
    finds(True, False)
    monkeypatch.setattr(audit_rounds, "repair", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rounds(untrained, gtsrb, tmp_path, resume=True)
    assert not (tmp_path / "audit/round-1/repaired.safetensors").exists()  # a further --resume does not take it either


def test_a_file_of_others_is_refused_before_the_work(untrained, gtsrb, tmp_path):
    place = tmp_path / "audit/round-2/repaired.safetensors"
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    with pytest.raises(OutputError, match="was not written by xaisigns"):
        rounds(untrained, gtsrb, tmp_path)
