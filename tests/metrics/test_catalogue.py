import pickle
import re
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from tests.conftest import REPOSITORY
from xaisigns.base import plugins
from xaisigns.base.language import languages
from xaisigns.errors import MetricError, ShapeError
from xaisigns.metrics import measures
from xaisigns.metrics.catalogue import METRICS, groups, register_metric
from xaisigns.metrics.complexity import sparseness
from xaisigns.metrics.explanation import Explanation

KEYS = {"name", "label", "description", "better", "range", "nan", "source", "group"}


@pytest.fixture(autouse=True)
def _own_metrics(monkeypatch):
    """No test's metric is another's."""
    monkeypatch.setattr(METRICS, "_things", {name: METRICS[name] for name in METRICS})


@pytest.fixture
def explanation(tiny_vgg, images, relevance, target):
    return Explanation(tiny_vgg, images, target, relevance, lambda *_: relevance)


def largest(explanation):
    """What is the largest relevance?

    More is of no interest.
    """
    return explanation.relevance.flatten(1).amax(dim=1)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
def test_documentation_states_the_metric(metric):
    rows = (REPOSITORY / "docs/metrics.md").read_text(encoding="utf-8").splitlines()
    told = metric.document("en")
    wanted = [f"`{metric.name}`", told["description"], told["better"], told["range"], told["nan"], f"[{metric.source}]"]
    assert f"| {' | '.join(wanted)} |".replace("|  |", "| |") in rows


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
def test_every_metric_is_described_in_every_language(metric):
    documents = [metric.document(language) for language in languages()]
    assert all(document.keys() == KEYS for document in documents)
    for key in ("label", "description"):
        assert all(document[key] for document in documents)
        assert len({document[key] for document in documents}) == len(documents)
    assert metric.label("en") == metric.name.replace("_", " ")
    assert metric.range("en")


def test_no_two_metrics_have_one_label():
    for language in languages():
        assert len({metric.label(language) for metric in METRICS.values()}) == len(METRICS)


def test_every_source_is_in_the_references():
    known = set(re.findall(r"@\w+\{(\w+),", (REPOSITORY / "docs/references.bib").read_text(encoding="utf-8")))
    modules = (REPOSITORY / "xaisigns/metrics").glob("*.py")
    cited = {key for module in modules for key in re.findall(r"\[([a-z]+\d{4}[a-z]+)\]", module.read_text("utf-8"))}
    assert cited | {metric.source for metric in METRICS.values()} <= known


def test_the_groups_are_those_that_score_takes():
    assert list(groups()) == ["localisation", "complexity", "flipping", "infidelity", "robustness", "randomisation"]
    assert [metric.name for metrics in groups().values() for metric in metrics] == list(METRICS)
    assert all(metric.needs_masks == (metric.group == "localisation") for metric in METRICS.values())


def test_the_catalogue_cannot_be_changed():
    with pytest.raises(TypeError):
        METRICS["relevance_mass"] = None


def test_the_catalogue_needs_no_torch():
    code = "import sys, xaisigns.metrics.catalogue; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_own_metric_is_measured_and_described(explanation):
    register_metric("largest", largest, better="higher")
    metric = METRICS["largest"]
    torch.testing.assert_close(metric.measure(explanation), explanation.relevance.amax(dim=(1, 2, 3)))
    assert metric.document("de") == {
        "name": "largest",
        "label": "largest",
        "description": "What is the largest relevance?",
        "better": "higher",
        "range": "",
        "nan": "",
        "source": "",
        "group": "own",
    }
    assert (groups()["own"], metric.known) == ([metric], False)


def test_an_own_metric_speaks_the_languages_that_its_author_does(explanation):
    words = {"en": "largest value", "de": "größter Wert"}
    register_metric("largest", largest, better="lower", group="complexity", label=words, range="any")
    assert [METRICS["largest"].label(language) for language in ("de", "en")] == ["größter Wert", "largest value"]
    assert [METRICS["largest"].range(language) for language in ("de", "en")] == ["any", "any"]
    assert [metric.name for metric in groups()["complexity"]] == ["sparseness", "entropy", "largest"]


