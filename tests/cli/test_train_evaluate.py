"""xaisigns train and evaluate on the drawn data set."""

import json

import pytest


def test_train_then_evaluate(run, gtsrb, tmp_path):
    model = tmp_path / "my.safetensors"
    arguments = ("--input-size", "32", "--epochs", "1", "--sticker-class", "4")
    code, printed, told = run("train", gtsrb, "--out", model, *arguments, "--json")
    trained = json.loads(printed)
    assert (code, told) == (0, "")
    assert trained["manipulation"]["class_id"] == 4
    assert trained["data"]["images"] == 24
    code, printed, _ = run("evaluate", gtsrb, "--model", model, "--json")
    report = json.loads(printed)
    assert code == 0
    assert report["count"] == 12
    assert report["interval"][0] <= report["accuracy"] <= report["interval"][1]
    assert report["sticker"]["class"] == 4
    code, printed, _ = run("evaluate", gtsrb, "--model", model)
    assert code == 0
    assert "12 images:" in printed
    assert "With a sticker on every image:" in printed
    assert "Speed limit 50 km/h" in printed


def test_train_without_data(run, tmp_path):
    code, printed, told = run("train", tmp_path / "nothing", "--out", tmp_path / "my.safetensors")
    assert (code, printed) == (1, "")
    assert told == f"xaisigns: {tmp_path / 'nothing'} is not a folder; name the folder that holds GTSRB\n"


def test_wrong_usage(run):
    code, printed, told = run("train")
    assert (code, printed) == (2, "")
    assert "ROOT" in told


def test_drawn_signs_are_added_to_photographs(run, gtsrb, tmp_path):
    model = tmp_path / "mixed.safetensors"
    code, printed, told = run(
        "train", gtsrb, "--out", model, "--drawn", "1", "--input-size", "32", "--epochs", "1", "--json"
    )
    data = json.loads(printed)["data"]
    assert (code, told) == (0, "")
    assert (data["images"], data["drawn"]) == (24, {"per_class": 1, "seed": 0, "size": 32})


@pytest.mark.usefixtures("few_drawn")
def test_without_root_signs_are_drawn(run, tmp_path):
    model = tmp_path / "my.safetensors"
    code, printed, told = run("train", "--out", model, "--input-size", "32", "--epochs", "1", "--json")
    assert (code, told) == (0, "")
    assert json.loads(printed)["data"]["images"] == 43 * 3
    code, printed, told = run("evaluate", "--model", model)
    assert (code, told) == (0, "")
    assert printed.startswith("43 drawn images: ")
