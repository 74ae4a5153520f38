"""xaisigns rules, and rules, contrast and ledger in explain."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import xaisigns as xs
from xaisigns.attribution.specification import DEFAULT_COMPOSITE
from xaisigns.data.drawn.examples import example_signs
from xaisigns.model.architectures import build


@pytest.fixture
def sign(tmp_path):
    path = tmp_path / "sign.png"
    example_signs()["speed-50"].save(path)
    return path


@pytest.fixture
def rule_file(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text('[name]\n"features.4" = {rule = "gamma", gamma = 0.1}\n[index]\n-1 = "z_plus"\n')
    return path


@pytest.mark.parametrize("command", ["rules", "explain"])
def test_help_tells_the_default_composite(command, run):
    code, printed, _ = run(command, "--help")
    assert code == 0
    assert DEFAULT_COMPOSITE in "".join(printed.replace("│", "").split())


def test_rules_as_json(run, untrained, rule_file):
    code, printed, told = run(
        "rules", "--model", untrained, "--composite", "epsilon-plus", "--rules", rule_file, "--json"
    )
    document = json.loads(printed)
    rows = {row["layer"]: row for row in document["layers"]}
    assert (code, told) == (0, "")
    assert document["composite"] == "epsilon_plus"
    assert "excitation_backprop" in document["composites"]
    assert "alpha_beta" in document["rules"]
    assert rows["features.4"] == {
        "layer": "features.4",
        "type": "Conv2d",
        "rule": "gamma",
        "parameters": {"gamma": 0.1, "stabilizer": 1e-6, "bias": "absorb"},
        "source": "name",
        "change": None,
    }
    assert (rows["classifier.0"]["rule"], rows["classifier.0"]["source"]) == ("z_plus", "index")
    assert rows["features.5"]["change"] == {"kind": "folded", "into": "features.4"}
    assert rows["features.6"]["change"] == {"kind": "out_of_place", "into": None}


def test_what_explain_refuses_is_refused_here(run, untrained, tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text('[name]\n"features.2?" = "gamma"\n')
    code, printed, told = run("rules", "--model", untrained, "--rules", path)
    assert (code, printed) == (1, "")
    assert "rule 'gamma' does not fit layer 'features.2" in told


def test_rules_as_a_table(run, untrained):
    code, printed, _ = run("rules", "--model", untrained)
    assert code == 0
    assert "z_box" in printed
    assert "folded into features.0" in printed
    assert "excitation_backprop" in printed
    assert "rules: epsilon, gamma, alpha_beta" in printed


def test_explain_takes_rules_and_a_contrast_and_keeps_a_ledger(run, sign, rule_file, untrained, tmp_path):
    arguments = (
        "--rules",
        rule_file,
        "--target",
        "4",
        "--against",
        "2",
        "--ledger",
        "--npy",
        "--out",
        tmp_path / "out",
    )
    code, printed, _ = run("explain", sign, "--model", untrained, *arguments, "--json")
    (result,) = json.loads(printed)["results"]
    model = xs.load_model(untrained)
    x = model.preprocess([example_signs()["speed-50"]])
    rules = {"features.4": xs.Rule("gamma", {"gamma": 0.1}), -1: "z_plus"}
    wanted = xs.lrp(model, x, 4, 2, rules=rules, bounds=model.bounds)[0].numpy()
    relevance = np.load(result["files"]["relevance"])
    assert code == 0
    np.testing.assert_allclose(relevance, wanted, atol=1e-5 * np.abs(wanted).max())
    assert (result["target"]["id"], result["against"]["id"]) == (4, 2)
    logits = model(x)[0]
    assert result["ledger"][0]["received"] == pytest.approx(float(logits[4] - logits[2]), rel=1e-4)
    for row in result["ledger"]:
        assert row["passed"] + row["bias"] + row["stabilizer"] == pytest.approx(row["received"], rel=1e-4, abs=1e-4)
    assert result["ledger"][-1]["passed"] == pytest.approx(result["relevance_sum"], rel=1e-3, abs=1e-6)
    code, printed, _ = run("explain", sign, "--model", untrained, *arguments)
    assert code == 0
    assert "absorbed by bias" in printed
    assert "layers that passed on all they received are not shown" in printed
    assert "Identity" not in printed


def test_a_checkpoint_of_the_original_use_case(run, sign, tmp_path):
    """torchvision's vgg11_bn with 1000 outputs, saved as .pt."""
    from torchvision.models import vgg11_bn

    torch.manual_seed(0)
    path = tmp_path / "VGG11.pt"
    torch.save(vgg11_bn(weights=None, num_classes=1000).eval().state_dict(), path)
    foreign = ("--input-size", "224", "--mean", "0.3505,0.3142,0.3272", "--std", "0.2753,0.2594,0.2670")
    code, printed, told = run("explain", sign, "--model", path, *foreign, "--out", tmp_path / "out", "--npy", "--json")
    assert (code, told) == (0, "")
    (result,) = json.loads(printed)["results"]
    assert result["predicted"]["name"] == f"class {result['predicted']['id']}"
    assert np.load(result["files"]["relevance"]).shape == (3, 224, 224)


