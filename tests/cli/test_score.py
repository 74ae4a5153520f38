"""xaisigns score, run as its users run it."""

import csv
import json
import re

import pytest

from xaisigns.metrics import complexity

pytestmark = pytest.mark.usefixtures("narrow")


def test_scores_are_printed_and_written(run, gtsrb, tmp_path, untrained):
    out = tmp_path / "scores"
    options = ("--methods", "lrp,saliency,edges,uniform", "--per-class", "2", "--steps", "2", "--out", out)
    code, printed, told = run("score", gtsrb, "--model", untrained, *options)
    assert (code, told) == (0, "")
    assert "8 test images; the mask covers" in printed
    lines = printed.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("│")] == ["lrp", "saliency", "edges", "uniform"]
    above_controls = next(number for number, line in enumerate(lines) if line.startswith("├"))
    assert lines[above_controls - 1].startswith("│ saliency")
    assert "relevance mass grown ↑" in printed
    rows = list(csv.DictReader((out / "scores.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["method"] for row in rows} == {"lrp", "saliency", "edges", "uniform"}
    code, printed, told = run("score", gtsrb, "--model", untrained, *options, "--json")
    document = json.loads(printed)
    assert (code, told) == (0, "")
    assert document["files"]["csv"] == str(out / "scores.csv")
    assert float(rows[0]["value"]) == pytest.approx(document["methods"]["lrp"]["relevance_mass"]["value"], rel=1e-5)


def test_what_takes_long_is_told_before(run, gtsrb, tmp_path, untrained):
    options = ("--methods", "saliency", "--metrics", "robustness", "--per-class", "1", "--out", tmp_path / "scores")
    code, printed, told = run("score", gtsrb, "--model", untrained, *options, "--json")
    assert code == 0
    assert list(json.loads(printed)["methods"]["saliency"]) == ["max_sensitivity"]
    assert re.fullmatch(r"robustness and randomisation will take about \d\.\d minutes\n", told)
    assert run("score", gtsrb, "--model", untrained, *options, "--json") == (0, printed, "")  # from the cache


def test_an_interruption_leaves_no_file(run, gtsrb, tmp_path, untrained, monkeypatch):
    def interrupted(relevance):
        raise KeyboardInterrupt

    monkeypatch.setattr(complexity, "sparseness", interrupted)
    options = ("--methods", "saliency", "--metrics", "complexity", "--seed", "99", "--out", tmp_path / "scores")
    code, printed, _ = run("score", gtsrb, "--model", untrained, *options)
    assert code != 0
    assert printed == ""
    assert not (tmp_path / "scores").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--methods", "lpr"], 1, "no method 'lpr'"),
        (["--methods", "lrp:no_such"], 1, "no composite 'no_such'"),
        (["--metrics", "beauty"], 1, "no metrics 'beauty'; there are localisation"),
        (["--masks", "sticker"], 1, "not trained with stickers on a class: leave out --masks"),
        (["--store", "nowhere"], 1, "nowhere is no store that 'xaisigns attribute' wrote"),
        (["--filling", "grass"], 2, "'grass' is not one of"),
    ],
)
def test_what_cannot_be_done_is_told_before_the_work(arguments, code, message, run, gtsrb, tmp_path, untrained):
    got, printed, told = run("score", gtsrb, "--model", untrained, "--out", tmp_path / "scores", *arguments)
    assert (got, printed) == (code, "")
    assert message in " ".join(told.replace("│", " ").split())
    assert not (tmp_path / "scores").exists()


@pytest.mark.usefixtures("few_drawn")
def test_without_root_drawn_signs_are_scored(run, tmp_path, untrained):
    options = ("--methods", "saliency", "--metrics", "complexity", "--per-class", "1", "--out", tmp_path / "scores")
    code, printed, _ = run("score", "--model", untrained, *options, "--json")
    assert code == 0
    assert json.loads(printed)["count"] == 43


def test_rounding_is_told(run, gtsrb, tmp_path, untrained, monkeypatch):
    monkeypatch.setattr("xaisigns.study.scoring.computes_bfloat16", lambda device: True)
    chosen = ("--methods", "edges", "--metrics", "flipping", "--per-class", "1", "--steps", "2")
    options = (*chosen, "--out", tmp_path / "out", "--precision", "bf16", "--lang", "de")
    code, printed, told = run("score", gtsrb, "--model", untrained, *options)
    assert (code, told) == (0, "")
    note = r"mit bfloat16 berechnet\. .* die größten Abweichungen: Fläche beim Pixel-Flipping 0,\d+"
    assert re.search(note, " ".join(printed.split()))
    assert re.search(note, (tmp_path / "out/scores.md").read_text(encoding="utf-8"))
