import json
from dataclasses import replace

import pytest
import torch
from torch import nn

import xaisigns as xs
from xaisigns.attribution.assignment import read_rules
from xaisigns.attribution.method_sets import select_methods
from xaisigns.attribution.methods import find_method
from xaisigns.attribution.named_rules import Rule
from xaisigns.data.layouts import open_images
from xaisigns.errors import DataError, MetricError
from xaisigns.metrics.faithfulness import flipping_area, pixel_flipping
from xaisigns.metrics.localisation import grown, localisation_auc, relevance_mass
from xaisigns.study import tuning as tuning_module
from xaisigns.study.cases import Cases, find_cases
from xaisigns.study.tuning import search, tune, write_tuned_rules

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def model(tiny_vgg):
    tiny_vgg.bounds = torch.full((1, 3, 1, 1), -3.0).double(), torch.full((1, 3, 1, 1), 3.0).double()
    return tiny_vgg


@pytest.fixture
def cases(model, images, mask):
    target = model(images.clamp(-3, 3)).argmax(dim=1)
    every = Cases("sticker", images.clamp(-3, 3), mask, target, target, tuple("abcdef"))
    halves = (slice(0, 3), slice(3, 6))
    return [
        Cases("sticker", *(v[half] for v in (every.images, mask, target, target)), every.keys[half]) for half in halves
    ]


@pytest.fixture
def tuning(model, cases):
    return search(model, *cases)


def measured(model, cases, method, metric=relevance_mass):
    relevance = method(model, cases.images, cases.target).relevance
    curves = [pixel_flipping(model, cases.images, relevance, cases.target, order=order) for order in ("most", "least")]
    return float(metric(relevance, grown(cases.masks)).nanmean()), float(flipping_area(*curves).nanmean())


def tuned_method(setting):
    return find_method("lrp", rules=dict(setting.rules), contrast=setting.contrast)


def test_it_gains_where_it_searched_and_costs_no_faithfulness_there(model, cases, tuning):
    value, flipping = measured(model, cases[0], tuned_method(tuning.tuned.setting))
    composites = [measured(model, cases[0], method) for method in select_methods(["composites"])]
    best = max(composites)[0]
    # Of those as good as the best it begins with the most faithful.
    start_flipping, start = max((flip, value) for value, flip in composites if value >= best - 0.05)
    assert value > start
    assert flipping >= start_flipping
    assert tuning.tried > 100


def test_both_are_measured_on_images_that_the_search_has_not_seen(model, cases, tuning):
    ours = measured(model, cases[1], tuned_method(tuning.tuned.setting))
    assert (tuning.tuned.value, tuning.tuned.flipping) == pytest.approx(ours)
    named = tuning.named.setting
    contrast = ":contrast" if named.contrast else ""
    theirs = measured(model, cases[1], find_method(f"lrp:{named.name}{contrast}"))
    assert (tuning.named.value, tuning.named.flipping) == pytest.approx(theirs)
    assert theirs[0] == max(measured(model, cases[1], method)[0] for method in select_methods(["composites"]))
    assert tuning.images == 3


def test_the_file_gives_the_tuned_relevance_again(model, cases, tuning, tmp_path):
    document = write_tuned_rules(tuning.document(), tmp_path / "new" / "rules.toml")
    setting = tuning.tuned.setting
    again = find_method("lrp", rules=read_rules(tmp_path / "new" / "rules.toml"), contrast=setting.contrast)
    ours = tuned_method(setting)(model, cases[1].images, cases[1].target).relevance
    assert torch.equal(again(model, cases[1].images, cases[1].target).relevance, ours)
    assert document["rules"] == str(tmp_path / "new" / "rules.toml")
    assert document["tuned"] == {
        "value": tuning.tuned.value,
        "flipping": tuning.tuned.flipping,
        "contrast": setting.contrast,
        "layers": {layer: {"rule": rule.name, "parameters": rule.parameters} for layer, rule in setting.rules.items()},
    }
    assert document["named"]["composite"] == tuning.named.setting.name
    assert ("lrp:contrast" in (tmp_path / "new" / "rules.toml").read_text()) == setting.contrast


