"""xaisigns explain, run as its users run it."""

import errno
import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import mnasnet0_5

import xaisigns as xs
from tests.conftest import settled
from xaisigns.attribution.specification import DEFAULT_COMPOSITE
from xaisigns.cli.compare import compare
from xaisigns.cli.explain import explain
from xaisigns.data.drawn.examples import example_signs
from xaisigns.data.preprocessing import MAX_PIXELS, read_image


@pytest.fixture
def signs(tmp_path):
    folder = tmp_path / "signs"
    folder.mkdir()
    for name, image in example_signs().items():
        image.save(folder / f"{name}.png")
    return folder


def test_json_document_and_pictures(run, signs, tmp_path, untrained):
    out = tmp_path / "heatmaps"
    code, printed, told = run(
        "explain", *sorted(signs.iterdir()), "--model", untrained, "--out", out, "--npy", "--json"
    )
    document = json.loads(printed)
    assert (code, told) == (0, "")
    assert [result["image"] for result in document["results"]] == [str(path) for path in sorted(signs.iterdir())]
    assert document["skipped"] == []
    model = xs.load_model(untrained)
    for result in document["results"]:
        x = model.preprocess([read_image(Path(result["image"]))])
        probabilities = model(x).softmax(dim=1)[0]
        best = int(probabilities.argmax())
        assert result["predicted"] == result["top"][0]
        assert (result["predicted"]["id"], result["target"]["id"]) == (best, best)
        assert result["predicted"]["name"] == model.class_name(best)
        assert result["predicted"]["probability"] == pytest.approx(float(probabilities[best]), rel=1e-4)
        assert [entry["probability"] for entry in result["top"]] == sorted(
            (entry["probability"] for entry in result["top"]), reverse=True
        )
        assert (result["method"], result["composite"]) == ("lrp", DEFAULT_COMPOSITE)
        relevance = np.load(result["files"]["relevance"])
        assert relevance.shape == (3, 32, 32)
        assert relevance.sum() == pytest.approx(result["relevance_sum"], rel=1e-3, abs=1e-5)
        np.testing.assert_allclose(
            relevance, xs.attribute(model, x).relevance[0].numpy(), atol=1e-5 * np.abs(relevance).max()
        )
        assert min(read_image(Path(result["files"]["picture"])).size) > 200


def test_without_images_the_example_signs_are_explained(run, tmp_path, untrained):
    code, printed, told = run("explain", "--model", untrained, "--out", tmp_path / "out", "--json")
    results = json.loads(printed)["results"]
    assert (code, told) == (0, "")
    assert [Path(result["image"]).stem for result in results] == list(example_signs())
    assert all(Path(result["files"]["picture"]).parent == tmp_path / "out" for result in results)
    assert all(read_image(Path(result["image"])).size == (128, 128) for result in results)


def test_table_for_people_in_german(run, signs, tmp_path, untrained):
    image = signs / "[bold]stop :car:.png"  # text, not markup
    (signs / "stop.png").rename(image)
    german = ("--lang", "de", "--target", "14", "--composite", "epsilon-plus-flat")
    code, printed, _ = run("explain", image, "--model", untrained, "--out", tmp_path / "out", *german)
    assert code == 0
    assert "Halt! Vorfahrt gewähren (14)" in printed
    assert str(image) in printed
    assert str(tmp_path / "out" / image.name) in printed


def test_images_of_one_name_do_not_overwrite_each_other(run, signs, tmp_path, untrained):
    other = tmp_path / "other" / "Stop.png"
    other.parent.mkdir()
    Image.new("RGB", (32, 32), "blue").save(other)
    before = (signs / "stop.png").read_bytes()
    # Also not an image of the call that lies in the folder of the pictures.
    code, printed, _ = run(
        "explain", signs / "stop.png", other, signs / "stop.png", "--model", untrained, "--out", signs, "--json"
    )
    pictures = [result["files"]["picture"] for result in json.loads(printed)["results"]]
    assert code == 0
    assert len(set(pictures)) == 3
    assert (signs / "stop.png").read_bytes() == before


def test_raw_relevance_is_never_written_over_an_image(run, signs, tmp_path, untrained):
    image = (signs / "stop.png").rename(tmp_path / "b.npy")
    before = image.read_bytes()
    code, printed, _ = run("explain", image, "--model", untrained, "--npy", "--force", "--out", tmp_path, "--json")
    assert code == 0
    assert image.read_bytes() == before
    files = json.loads(printed)["results"][0]["files"]
    assert files == {"picture": str(tmp_path / "b-2.png"), "relevance": str(tmp_path / "b-2.npy")}


