"""xaisigns evaluate, of models just trained and of files without a preprocessing."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("narrow")


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
    assert "With a sticker on every image, " in printed
    assert "Speed limit 50 km/h" in printed


@pytest.mark.parametrize("numbers", ["nan,nan,nan", "inf,0.1,0.1"])
def test_a_mean_that_is_no_number_is_wrong_usage(run, untrained, numbers):
    code, printed, told = run(
        "evaluate", "--model", untrained, "--input-size", "32", "--mean", numbers, "--std", "0.2,0.2,0.2"
    )
    assert (code, printed) == (2, "")
    assert "--mean" in told


@pytest.mark.parametrize("numbers", ["86.8,79.6,82.0", "-0.1,0.1,0.1"])
def test_a_mean_that_pixels_cannot_have_is_refused(run, untrained, numbers):
    options = ("--input-size", "32", "--mean", numbers, "--std", "0.2,0.2,0.2")
    code, printed, told = run("evaluate", "--model", untrained, *options)
    assert (code, printed) == (1, "")
    assert told.startswith("xaisigns: mean: wanted three numbers from 0 to 1, of pixels in 0..1, got ")
