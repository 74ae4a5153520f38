"""xaisigns methods."""

import json

from xaisigns.attribution.methods import methods
from xaisigns.attribution.specification import DEFAULT_COMPOSITE


def test_methods_as_json(run):
    code, printed, told = run("methods", "--json")
    listed = {method["name"]: method for method in json.loads(printed)["methods"]}
    assert (code, told) == (0, "")
    assert list(listed) == [method.name for method in methods()]
    assert listed["lrp"]["options"] == {"composite": DEFAULT_COMPOSITE, "smooth": 0}
    assert listed["occlusion"] == {
        "name": "occlusion",
        "description": "How far the logit falls when a square window covers the pixel, averaged over all windows "
        "that do.",
        "options": {"window": 0, "stride": 0},
        "source": "zeiler2014visualizing",
        "control": False,
    }
    assert [name for name, method in listed.items() if method["control"]] == ["random", "edges", "uniform"]


def test_methods_as_a_table_with_the_controls_below_a_line(run):
    code, printed, _ = run("methods")
    lines = printed.splitlines()
    assert code == 0
    (line,) = [number for number, text in enumerate(lines) if text.startswith("├")]
    assert lines[line + 1].startswith("│ random")
    assert "window=0:stride=0" in printed
