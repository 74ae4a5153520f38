"""xaisigns methods, and explain --method."""

import json

import numpy as np
import pytest

import xaisigns as xs
from xaisigns.attribution.methods import methods
from xaisigns.attribution.specification import DEFAULT_COMPOSITE
from xaisigns.data.drawn.examples import example_signs


@pytest.fixture
def sign(tmp_path):
    path = tmp_path / "sign.png"
    example_signs()["speed-50"].save(path)
    return path


def test_methods_as_json(run):
    code, printed, told = run("methods", "--json")
    listed = {method["name"]: method for method in json.loads(printed)["methods"]}
    assert (code, told) == (0, "")
    assert list(listed) == [method.name for method in methods()]
    assert listed["lrp"]["options"] == {"composite": DEFAULT_COMPOSITE}
    assert listed["occlusion"] == {
        "name": "occlusion",
        "description": "How far the logit falls when a square window covers the pixel, averaged over all windows "
        "that do.",
        "options": {"window": 8, "stride": 4},
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
    assert "window=8:stride=4" in printed


@pytest.mark.parametrize("method", ["saliency", "integrated-gradients:steps=4", "lrp:epsilon-gamma-box:gamma=0.1"])
def test_explain_by_another_method(method, run, sign, tmp_path, untrained):
    code, printed, _ = run(
        "explain", sign, "--model", untrained, "--out", tmp_path / "out", "--method", method, "--npy", "--json"
    )
    (result,) = json.loads(printed)["results"]
    model = xs.load_model(untrained)
    wanted = xs.attribute(model, model.preprocess([example_signs()["speed-50"]]), method=method)
    relevance = np.load(result["files"]["relevance"])
    assert code == 0
    assert (result["method"], result["composite"]) == (wanted.method, wanted.composite)
    np.testing.assert_allclose(relevance, wanted.relevance[0].numpy(), atol=1e-4 * np.abs(relevance).max())


def test_a_contrast_in_explain(run, sign, tmp_path, untrained):
    arguments = ("--method", "saliency", "--target", "4", "--against", "2", "--npy", "--json")
    code, printed, _ = run("explain", sign, "--model", untrained, "--out", tmp_path / "out", *arguments)
    (result,) = json.loads(printed)["results"]
    model = xs.load_model(untrained)
    wanted = xs.attribute(model, model.preprocess([example_signs()["speed-50"]]), 4, 2, method="saliency")
    assert code == 0
    assert result["against"]["id"] == 2
    relevance = np.load(result["files"]["relevance"])
    np.testing.assert_allclose(relevance, wanted.relevance[0].numpy(), atol=1e-4 * relevance.max())
    code, printed, _ = run(
        "explain", sign, "--model", untrained, "--out", tmp_path / "out", "--method", "saliency:contrast", "--json"
    )
    (result,) = json.loads(printed)["results"]
    assert result["against"]["id"] == model(model.preprocess([example_signs()["speed-50"]]))[0].topk(2).indices[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["--method", "saliency", "--composite", "epsilon"],
            2,
            "--composite, --rules and --ledger are for --method lrp",
        ),
        (
            ["--method", "saliency", "--rules", "rules.toml"],
            2,
            "--composite, --rules and --ledger are for --method lrp",
        ),
        (["--method", "gradcam", "--ledger"], 2, "are for --method lrp"),
        (["--method", "lrp:epsilon", "--composite", "epsilon"], 1, "lrp:epsilon has a composite already"),
        (["--method", "lrpx"], 1, "no method 'lrpx'; there are lrp, saliency"),
        (["--method", "edges", "--against", "2"], 1, "'edges' knows nothing of classes: it has no contrast"),
        (["--method", "occlusion:window=40"], 1, "the window must fit into the image of 32 x 32"),
        (["--composite", "epsilon:gamma=1"], 1, "composite 'epsilon' has no parameter 'gamma'; it has epsilon"),
    ],
)
def test_wrong_methods_are_told(arguments, code, message, run, sign, tmp_path, untrained):
    got, printed, told = run("explain", sign, "--model", untrained, "--out", tmp_path / "out", *arguments)
    assert (got, printed) == (code, "")
    assert message in " ".join(told.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_a_composites_parameters_everywhere(run, untrained):
    code, printed, _ = run("rules", "--model", untrained, "--composite", "epsilon-gamma-box:gamma=0.1", "--json")
    document = json.loads(printed)
    gammas = {row["parameters"]["gamma"] for row in document["layers"] if row["rule"] == "gamma"}
    assert code == 0
    assert (document["composite"], gammas) == ("epsilon_gamma_box:gamma=0.1", {0.1})
