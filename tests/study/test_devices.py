"""Every verb on a device that is not the CPU: nothing is left on the CPU by accident, and the numbers are the CPU's."""

import pytest
import torch

import xaisigns as xs
from xaisigns.errors import DeviceError


@pytest.fixture
def data(gtsrb):
    return xs.open_images(gtsrb, "test")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))


def test_a_model_knows_its_device_and_its_images_are_there(elsewhere, narrow, untrained, data, tmp_path):
    model, pictures = xs.load_model(untrained, device=elsewhere.type), [data[0].image, data[1].image]
    assert model.device == elsewhere
    images = model.preprocess(pictures)
    assert images.device == elsewhere
    result = xs.attribute(model, images)
    assert {result.relevance.device, result.logits.device, result.target.device} == {elsewhere}
    assert len(xs.show(model, pictures, result).subfigs) == 2
    xs.save_model(model, tmp_path / "again.safetensors")
    assert xs.predict(tmp_path / "again.safetensors", data, device="cpu").allclose(xs.predict(model, data))


def test_predictions_and_scores_are_those_of_the_cpu(elsewhere, narrow, untrained, data):
    logits = {device: xs.predict(untrained, data, device=device) for device in ("cpu", elsewhere.type)}
    assert {found.device.type for found in logits.values()} == {"cpu"}
    torch.testing.assert_close(logits[elsewhere.type], logits["cpu"], rtol=1e-3, atol=1e-4)
    settings = {"metrics": "localisation,flipping", "masks": "roi", "per_class": 1, "steps": 2}
    here, there = (
        xs.score(untrained, data, "lrp:epsilon_plus_flat,random", device=device, **settings)["methods"]
        for device in ("cpu", elsewhere.type)
    )
    for method, scores in here.items():
        for metric, score in scores.items():
            assert there[method][metric]["value"] == pytest.approx(score["value"], rel=1e-2, abs=1e-3)


def test_every_other_verb_runs_there(elsewhere, narrow, untrained, data, tmp_path):
    device = elsewhere.type
    assert xs.evaluate(untrained, data, device=device) == xs.evaluate(untrained, data, device="cpu")
    assert len(xs.compare(untrained, [data[0].image], "lrp,edges", device=device)) == 1
    page = tmp_path / "report.html"
    xs.report(untrained, data, html=page, methods="lrp,edges", classes=[2], examples=1, device=device)
    assert page.is_file()


def test_a_training_sees_the_same_images_there(elsewhere, narrow, gtsrb, tmp_path, monkeypatch):
    monkeypatch.setattr("xaisigns.model.training.precision_of", lambda device: None)
    settings = {"epochs": 1, "input_size": 32, "batch_size": 8}
    here, there = (
        xs.train(gtsrb, out=tmp_path / f"{device}.safetensors", device=device, **settings)["metrics"]
        for device in ("cpu", elsewhere.type)
    )
    assert there["loss"] == pytest.approx(here["loss"], rel=1e-2)


def test_what_is_known_of_a_model_on_one_device_is_not_of_another(elsewhere, narrow, untrained, data, tmp_path):
    for device in ("cpu", elsewhere.type, "cpu", elsewhere.type):
        xs.evaluate(untrained, data, device=device)
    assert len(list((tmp_path / "cache" / "predictions").iterdir())) == 2


@pytest.mark.parametrize("verb", [xs.predict, xs.evaluate, xs.score, xs.compare])
def test_a_loaded_model_is_not_moved(elsewhere, verb, narrow, untrained, data):
    model = xs.load_model(untrained)
    with pytest.raises(DeviceError, match=r"^the model is loaded already, on cpu, and wanted on .*: leave out device"):
        verb(model, data, device=elsewhere.type)
