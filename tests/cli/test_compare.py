"""xaisigns compare, run as its users run it."""

import json

import pytest

import xaisigns as xs
from xaisigns.data.drawn.examples import example_signs
from xaisigns.data.preprocessing import read_image

pytestmark = pytest.mark.usefixtures("narrow")

QUICK = ("--methods", "lrp:epsilon-plus,saliency,edges")


@pytest.fixture
def signs(tmp_path):
    folder = tmp_path / "signs"
    folder.mkdir()
    for name, image in example_signs().items():
        image.save(folder / f"{name}.png")
    return folder


def test_json_document_and_pictures(run, signs, tmp_path, untrained):
    paths = sorted(signs.iterdir())
    code, printed, told = run("compare", *paths, "--model", untrained, "--out", tmp_path / "out", *QUICK, "--json")
    document = json.loads(printed)
    assert (code, told) == (0, "")
    assert document["methods"] == ["lrp:epsilon_plus", "saliency", "edges"]
    assert document["skipped"] == []
    assert [result["image"] for result in document["results"]] == [str(path) for path in paths]
    model = xs.load_model(untrained)
    for path, result in zip(paths, document["results"], strict=True):
        logits = model(model.preprocess([read_image(path)]))[0]
        best = logits.topk(2).indices.tolist()
        assert [row["id"] for row in result["rows"]] == best
        for row in result["rows"]:
            assert row["name"] == model.class_name(row["id"])
            assert row["logit"] == pytest.approx(float(logits[row["id"]]), rel=1e-3, abs=1e-5)
            assert row["probability"] == pytest.approx(float(logits.softmax(dim=0)[row["id"]]), rel=1e-3)
        assert result["predicted"] == {key: result["rows"][0][key] for key in ("id", "name", "probability")}
        assert result["files"]["picture"] == str(tmp_path / "out" / path.name)
        assert min(read_image(tmp_path / "out" / path.name).size) > 200


def test_rows_and_language(run, signs, tmp_path, untrained):
    rows = ("--target", "14", "--target", "predicted", "--target", "9", "--lang", "de")
    code, printed, _ = run(
        "compare", signs / "stop.png", "--model", untrained, "--out", tmp_path / "out", "--methods", "edges", *rows
    )
    assert code == 0
    assert "Halt! Vorfahrt gewähren (14), " in printed
    assert "Überholverbot (9)" in printed
    assert str(tmp_path / "out" / "stop.png") in printed


def test_the_default_set_is_that_of_the_package(run, signs, tmp_path, untrained):
    code, printed, _ = run(
        "compare", signs / "stop.png", "--model", untrained, "--out", tmp_path / "out", "--target", "1", "--json"
    )
    assert code == 0
    assert json.loads(printed)["methods"] == [
        *("lrp", "saliency", "input_x_gradient", "integrated_gradients", "guided_backprop", "gradcam", "occlusion"),
        *("random", "edges", "uniform"),
    ]


def test_unreadable_images_are_skipped_and_the_rest_is_done(run, signs, tmp_path, untrained):
    missing = tmp_path / "missing.png"
    code, printed, told = run(
        "compare", missing, signs / "stop.png", "--model", untrained, "--out", tmp_path / "out", *QUICK, "--json"
    )
    document = json.loads(printed)
    assert code == 1
    assert [result["image"] for result in document["results"]] == [str(signs / "stop.png")]
    assert [skipped["image"] for skipped in document["skipped"]] == [str(missing)]
    assert told == f"xaisigns: skipped {missing}: cannot be read as an image: there is no such file\n"


def test_no_image_is_written_over(run, signs, untrained):
    before = (signs / "stop.png").read_bytes()
    code, printed, _ = run("compare", signs / "stop.png", "--model", untrained, "--out", signs, *QUICK, "--json")
    (result,) = json.loads(printed)["results"]
    assert code == 0
    assert result["files"]["picture"] == str(signs / "stop-2.png")
    assert (signs / "stop.png").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--methods", "lrp,no-such"], 1, "no method 'no-such'; there are lrp, saliency"),
        (["--methods", ""], 1, "no method ''; there are lrp, saliency"),
        (["--methods", "lrp:no_such"], 1, "no composite 'no_such'; there are epsilon"),
        (["--methods", "occlusion:window=99"], 1, "the window must fit into the image of 32 x 32"),
        (["--target", "43"], 1, "the model has no class 43; give --target a number from 0 to 42"),
        (["--target", "seventy"], 2, "wanted 'predicted' or a class number, got 'seventy'"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(arguments, code, message, run, signs, tmp_path, untrained):
    got, printed, told = run("compare", signs / "stop.png", "--model", untrained, "--out", tmp_path / "out", *arguments)
    assert (got, printed) == (code, "")
    assert message in " ".join(told.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_rows_are_of_each_of_two_models(run, signs, tmp_path, untrained):
    other = xs.load_model(untrained)
    other.classifier[0].bias.data[14] += 1e3
    xs.save_model(other, tmp_path / "repaired.safetensors")
    models = ("--model", untrained, "--model", tmp_path / "repaired.safetensors", "--out", tmp_path / "out")
    code, printed, told = run("compare", signs / "speed-50.png", *models, *QUICK, "--json")
    document = json.loads(printed)
    assert (code, told) == (0, "")
    assert list(document) == ["methods", "results", "skipped"]
    (result,) = document["results"]
    assert list(result) == ["image", "files", "answers"]
    assert [answer["model"] for answer in result["answers"]] == ["random", "repaired"]
    for answer, model in zip(result["answers"], (xs.load_model(untrained), other), strict=True):
        best = model(model.preprocess([signs / "speed-50.png"]))[0].topk(2).indices.tolist()
        assert [row["id"] for row in answer["rows"]] == best
        assert answer["predicted"] == {key: answer["rows"][0][key] for key in ("id", "name", "probability")}
    code, printed, _ = run("compare", signs / "speed-50.png", *models, *QUICK, "--target", "9", "--lang", "de")
    assert code == 0
    rows = [line for line in printed.splitlines() if "speed-50.png" in line]
    assert [("random" in line, "repaired" in line) for line in rows] == [(True, False), (False, True)]
    assert "Halt! Vorfahrt gewähren (14)" in rows[1]
    assert all("Überholverbot (9)" in line for line in rows)