def test_a_metric_may_name_its_function(explanation):
    register_metric("largest", "tests.metrics.test_catalogue:largest", better="higher")
    assert METRICS["largest"].measure(explanation).shape == (6,)
    assert not METRICS["largest"].known
    for name, function in (("gone", "tests.metrics.gone:largest"), ("lost", "tests.metrics.test_catalogue:lost")):
        register_metric(name, function, better="higher")
        with pytest.raises(MetricError, match=f"^the function of metric '{name}' cannot be imported: "):
            METRICS[name].measure(explanation)
    register_metric("wrong", "tests.metrics.conftest:input_x_gradient", better="higher")
    with pytest.raises(MetricError, match=r"^a metric is a function \(explanation\), got one of \(model, x, target\)$"):
        METRICS["wrong"].measure(explanation)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "entropy"}, "^there is a metric 'entropy' already; choose another name$"),
        ({"name": "My metric"}, "^a metric needs a name of lower-case letters, digits and _ such as"),
        ({"name": 7}, "^a metric needs a name of lower-case letters, digits and _ such as"),
        ({"function": 7}, r"^a metric is a function \(explanation\), got 7$"),
        ({"function": "largest"}, "^a function is named as 'module:function', got 'largest'$"),
        ({"function": lambda model, x: x}, r"^a metric is a function \(explanation\), got one of \(model, x\)$"),
        ({"function": lambda: 1}, r"^a metric is a function \(explanation\), got one of \(\)$"),
        ({"better": "smaller"}, "^better must be 'higher' or 'lower', got 'smaller'$"),
        ({"better": None}, "^better must be 'higher' or 'lower', got None$"),
        ({"better": []}, "^better must be 'higher' or 'lower', got "),
        ({"group": "mine,yours"}, "^a group of metrics needs a name of lower-case letters, digits and _, got"),
        ({"group": None}, "^a group of metrics needs a name of lower-case letters, digits and _, got"),
        ({"group": "all"}, "^a group of metrics cannot be called 'all'; choose another name$"),
        ({"group": "entropy"}, "^there is a metric 'entropy' already; choose another name for the group$"),
        ({"name": "flipping"}, "^there is a group 'flipping' of metrics already; choose another name$"),
        ({"label": "relevance mass"}, "^the metric 'relevance_mass' has the label 'relevance mass' already; choose"),
        ({"label": {"en": "mine", "de": "Relevanzmasse"}}, "^the metric 'relevance_mass' has the label 'Relevanzm"),
        ({"label": 7}, "^a text of metric 'mine': wanted a text, or one for each language"),
        ({"description": {}, "nan": {"en": 1}}, "^a text of metric 'mine': wanted a text, or one for each language"),
        ({"source": 7}, "^source must be a text and needs_masks True or False, got 7 and False$"),
        ({"needs_masks": "yes"}, "^source must be a text and needs_masks True or False, got '' and 'yes'$"),
    ],
)
def test_what_is_no_metric_is_refused_when_it_is_registered(changed, message):
    given = {"name": "mine", "function": largest, "better": "higher", **changed}
    with pytest.raises(MetricError, match=message):
        register_metric(given.pop("name"), given.pop("function"), **given)
    assert "mine" not in METRICS


def test_a_group_may_be_called_as_a_metric_in_it():
    register_metric("mine", largest, better="higher", group="mine")
    register_metric("yours", largest, better="higher", group="mine")
    assert [metric.name for metric in groups()["mine"]] == ["mine", "yours"]


@pytest.mark.parametrize(
    ("gives", "came"),
    [
        (lambda _: 1.0, "got float"),
        (lambda _: torch.ones(5), r"got \(5,\) of torch.float32"),
        (lambda asked: asked.relevance, r"got \(6, 3, 12, 12\) of torch.float64"),
        (lambda _: torch.full((6,), torch.inf), r"got \(6,\) of torch.float32"),
        (lambda _: torch.ones(6, dtype=torch.complex64), r"got \(6,\) of torch.complex64"),
    ],
)
def test_what_is_no_score_of_each_image_is_refused(gives, came, explanation):
    register_metric("mine", gives, better="higher")
    with pytest.raises(MetricError, match=f"^metric 'mine' must give a tensor of a finite number, .* {came}$"):
        METRICS["mine"].measure(explanation)


def test_a_metric_of_the_callers_is_named_where_it_fails(explanation):
    register_metric("mine", lambda asked: asked.relevance[:, 3], better="higher")
    named = r"^the metric 'mine' failed: IndexError: index 3 is out of bounds .*; mend its function$"
    with pytest.raises(MetricError, match=named) as caught:
        METRICS["mine"].measure(explanation)
    assert isinstance(caught.value.__cause__, IndexError)


def test_what_a_metric_of_the_callers_says_itself_stays_as_it_is(explanation):
    def refusing(asked):
        raise ShapeError("my images have 64 pixels")

    register_metric("mine", refusing, better="higher")
    with pytest.raises(ShapeError, match=r"^my images have 64 pixels$"):
        METRICS["mine"].measure(explanation)


def test_a_defect_of_the_packages_own_metric_is_not_laid_at_its_callers_door(explanation, monkeypatch):
    monkeypatch.setattr(measures, "entropy", lambda _: {}["a defect"])
    metric = replace(METRICS["entropy"])
    with pytest.raises(KeyError, match="a defect"):
        metric.measure(explanation)


def test_hits_and_counts_are_scores(explanation):
    register_metric("hit", lambda asked: asked.target == 0, better="higher")
    register_metric("gone", lambda asked: asked.target * torch.nan, better="higher")
    assert METRICS["hit"].measure(explanation).tolist() == [1, 0, 0, 0, 0, 1]
    assert METRICS["gone"].measure(explanation).isnan().all()


def test_a_metric_can_be_sent_to_another_process(explanation):
    metric = METRICS["random_logit_ssim"]
    sent = pickle.loads(pickle.dumps(metric))
    assert sent.document("de") == metric.document("de")
    sent = pickle.loads(pickle.dumps(METRICS["sparseness"]))
    assert torch.equal(sent.measure(explanation), sparseness(explanation.relevance))


class Plugin:
    """What an installed package names as an entry point."""

    name, dist = "mine", None

    def load(self):
        return lambda: register_metric("mine", f"{__name__}:largest", better="higher", group="mine")


def test_an_installed_plugins_metric_is_one_of_all(explanation, monkeypatch):
    monkeypatch.setattr(plugins, "_failures", {})
    monkeypatch.setattr(plugins, "entry_points", lambda group: [Plugin()] if group == "xaisigns.plugins" else [])
    assert [metric.name for metric in groups()["mine"]] == ["mine"]
    assert torch.equal(METRICS["mine"].measure(explanation), largest(explanation))
