"""xaisigns repair, run as its users run it."""

import json

import pytest

import xaisigns as xs
from tests.repairs import AFTER, BEFORE, a_feature, audits, rates, written_findings
from xaisigns.audit import audit_files
from xaisigns.audit.repair import repairing
from xaisigns.audit.repair import rounds as audit_rounds
from xaisigns.audit.repair.projection import Projection


@pytest.fixture
def found(narrow, made_up_repair, gtsrb, untrained, tmp_path):
    return written_findings(untrained, gtsrb, tmp_path / "audit")


def test_rates_are_printed_and_the_model_is_written(run, found, gtsrb, untrained, tmp_path):
    out = tmp_path / "repaired.safetensors"
    code, printed, told = run(
        "repair", gtsrb, "--model", untrained, "--finding", found, "--out", out, "--steps", 1, "--classes", "2"
    )
    assert (code, told) == (0, "")
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in printed.splitlines() if "│" in line]
    assert rows[0][0] == "of other classes, with the feature of 2: called 2"
    assert [cell.split(" (")[0] for cell in rows[0][1:]] == ["90.0%", "90.0%", "1.0%"]
    assert len(rows) == 5
    assert "On images that the training did not see" in printed
    assert printed.splitlines()[-1] == f"{out}: the repaired model; its card tells how it was made"
    assert xs.load_model(out).card["repairs"][0]["classes"] == [2]


def test_it_speaks_german(run, found, gtsrb, untrained, tmp_path):
    options = ("--model", untrained, "--finding", found, "--out", tmp_path / "out.safetensors", "--steps", 1)
    code, printed, _ = run("repair", gtsrb, *options, "--lang", "de")
    assert code == 0
    assert "anderer Klassen, mit dem Merkmal von 2: 2 genannt" in printed
    assert "das reparierte Modell" in printed


def test_json_is_what_the_card_has(run, found, gtsrb, untrained, tmp_path):
    out = tmp_path / "repaired.safetensors"
    options = ("--model", untrained, "--finding", found, "--out", out, "--steps", 1, "--seed", 3)
    code, printed, told = run("repair", gtsrb, *options, "--json")
    assert (code, told) == (0, "")
    assert json.loads(printed) == {"model": str(out), **xs.load_model(out).card["repairs"][0]}


def test_a_projection_tells_what_it_took_out(run, found, gtsrb, untrained, tmp_path, monkeypatch):
    measured = [BEFORE, AFTER]
    monkeypatch.setattr(repairing, "_refuse_missing_classes", lambda *_: None)  # few are drawn
    monkeypatch.setattr(repairing, "judged", lambda *_, **__: rates(*measured.pop(0)))
    monkeypatch.setattr(repairing, "_refuse_whole_classes", lambda wanted: None)
    monkeypatch.setattr(repairing, "projected", lambda model, *_: (model.module, [Projection(2, "features.4", rank)]))
    for rank, wanted in ((1, "1 direction of"), (4, "4 directions of")):
        measured[:] = [BEFORE, AFTER]
        out = tmp_path / f"{rank}.safetensors"
        options = ("--model", untrained, "--finding", found, "--method", "projection", "--out", out)
        code, printed, _ = run("repair", gtsrb, *options)
        assert code == 0
        assert f"Taken out for 2: {wanted} the output of features.4." in printed
        assert "trained on only" not in printed


@pytest.mark.parametrize(
    ("arguments", "wanted", "message"),
    [
        (("--classes", "four"), 2, "wanted class numbers such as 4,14, got 'four'"),
        (("--classes", "7"), 1, "the findings tell nothing about class 7"),
        (("--steps", "0"), 2, "greater than or equal to 1"),
        (("--method", "projection"), 1, "every image of class 2 may have the feature"),
        (("--method", "projection", "--steps", "3"), 2, "--steps and --resume are for --method fine-tune"),
        (("--method", "projection", "--resume"), 2, "--steps and --resume are for --method fine-tune"),
        (("--finding", "missing.json"), 1, "missing.json is no findings file of 'xaisigns audit'"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_written(
    arguments, wanted, message, run, found, gtsrb, untrained, tmp_path
):
    out = tmp_path / "repaired.safetensors"
    code, printed, told = run("repair", gtsrb, "--model", untrained, "--finding", found, "--out", out, *arguments)
    assert (code, printed) == (wanted, "")
    assert message in " ".join(told.replace("│", " ").split())
    assert not out.exists()


def test_an_audit_repairs_what_it_finds_and_audits_again(run, narrow, gtsrb, untrained, tmp_path, monkeypatch):
    measured, resumed = [BEFORE, BEFORE, AFTER] * 2, []

    def shortly(*given, steps, **options):
        assert steps == 600
        resumed.append(options["resume"])
        return repairing.repair(*given, steps=1, **options)

    monkeypatch.setattr(audit_files, "examine", audits(True, False, True, False))
    monkeypatch.setattr(repairing, "feature_of", a_feature)
    monkeypatch.setattr(repairing, "_refuse_missing_classes", lambda *_: None)  # few are drawn
    monkeypatch.setattr(repairing, "judged", lambda *_, **__: rates(*measured.pop(0)))
    monkeypatch.setattr(audit_rounds, "repair", shortly)
    out = tmp_path / "repaired.safetensors"
    options = ("--model", untrained, "--reference", "none", "--out", tmp_path / "audit", "--repair", out)
    code, printed, told = run("audit", gtsrb, *options)
    assert (code, told) == (0, "")
    assert printed.index("Round 1") < printed.index("called 2") < printed.index("Round 2")
    assert printed.splitlines()[-1] == f"{out}: the repaired model; its card tells how it was made"
    assert run("audit", gtsrb, *options, "--resume")[0] == 0
    assert resumed == [False, True]
    code, _, told = run("audit", gtsrb, *options, "--split", "test")
    assert code == 2
    assert "a repair is made with training images" in told