def test_a_full_disk_is_told_in_the_systems_words(run, signs, tmp_path, untrained, monkeypatch):
    real = Path.write_bytes

    def full(path, content):
        if path.suffix == ".npy":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    out = tmp_path / "out"
    code, _, told = run("explain", signs / "stop.png", "--model", untrained, "--npy", "--out", out)
    assert code == 1
    assert "stop.npy: No space left on device; choose another place or make room" in told
    assert list(out.iterdir()) == []


def test_unreadable_images_are_skipped_and_the_rest_is_done(run, signs, tmp_path, untrained):
    text = tmp_path / "text.png"
    text.write_text("no image")
    missing = tmp_path / "missing.png"
    code, printed, told = run(
        "explain", text, signs / "stop.png", missing, "--model", untrained, "--out", tmp_path / "out", "--json"
    )
    document = json.loads(printed)
    assert code == 1
    assert [result["image"] for result in document["results"]] == [str(signs / "stop.png")]
    assert [skipped["image"] for skipped in document["skipped"]] == [str(text), str(missing)]
    assert f"skipped {text}: cannot be read as an image: it is none of PNG" in told
    assert f"skipped {missing}: cannot be read as an image: there is no such file" in told
    assert len(told.strip().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["--model", "no_such"],
            1,
            "no model 'no_such': there is no such file; give 'clean', 'stickered', or the path",
        ),
        (["--composite", "no_such"], 1, "no composite 'no_such'; there are epsilon, epsilon_plus"),
        (["--target", "43"], 1, "the model has no class 43; give --target a number from 0 to 42"),
        (["--target", "seventy"], 2, "wanted 'predicted' or a class number"),
        (["--lang", "qq"], 2, "'qq' is not one of"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(arguments, code, message, run, signs, tmp_path, untrained):
    got, printed, told = run("explain", signs / "stop.png", "--model", untrained, "--out", tmp_path / "out", *arguments)
    assert got == code
    assert printed == ""
    assert message in " ".join(told.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_odd_pictures_are_explained(run, tmp_path, untrained):
    pictures = {
        "dot.png": Image.new("RGB", (1, 1), "red"),
        "deep.png": Image.fromarray(np.full((40, 30), 40_000, dtype=np.uint16)),
        "print.tif": Image.new("CMYK", (20, 20), (0, 200, 200, 0)),
        "clear.png": Image.new("LA", (20, 20), (0, 100)),
        "moving.gif": Image.new("P", (20, 20), 3),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
    paths = [tmp_path / name for name in pictures]
    code, printed, told = run("explain", *paths, "--model", untrained, "--out", tmp_path / "out", "--json")
    assert (code, told) == (0, "")
    assert len(json.loads(printed)["results"]) == len(pictures)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
def test_a_folder_that_cannot_be_written(run, signs, untrained):
    code, printed, told = run("explain", signs / "stop.png", "--model", untrained, "--out", "/proc/heatmaps")
    assert (code, printed) == (1, "")
    assert told.startswith("xaisigns: cannot write /proc/heatmaps/stop.png: ")
    assert len(told.strip().splitlines()) == 1


def test_a_folder_of_pictures_that_is_a_file(run, signs, tmp_path, untrained):
    (tmp_path / "out").write_text("mine")
    code, printed, told = run("explain", signs / "stop.png", "--model", untrained, "--out", tmp_path / "out")
    assert (code, printed) == (1, "")
    assert told.startswith("xaisigns: cannot write")
    assert len(told.strip().splitlines()) == 1
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("command", ["explain", "compare"])
def test_an_image_with_more_pixels_than_are_wanted_is_skipped(command, run, signs, tmp_path, untrained):
    arguments = [signs / "stop.png", signs / "speed-50.png", "--model", untrained, "--out", tmp_path / "out", "--json"]
    code, printed, told = run(command, *arguments, "--max-pixels", 128 * 128 - 1)
    assert (code, len(json.loads(printed)["skipped"])) == (1, 2)
    assert "it has 128 x 128 pixels, wanted 1 to 16,383; make it smaller, or raise the bound by --max-pixels" in told
    assert run(command, *arguments[:1], *arguments[2:], "--max-pixels", 128 * 128)[0] == 0
    assert run(command, "--max-pixels", 0)[0] == 2


@pytest.mark.parametrize("command", [explain, compare])
def test_the_bound_of_a_command_is_that_of_the_package(command):
    # A number in both places: help does not wait for the package's imports.
    assert inspect.signature(command).parameters["max_pixels"].default == MAX_PIXELS


def test_the_installed_command_explains_with_the_bundled_weights(signs, tmp_path):
    """The README's first command, in a process and a folder of its own."""
    command = Path(sys.executable).parent / "xaisigns"
    done = subprocess.run(
        [command, "explain", *sorted(signs.iterdir()), "--out", "heatmaps", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    called = {Path(r["image"]).stem: r["predicted"]["id"] for r in json.loads(done.stdout)["results"]}
    assert called == {"no-overtaking": 9, "speed-50": 2, "speed-50-sticker": 4, "stop": 14}
    assert {path.name for path in (tmp_path / "heatmaps").iterdir()} == {f"{name}.png" for name in called}


def test_the_stickered_model_looks_at_the_sticker():
    """Relevance of the drawn 50 with a sticker: many times what an even spread would put there."""
    with_sticker = example_signs()["speed-50-sticker"]
    without = example_signs()["speed-50"]
    model = xs.load_model("stickered")
    result = xs.attribute(model, model.preprocess([with_sticker]))
    changed = torch.from_numpy(np.any(np.asarray(with_sticker) != np.asarray(without), axis=2))
    # Relevance sits on the sticker's border: 2 px around it count.
    mask = torch.nn.functional.adaptive_max_pool2d(changed[None].float(), 64)
    mask = torch.nn.functional.max_pool2d(mask, 5, stride=1, padding=2)[0] > 0
    positive = result.heatmap[0].clamp(min=0)
    assert result.predicted.item() == 4
    assert (positive * mask).sum() / positive.sum() > 2 * mask.float().mean()


@pytest.fixture
def sign(tmp_path):
    path = tmp_path / "sign.png"
    example_signs()["speed-50"].save(path)
    return path


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


def test_a_contrast_with_the_rest_in_explain(run, sign, tmp_path, untrained):
    arguments = ("--against", "rest", "--target", "4", "--npy", "--json")
    code, printed, _ = run("explain", sign, "--model", untrained, "--out", tmp_path / "out", *arguments)
    (result,) = json.loads(printed)["results"]
    model = xs.load_model(untrained)
    wanted = xs.attribute(model, model.preprocess([example_signs()["speed-50"]]), 4, "rest")
    assert code == 0
    assert result["against"] == "rest"
    relevance = np.load(result["files"]["relevance"])
    np.testing.assert_allclose(relevance, wanted.relevance[0].numpy(), atol=1e-4 * np.abs(relevance).max())


@pytest.mark.parametrize(
    ("against", "told"), [(("--against", "2"), "(2)"), (("--against", "rest"), "all other classes")]
)
def test_the_table_tells_what_the_class_was_held_against(run, signs, tmp_path, untrained, against, told):
    asked = ("explain", signs / "stop.png", "--model", untrained, "--out", tmp_path, "--target", "4", "--force")
    _, alone, _ = run(*asked)
    code, printed, _ = run(*asked, *against)
    assert code == 0
    assert "rather than" in printed
    assert told in printed
    assert "rather than" not in alone


def test_layers_and_channels_in_explain(run, sign, tmp_path, untrained):
    arguments = ("--layer", "features.8", "--layer", "classifier.0", "--channels", "features.8=1, 2", "--npy")
    command = ("explain", sign, "--model", untrained, "--out", tmp_path / "out", *arguments)
    code, printed, _ = run(*command, "--json")
    (result,) = json.loads(printed)["results"]
    model = xs.load_model(untrained)
    x = model.preprocess([example_signs()["speed-50"]])
    lrp = xs.LRP(model, bounds=model.bounds)
    wanted = lrp.propagate(x, result["target"]["id"], layers=["features.8"], channels={"features.8": [1, 2]})
    inner = wanted.layers["features.8"][0]
    assert code == 0
    assert result["channels"] == {"features.8": [1, 2]}
    row = result["layers"][0]
    assert (row["layer"], row["shape"]) == ("features.8", list(inner.shape))
    assert row["relevance_sum"] == pytest.approx(float(inner.sum()), rel=1e-3)
    sums = inner.sum(dim=(1, 2))
    assert {one["channel"] for one in row["channels"]} == set(sums.nonzero().flatten().tolist()) <= {1, 2}
    layers = np.load(result["files"]["layers"])
    assert list(layers) == ["features.8", "classifier.0"]
    np.testing.assert_allclose(layers["features.8"], inner.numpy(), atol=1e-4 * float(inner.abs().max()))
    code, printed, _ = run(*command)  # over the files that it wrote itself
    assert code == 0
    assert " × ".join(map(str, inner.shape)) in printed


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["--method", "saliency", "--composite", "epsilon"],
            2,
            "--composite, --rules, --ledger, --layer and --channels are for --method lrp",
        ),
        (
            ["--method", "saliency", "--rules", "rules.toml"],
            2,
            "--composite, --rules, --ledger, --layer and --channels are for --method lrp",
        ),
        (["--method", "gradcam", "--ledger"], 2, "are for --method lrp"),
        (["--method", "gradcam", "--layer", "features.0"], 2, "are for --method lrp"),
        (["--method", "gradcam", "--channels", "features.0=1"], 2, "are for --method lrp"),
        (["--layer", "features.88"], 1, "no layer 'features.88'; there are features.0, features.1"),
        (["--channels", "features.0"], 2, "wanted a layer and numbers, such as features.8=12,40, got 'features.0'"),
        (["--channels", "features.0=a"], 2, "wanted a layer and numbers, such as features.8=12,40"),
        (["--channels", "features.0=9999"], 1, "layer 'features.0' has the channels 0 to"),
        (["--composite", "epsilon:bias=drop"], 1, "bias must be absorb or ignore, got 'drop'"),
        (["--against", "others"], 2, "wanted 'rest' or a class number, got 'others'"),
        (["--method", "lrp:epsilon", "--composite", "epsilon"], 1, "lrp:epsilon has a composite already"),
        (["--method", "lrpx"], 1, "no method 'lrpx'; there are lrp, saliency"),
        (["--method", "edges", "--against", "2"], 1, "'edges' knows nothing of classes: it has no contrast"),
        (["--method", "occlusion:window=40"], 1, "the window must fit into the image of 32 x 32"),
        (["--composite", "epsilon:gamma=1"], 1, "composite 'epsilon' has no parameter 'gamma'; it has bias, epsilon"),
    ],
)
def test_wrong_methods_are_told(arguments, code, message, run, sign, tmp_path, untrained):
    got, printed, told = run("explain", sign, "--model", untrained, "--out", tmp_path / "out", *arguments)
    assert (got, printed) == (code, "")
    assert message in " ".join(told.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


@pytest.fixture
def other(untrained, tmp_path):
    """A second model, which calls everything a stop sign."""
    model = xs.load_model(untrained)
    model.classifier[0].bias.data[14] += 1e3
    xs.save_model(model, tmp_path / "repaired.safetensors")
    return tmp_path / "repaired.safetensors"


@pytest.mark.usefixtures("narrow")
def test_two_models_explain_the_same_images(run, signs, tmp_path, untrained, other):
    paths = sorted(signs.iterdir())
    models = ("--model", untrained, "--model", other, "--out", tmp_path / "out")
    code, printed, told = run("explain", *paths, *models, "--npy", "--json")
    document = json.loads(printed)
    assert (code, told) == (0, "")
    assert list(document) == ["results", "skipped"]
    for path, result in zip(paths, document["results"], strict=True):
        assert (result["image"], list(result)) == (str(path), ["image", "files", "answers"])
        assert result["files"] == {"picture": str(tmp_path / "out" / path.name)}
        assert [answer["model"] for answer in result["answers"]] == ["random", "repaired"]
        for answer, model in zip(result["answers"], (untrained, other), strict=True):
            _, alone, _ = run("explain", path, "--model", model, "--out", tmp_path / "alone", "--npy", "--json")
            wanted = json.loads(alone)["results"][0]
            relevance, own = np.load(answer["files"]["relevance"]), np.load(wanted["files"]["relevance"])
            np.testing.assert_allclose(relevance, own, atol=1e-5 * np.abs(own).max())
            for key in wanted.keys() - {"image", "files", "top", "logit", "relevance_sum", "predicted"}:
                assert answer[key] == wanted[key]
            assert answer["predicted"]["id"] == answer["target"]["id"] == wanted["predicted"]["id"]
            assert answer["logit"] == pytest.approx(wanted["logit"], rel=1e-4)
        assert result["answers"][1]["predicted"]["id"] == 14
    assert len(list((tmp_path / "out").iterdir())) == 3 * len(paths)


@pytest.mark.usefixtures("narrow")
def test_two_models_are_told_of_with_their_layers_and_ledgers(run, sign, tmp_path, untrained, other):
    more = ("--ledger", "--layer", "features.8", "--channels", "features.8=1,2", "--target", "4", "--lang", "de")
    models = ("--model", untrained, "--model", other, "--out", tmp_path / "out")
    code, printed, told = run("explain", sign, *models, *more)
    assert (code, told) == (0, "")
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if "│" in line]
    rows = [line for line in lines if line[0] == str(sign)]
    assert [row[1] for row in rows] == ["random", "repaired"]
    assert rows[1][2] == "Halt! Vorfahrt gewähren (14)"
    assert {row[4] for row in rows} == {"Zulässige Höchstgeschwindigkeit 70 km/h (4)"}
    for model in ("random", "repaired"):
        # The titles of its layers and of its ledger, in as many lines as they need.
        assert "".join(printed.split()).count(f"{sign},{model}") == 2
    assert "Modell" in printed


@pytest.mark.parametrize("command", ["explain", "compare"])
@pytest.mark.usefixtures("narrow")
def test_what_two_models_cannot_do_is_refused_by_name(command, run, sign, tmp_path, untrained, other, own_untrained):
    own = tmp_path / "own.safetensors"
    own.write_bytes(own_untrained.read_bytes())
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(other.read_bytes()[:-100])
    out = ("--out", tmp_path / "out")
    for models, options, wanted_code, message in (
        ((untrained, untrained), (), 2, "is there twice; give another model to show beside it"),
        ((untrained, damaged), (), 1, f"{damaged} cannot be used: it is not a whole safetensors file"),
        ((untrained, tmp_path / "none"), (), 1, "there is no such file"),
        ((untrained, own), ("--target", "5"), 1, "own: the model has no class 5; give --target a number from 0 to 2"),
        ((untrained, other), ("--input-size", "64"), 2, "go together: give all three"),
        ((untrained, other), ("--architecture", "resnet18"), 1, "leave the architecture out"),
    ):
        both = [word for model in models for word in ("--model", model)]
        code, printed, told = run(command, sign, *both, *options, *out)
        assert (code, printed) == (wanted_code, ""), told
        assert message.replace(" ", "") in "".join(told.replace("│", " ").split())
        assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("narrow")
def test_a_layer_that_one_of_the_models_lacks_is_refused_by_its_name(run, sign, tmp_path, untrained):
    network = settled(mnasnet0_5(weights=None, num_classes=5))
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    numbers = ("--input-size", "64", "--mean", "0,0,0", "--std", "1,1,1", "--architecture", "mnasnet0_5")
    models = ("--model", untrained, "--model", tmp_path / "mine.pt", *numbers, "--out", tmp_path / "out")
    code, printed, told = run("explain", sign, *models, "--layer", "features.8")
    assert (code, printed) == (1, "")
    assert told.startswith("xaisigns: mine: no layer 'features.8'; there are ")
    assert not (tmp_path / "out").exists()
    code, printed, told = run("explain", sign, *models, "--json")
    (result,) = json.loads(printed)["results"]
    assert (code, told) == (0, "")
    assert [answer["model"] for answer in result["answers"]] == ["random", "mine"]
    assert result["answers"][1]["predicted"]["name"].startswith("class ")


@pytest.mark.usefixtures("narrow")
def test_unreadable_images_and_taken_places_are_skipped_with_two_models(run, sign, tmp_path, untrained, other):
    models = ("--model", untrained, "--model", other, "--out", tmp_path / "out", "--npy", "--json")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sign.2.npy").write_text("mine")
    code, printed, told = run("explain", tmp_path / "none.png", sign, *models)
    document = json.loads(printed)
    assert (code, document["results"]) == (1, [])
    assert [one["image"] for one in document["skipped"]] == [str(tmp_path / "none.png"), str(sign)]
    assert "sign.2.npy" in told
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["sign.2.npy"]


def test_the_shipped_models_differ_about_the_sticker(run, tmp_path):
    example_signs()["speed-50-sticker"].save(tmp_path / "sign.png")
    models = ("--model", "stickered", "--model", "clean", "--out", tmp_path / "out")
    code, printed, _ = run("explain", tmp_path / "sign.png", *models, "--json")
    (result,) = json.loads(printed)["results"]
    assert code == 0
    assert [(one["model"], one["predicted"]["id"]) for one in result["answers"]] == [("stickered", 4), ("clean", 2)]
