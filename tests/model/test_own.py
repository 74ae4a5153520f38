"""A network of the caller's own becomes a model that every verb takes."""

import numpy as np
import pytest
import torch
from torch import nn

import xaisigns as xs
from tests.conftest import OWN_CLASSES
from tests.model.foreign import random
from xaisigns.errors import ModelError
from xaisigns.model.explainable import is_explainable, module_of

PREPARED = xs.Preprocessing(32, (0.3, 0.3, 0.3), (0.2, 0.2, 0.2))


@pytest.fixture
def network(own_module):
    return random(f"{own_module}:Net", 3)


def test_a_model_tells_what_its_network_and_its_preprocessing_are(network):
    model = xs.Model(network, PREPARED, OWN_CLASSES)
    assert is_explainable(model)
    assert module_of(model) is network
    assert (model.classes, model.manipulation, model.device) == (3, None, torch.device("cpu"))
    assert [model.class_name(number) for number in range(3)] == list(OWN_CLASSES)
    assert [model.class_name(number, "de") for number in range(3)] == list(OWN_CLASSES)
    assert torch.equal(torch.cat(model.bounds), torch.cat(PREPARED.bounds))
    picture = np.zeros((40, 40, 3), np.uint8)
    assert torch.equal(model.preprocess([picture]), PREPARED.batch([picture]))


def test_names_are_given_by_language_or_not_at_all(network):
    model = xs.Model(network, PREPARED, {"en": ["a", "b", "c"], "de": ["d", "e", "f"]})
    assert (model.class_name(0), model.class_name(0, "de")) == ("a", "d")
    assert xs.Model(network, PREPARED).class_name(1) == "class 1"


@pytest.mark.parametrize(
    ("module", "preprocessing", "names", "message"),
    [
        (3, PREPARED, (), "a torch.nn.Module is wanted, got 3$"),
        (None, 32, (), "an xs.Preprocessing is wanted, got 32$"),
        (None, PREPARED, ["a", "b"], "there are 2 class names in 'en' for 3 outputs$"),
        (None, PREPARED, {"de": ["a"]}, "there are 1 class names in 'de' for 3 outputs$"),
        (None, PREPARED, "abc", "class names must be texts in a list, got 'abc'$"),
        (None, PREPARED, [1, 2, 3], "class names must be texts in a list, got "),
        (nn.Conv2d(3, 2, 1), PREPARED, (), r"^Conv2d must make logits \(N, classes\) "),
        (nn.Linear(9, 2), PREPARED, (), r"^Linear cannot take images \(N, 3, 32, 32\): "),
    ],
)
def test_what_makes_no_model_is_refused(network, module, preprocessing, names, message):
    with pytest.raises(ModelError, match=message):
        xs.Model(network if module is None else module, preprocessing, names)


def test_the_network_stays_as_it_is(network):
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    xs.Model(network, PREPARED)
    assert all(layer.training for layer in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_every_verb_takes_it(network, own, tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))
    model, data = xs.Model(network, PREPARED, OWN_CLASSES), xs.open_images(own, "test")
    paths = [sample.path for sample in data.samples]
    assert torch.equal(xs.predict(model, data), network(PREPARED.batch(paths)))
    assert [row["name"] for row in xs.evaluate(model, data)["classes"]] == list(OWN_CLASSES)
    assert xs.compare(model, paths[:1], "lrp,edges")
    few = {"per_class": 1, "steps": 2}
    assert xs.score(model, data, "lrp,edges", metrics="complexity", **few)["methods"].keys() >= {"lrp", "edges"}
    xs.report(model, data, html=tmp_path / "report.html", methods="lrp,edges", classes=[1], examples=1)
    assert (tmp_path / "report.html").exists()
