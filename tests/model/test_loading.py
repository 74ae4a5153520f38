"""A model is what it is, a name or a file; what prepares no pictures is refused."""

from contextlib import suppress

import pytest
import torch
from torch import nn

import xaisigns as xs
from xaisigns.errors import AuditError, ModelError
from xaisigns.model.loading import loaded

REFUSED = r"^the model must say how pictures become its images, and (Linear|NoneType|int) does not: give xs\.Model\("


def test_a_loaded_model_is_itself_and_a_file_is_loaded(untrained):
    model = xs.load_model(untrained)
    assert loaded(model) is model
    for named in (untrained, str(untrained)):
        assert loaded(named).preprocessing == model.preprocessing


VERBS = {
    "predict": lambda model, data, out: xs.predict(model, data),
    "evaluate": lambda model, data, out: xs.evaluate(model, data),
    "score": lambda model, data, out: xs.score(model, data, "saliency", masks="roi", per_class=1, steps=2),
    "tune": lambda model, data, out: xs.tune(model, data.root, per_class=1),
    "compare": lambda model, data, out: xs.compare(model, [data.samples[0].path], "lrp,saliency"),
    "report": lambda model, data, out: xs.report(
        model, data, html=out / "report.html", methods="lrp", classes=[2], examples=1
    ),
    "audit": lambda model, data, out: xs.audit(model, data, "none", split="test"),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
@pytest.mark.parametrize("model", [nn.Linear(2, 2), None, 3], ids=["module", "None", "int"])
def test_every_verb_refuses_what_prepares_no_pictures(verb, model, gtsrb, tmp_path):
    with pytest.raises(ModelError, match=REFUSED):
        verb(model, xs.open_images(gtsrb, "test"), tmp_path)


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_in_every_verb_a_network_computes_in_full_precision(verb, narrow, untrained, gtsrb, tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path))
    model, data, reduced = xs.load_model(untrained), xs.open_images(gtsrb, "test"), set()
    forward = nn.Conv2d.forward

    def seen(layer, images):
        reduced.add(torch.is_autocast_enabled("cpu"))
        return forward(layer, images)

    monkeypatch.setattr(nn.Conv2d, "forward", seen)
    # An audit finds, when it has asked the network for all, that random weights recognise nothing.
    with torch.autocast("cpu", torch.bfloat16), suppress(AuditError):
        verb(model, data, tmp_path)
    assert reduced == {False}


@pytest.mark.parametrize("model", ["stickered", None, 3])
def test_a_method_refuses_what_is_no_network(model, gtsrb):
    images = xs.Preprocessing(32, (0.3,) * 3, (0.2,) * 3).batch([xs.open_images(gtsrb, "test").samples[0].path])
    with pytest.raises(ModelError, match=r"^a network or a model that xs\.load_model gives is wanted, got "):
        xs.attribute(model, images)


def test_verbs_take_a_model_by_its_name_as_the_command_line_does(untrained, gtsrb, tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path))
    model, data = xs.load_model(untrained), xs.open_images(gtsrb, "test")
    assert xs.predict(untrained, data, device="cpu").equal(xs.predict(model, data))
    assert xs.evaluate(str(untrained), data, device="cpu") == xs.evaluate(model, data)