def test_another_metric_can_be_tuned_for(model, cases):
    tuned = tuned_method(search(model, *cases, "localisation_auc").tuned.setting)
    ours = measured(model, cases[0], tuned, localisation_auc)[0]
    others = [measured(model, cases[0], method, localisation_auc)[0] for method in select_methods(["composites"])]
    assert ours >= max(others) - 0.05


def test_the_same_search_finds_the_same(model, cases, tuning):
    seen = []
    again = search(model, *cases, progress=lambda *call: seen.append(call))
    assert again == tuning
    assert [done for _, done, _ in seen] == list(range(1, tuning.tried + 1))
    assert all(work == "tuning" and done <= most for work, done, most in seen)


def test_a_search_that_was_interrupted_goes_on_where_it_was(model, cases, tuning, monkeypatch):
    monkeypatch.setattr(tuning_module, "find_method", lambda *_, **__: Kept(find_method(*_, **__)))
    assert search(model, *cases) == tuning


class Kept:
    """A method by its key alone: what was measured before is not asked for again."""

    def __init__(self, method):
        self.key, self.known = method.key, method.known


@pytest.mark.usefixtures("few_rules")
def test_rules_are_searched_on_training_images_and_measured_on_test_images(untrained, gtsrb, monkeypatch):
    network = xs.load_model(untrained)
    given = []
    monkeypatch.setattr(tuning_module, "search", lambda *asked: given.append(asked) or search(*asked))
    document = tune(network, gtsrb, per_class=1, held_out=2, seed=3)
    (_, training, testing, metric, _) = given[0]
    for cases, split, count in ((training, "train", 1), (testing, "test", 2)):
        assert cases.digest == find_cases(network, open_images(gtsrb, split), None, count, seed=3).digest
    assert (metric, document["metric"], document["images"]) == ("relevance_mass", "relevance_mass", 8)
    assert json.loads(json.dumps(document)) == document
    with pytest.raises(DataError, match=r"^tune takes training and test images: name the folder of both"):
        tune(network, open_images(gtsrb, "test"))
    rules = {layer: xs.Rule(row["rule"], row["parameters"]) for layer, row in document["tuned"]["layers"].items()}
    method = find_method("lrp", rules=rules, contrast=document["tuned"]["contrast"])
    assert measured(network, testing, method)[0] == pytest.approx(document["tuned"]["value"], rel=1e-4)


def test_an_unknown_metric_is_refused_before_the_data_is_opened(model, tmp_path):
    with pytest.raises(MetricError, match=r"^cannot tune for 'beauty'; there are"):
        tune(model, tmp_path / "nowhere", metric="beauty")


def test_an_unknown_metric_is_refused(model, cases):
    with pytest.raises(MetricError, match=r"^cannot tune for 'beauty'; there are relevance_mass, relevance_rank"):
        search(model, *cases, "beauty")


def test_where_nothing_is_known_of_the_place_there_is_nothing_to_tune_for(model, cases):
    unknown = [replace(half, kind="image") for half in cases]
    with pytest.raises(MetricError, match=r"^the data do not tell where in an image its object is; wanted a model"):
        search(model, *unknown)


class Excited(nn.Module):
    """Two convolutions see the pixels; a third only feeds a gate."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.gate = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(4, 5)

    def forward(self, x):
        x = self.one(x) + self.two(x)
        return self.head((x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))).mean((2, 3)))


def test_layers_that_only_feed_gates_are_not_tuned(cases):
    torch.manual_seed(0)
    climb = tuning_module._Search(Excited().double().eval(), cases[0], "relevance_mass")
    assert climb.layers == ["one", "two", "head"]
    assert climb.first == {"one", "two"}
    assert Rule("flat") in climb._candidates("two")
    assert Rule("flat") not in climb._candidates("head")
    assert not any({"gate", "sigmoid", "mean"} & set(setting.rules) for setting in climb.named())
