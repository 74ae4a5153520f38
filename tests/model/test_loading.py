"""A model is what it is, a name or a file; what prepares no pictures is refused."""

import pytest
from torch import nn

import xaisigns as xs
from xaisigns.errors import ModelError
from xaisigns.model.loading import loaded

REFUSED = r"^the model must say how pictures become its images, and (Linear|NoneType|int) does not: give xs\.Model\("


def test_a_loaded_model_is_itself_and_a_file_is_loaded(untrained):
    model = xs.load_model(untrained)
    assert loaded(model) is model
    for named in (untrained, str(untrained)):
        assert loaded(named).preprocessing == model.preprocessing


@pytest.mark.parametrize(
    "verb",
    [
        lambda model, data, out: xs.predict(model, data),
        lambda model, data, out: xs.evaluate(model, data),
        lambda model, data, out: xs.score(model, data, "saliency"),
        lambda model, data, out: xs.tune(model, data.root),
        lambda model, data, out: xs.compare(model, ["sign.png"]),
        lambda model, data, out: xs.report(model, data, out / "report.pdf"),
    ],
    ids=["predict", "evaluate", "score", "tune", "compare", "report"],
)
@pytest.mark.parametrize("model", [nn.Linear(2, 2), None, 3], ids=["module", "None", "int"])
def test_every_verb_refuses_what_prepares_no_pictures(verb, model, gtsrb, tmp_path):
    with pytest.raises(ModelError, match=REFUSED):
        verb(model, xs.open_images(gtsrb, "test"), tmp_path)


@pytest.mark.parametrize("model", ["stickered", None, 3])
def test_a_method_refuses_what_is_no_network(model, gtsrb):
    images = xs.Preprocessing(32, (0.3,) * 3, (0.2,) * 3).batch([xs.open_images(gtsrb, "test").samples[0].path])
    with pytest.raises(ModelError, match=r"^a network or a model that xs\.load_model gives is wanted, got "):
        xs.attribute(model, images)


def test_verbs_take_a_model_by_its_name_as_the_command_line_does(untrained, gtsrb, tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path))
    model, data = xs.load_model(untrained), xs.open_images(gtsrb, "test")
    assert xs.predict(untrained, data).equal(xs.predict(model, data))
    assert xs.evaluate(str(untrained), data) == xs.evaluate(model, data)
