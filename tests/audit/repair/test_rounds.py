"""Audits and repairs in turn, until nothing is found, or for three rounds."""

import pytest

import xaisigns as xs
from tests.repairs import AFTER, BEFORE, a_feature, audits, rates
from xaisigns.audit import audit_files
from xaisigns.audit.repair import repairing
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
    return xs.audit_and_repair(
        model, data, "none", out=folder / "audit", repaired=folder / "repaired.safetensors", steps=1, **options
    )


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


def test_a_file_of_others_is_refused_before_the_work(untrained, gtsrb, tmp_path):
    place = tmp_path / "audit/round-2/repaired.safetensors"
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    with pytest.raises(OutputError, match="was not written by xaisigns"):
        rounds(untrained, gtsrb, tmp_path)
