"""xaisigns metrics, run as its users run it."""

import json
import subprocess
import sys

import pytest

from xaisigns.metrics.catalogue import METRICS, register_metric


@pytest.fixture
def own(monkeypatch):
    """A metric of one's own, in a group that there is and in one that there is not."""
    monkeypatch.setattr(METRICS, "_things", {name: METRICS[name] for name in METRICS})
    register_metric("mine", lambda asked: asked.target, better="lower", description="How many?")
    register_metric("size", lambda asked: asked.target, better="lower", group="complexity")


@pytest.mark.parametrize("language", ["en", "de"])
def test_json_has_all_metrics(run, language):
    code, printed, told = run("metrics", "--lang", language, "--json")
    assert (code, told) == (0, "")
    assert json.loads(printed) == {"metrics": [metric.document(language) for metric in METRICS.values()]}


@pytest.mark.usefixtures("own")
def test_the_table_has_a_row_for_each_with_those_of_a_group_together(run):
    code, printed, told = run("metrics")
    assert (code, told) == (0, "")
    rows = [line.strip("│").split("│") for line in printed.splitlines() if line.startswith("│")]
    names = [row[1].strip() for row in rows if row[1].strip() in METRICS]
    assert names.count("entropy") == 2  # its name and its label
    assert sorted(set(names)) == sorted(METRICS)
    assert names[names.index("entropy") + 2] == "size"
    assert max(map(len, printed.splitlines())) <= 120  # where nothing says how wide a line may be
    assert [row[0].strip() for row in rows if row[0].strip()] == [
        "localisation",
        "complexity",
        "flipping",
        "infidelity",
        "robustness",
        "randomisation",
        "own",
    ]
    assert "How many?" in printed
    told = " ".join(" ".join(row[2].split()) for row in rows)
    assert "better: higher; range: 0 to 1; no score where: the mask is empty; source: zhang2018top" in told
    assert "How many? better: lower" in told
    assert printed.splitlines()[-1] == "Measure a group with: xaisigns score --metrics localisation,complexity"


@pytest.mark.usefixtures("own")
def test_an_own_metric_is_scored_with_its_group_and_written(run, gtsrb, untrained, tmp_path):
    options = ("--methods", "edges", "--per-class", "1", "--out", tmp_path / "scores")
    code, printed, told = run("score", gtsrb, "--model", untrained, "--metrics", "own,complexity", *options)
    assert (code, told) == (0, "")
    assert "mine ↓" in printed
    assert "size ↓" in printed
    assert "| mine ↓ | sparseness ↑ | entropy ↓ | size ↓ |" in (tmp_path / "scores/scores.md").read_text("utf-8")


def test_the_list_needs_no_torch():
    code = (
        "import sys; sys.argv = ['xaisigns', 'metrics']\n"
        "from xaisigns.cli import main\n"
        "try: main()\n"
        "finally: assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
