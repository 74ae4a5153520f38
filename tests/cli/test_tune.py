"""xaisigns tune, run as its users run it."""

import json

import pytest

from xaisigns.study import tuning

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.mark.usefixtures("few_rules")
def test_rules_are_found_told_and_taken_by_explain(run, gtsrb, tmp_path, untrained, monkeypatch):
    monkeypatch.setattr(tuning, "_SWEEPS", 1)
    out = tmp_path / "new" / "tuned.toml"
    arguments = ("--model", untrained, "--per-class", "1", "--held-out", "1", "--out", out)
    code, printed, told = run("tune", gtsrb, *arguments, "--json")
    document = json.loads(printed)
    assert (code, told) == (0, "")
    assert (document["rules"], document["metric"], document["images"]) == (str(out), "relevance_mass", 4)
    code, printed, told = run("tune", gtsrb, *arguments)
    assert (code, told) == (0, "")
    lines = printed.splitlines()
    assert lines[0].startswith(f"relevance mass {document['tuned']['value']:.3f}, flipping area ")
    assert f"the best composite, {document['named']['composite']}" in lines[1]
    assert lines[2] == f"on 4 test images; {document['tried']} settings tried"
    method = "lrp:contrast" if document["tuned"]["contrast"] else "lrp"
    options = ("--method", method, "--rules", out, "--out", tmp_path / "heatmaps", "--json")
    code, printed, _ = run("explain", "--model", untrained, *options)
    assert code == 0
    assert len(json.loads(printed)["results"]) == 4


def test_a_place_that_cannot_be_written_is_told_before_the_search(run, gtsrb, tmp_path, untrained):
    code, printed, told = run("tune", gtsrb, "--model", untrained, "--out", tmp_path)
    assert (code, printed) == (1, "")
    assert told == f"xaisigns: cannot write {tmp_path}: it is a folder; name a file instead\n"


def test_a_metric_that_cannot_be_tuned_for_is_wrong_usage(run, gtsrb):
    code, _, told = run("tune", gtsrb, "--metric", "beauty")
    assert code == 2
    assert "'beauty' is not one of" in " ".join(told.replace("│", " ").split())