@pytest.mark.parametrize("language", ["en", "de"])
def test_layers_that_only_gate_are_told_as_such(run, tmp_path, language):
    """Of squeeze-and-excitation, in both languages."""
    from torchvision.models import mobilenet_v3_small

    torch.save(mobilenet_v3_small(weights=None, num_classes=3).state_dict(), tmp_path / "net.pt")
    prepared = ("--input-size", "64", "--mean", "0.3,0.3,0.3", "--std", "0.2,0.2,0.2")
    options = ("--model", tmp_path / "net.pt", "--architecture", "mobilenet_v3_small", *prepared)
    code, printed, told = run("rules", *options, "--lang", language)
    assert (code, told) == (0, "")
    assert {"en": "feeds only gates", "de": "speist nur Gates"}[language] in printed


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_batch_norm_that_is_not_folded_is_told(run, own_module, tmp_path, language):
    architecture = f"{own_module}:Normed"
    torch.save(build(architecture, 3).state_dict(), tmp_path / "net.pt")
    prepared = ("--input-size", "64", "--mean", "0.3,0.3,0.3", "--std", "0.2,0.2,0.2")
    options = ("--model", tmp_path / "net.pt", "--architecture", architecture, *prepared)
    code, printed, told = run("rules", *options, "--lang", language)
    assert (code, told) == (0, "")
    assert {"en": "a scale and a", "de": "Skalierung und"}[language] in printed


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--input-size", "64"], 2, "--input-size, --mean and --std go together"),
        (["--input-size", "64", "--mean", "a,b,c", "--std", "1,1,1"], 2, "wanted three numbers such as"),
        (["--input-size", "64", "--mean", "0,0,0", "--std", "1,1,1"], 1, "knows its input size, mean and std itself"),
        (["--against", "43"], 1, "the model has no class 43; give --against a number from 0 to 42"),
        (["--rules", "none.toml"], 1, "none.toml cannot be read as a TOML file of rules"),
    ],
)
def test_wrong_options_are_told(arguments, code, message, run, sign, tmp_path, untrained):
    got, printed, told = run("explain", sign, "--model", untrained, "--out", tmp_path / "out", *arguments)
    assert (got, printed) == (code, "")
    assert message in " ".join(told.replace("│", " ").split())


@pytest.mark.skipif(sys.platform == "win32", reason="limits of the operating system")
def test_a_full_disk_leaves_no_torn_picture(sign, tmp_path, untrained):
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); "
        "from xaisigns.cli import main; sys.argv[0] = 'xaisigns'; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "explain", sign, "--model", untrained, "--out", tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip().startswith("xaisigns: cannot write")
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(Path(tmp_path / "out").iterdir()) == []


def test_a_composites_parameters_everywhere(run, untrained):
    code, printed, _ = run("rules", "--model", untrained, "--composite", "epsilon-gamma-box:gamma=0.1", "--json")
    document = json.loads(printed)
    gammas = {row["parameters"]["gamma"] for row in document["layers"] if row["rule"] == "gamma"}
    assert code == 0
    assert (document["composite"], gammas) == ("epsilon_gamma_box:gamma=0.1", {0.1})
