from dataclasses import replace

import pytest
import torch

from tests.metrics.conftest import input_x_gradient
from xaisigns.attribution.methods import find_method
from xaisigns.errors import MetricError
from xaisigns.metrics.catalogue import METRICS, groups
from xaisigns.metrics.complexity import sparseness
from xaisigns.metrics.faithfulness import flipping_area, pixel_flipping
from xaisigns.metrics.intervals import bootstrap_interval
from xaisigns.metrics.localisation import grown, relevance_mass
from xaisigns.metrics.randomisation import cascading_randomisation, random_logit
from xaisigns.metrics.robustness import max_sensitivity
from xaisigns.study.cases import Cases
from xaisigns.study.measuring import Scoring, calls_again, explain_cases, explanation_of, summarised


@pytest.fixture
def cases(tiny_vgg, images, mask):
    target = tiny_vgg(images).argmax(dim=1)
    return Cases("roi", images, mask, target, target, tuple("abcdef"))


def measured(model, cases, method, scoring):
    found = find_method(method)
    explanation = explanation_of(model, cases, found, explain_cases(model, cases, found), scoring)
    metrics = [metric for group in scoring.metrics(cases).values() for metric in group]
    return {metric.name: metric.measure(explanation) for metric in metrics}


def test_metrics_get_what_the_method_says_about_the_cases(tiny_vgg, cases):
    scores = measured(tiny_vgg, cases, "input_x_gradient", Scoring(steps=4, seed=3))
    relevance = input_x_gradient(tiny_vgg, cases.images, cases.target)
    curves = [
        pixel_flipping(tiny_vgg, cases.images, relevance, cases.target, order=order, steps=4, seed=3)
        for order in ("most", "least")
    ]
    wanted = {
        "relevance_mass": relevance_mass(relevance, cases.masks),
        "relevance_mass_grown": relevance_mass(relevance, grown(cases.masks)),
        "sparseness": sparseness(relevance),
        "flipping_area": flipping_area(*curves),
    }
    for name, values in wanted.items():
        torch.testing.assert_close(scores[name], values)
    default = [name for name, metric in METRICS.items() if metric.group in ("localisation", "complexity", "flipping")]
    assert list(scores) == default


def test_every_metric_of_the_catalogue_can_be_measured(tiny_vgg, cases):
    scores = measured(tiny_vgg, cases, "edges", Scoring(list(groups()), steps=2))
    assert list(scores) == list(METRICS)
    assert all(values.shape == (6,) for values in scores.values())


def test_metrics_that_ask_again_get_the_method(tiny_vgg, cases):
    scores = measured(tiny_vgg, cases, "input_x_gradient", Scoring(["robustness", "randomisation"]))
    arguments = input_x_gradient, tiny_vgg, cases.images, cases.target
    cascade, other = cascading_randomisation(*arguments), random_logit(*arguments)
    wanted = {
        "max_sensitivity": max_sensitivity(*arguments),
        "cascading_randomisation_spearman": cascade.spearman.nanmean(dim=0),
        "cascading_randomisation_ssim": cascade.ssim.nanmean(dim=0),
        "random_logit_spearman": other.spearman,
        "random_logit_ssim": other.ssim,
    }
    assert list(scores) == list(wanted)
    for name, values in wanted.items():
        torch.testing.assert_close(scores[name], values, rtol=1e-5, atol=1e-8)


def test_a_contrast_is_with_the_true_class_where_a_sticker_hides_it(tiny_vgg, cases):
    labels = (cases.target + 1) % 5
    contrast = find_method("input_x_gradient:contrast")
    for kind, against in (("sticker", labels), ("roi", None)):
        relevance = explain_cases(tiny_vgg, replace(cases, kind=kind, labels=labels), contrast)
        torch.testing.assert_close(relevance, contrast(tiny_vgg, cases.images, cases.target, against).relevance)


def test_a_summary_has_means_with_their_intervals():
    values = torch.linspace(0, 1, 20)
    told = summarised({"lrp": {"relevance_mass": values}}, seed=3)["lrp"]["relevance_mass"]
    assert told["value"] == pytest.approx(0.5)
    assert told["interval"] == list(bootstrap_interval(values, seed=3))
    assert told["no_better_than"] == []


def test_a_method_is_marked_where_it_does_not_beat_a_control_on_the_same_images():
    everywhere = {"input_x_gradient": 0.5, "edges": 0.4, "uniform": 0.5}
    lift = torch.linspace(-1, 1, 6)  # alike from image to image: what counts is the difference on the same image
    values = {name: {"relevance_mass": lift + level, "entropy": lift + level} for name, level in everywhere.items()}
    summary = summarised(values, seed=0)
    assert summary["input_x_gradient"]["relevance_mass"]["no_better_than"] == ["uniform"]
    assert summary["input_x_gradient"]["entropy"]["no_better_than"] == ["edges", "uniform"]  # lower is better
    assert summary["edges"]["relevance_mass"]["no_better_than"] == ["uniform"]


def test_images_without_a_score_are_left_out_of_the_summary():
    few = torch.tensor([0.2, 0.4])
    one, two = (
        summarised({"lrp": {"relevance_mass": values}}, seed=0)
        for values in (few, torch.cat([few, torch.full((4,), torch.nan)]))
    )
    assert one == two
    none = summarised({name: {"relevance_mass": few * torch.nan} for name in ("lrp", "uniform")}, seed=0)
    assert none["lrp"]["relevance_mass"] == {
        "value": None,
        "interval": [None, None],
        "no_better_than": ["uniform"],
    }


def test_only_the_metrics_that_ask_a_method_again_are_counted(tiny_vgg):
    layers = sum(hasattr(layer, "reset_parameters") for layer in tiny_vgg)
    counts = {group: calls_again(tiny_vgg, group) for group in groups()}
    assert counts == {
        **dict.fromkeys(("localisation", "complexity", "flipping", "infidelity"), 0),
        "robustness": 11,
        "randomisation": 3 + layers,
    }


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        *(
            ({"groups": groups}, r"^no metrics '\w*'; there are localisation, complexity, flipping")
            for groups in (["localisation", "speed"], [""], "flipping")
        ),
        *(
            ({"groups": groups}, "^wanted groups of metrics, each once, of localisation, .*; got ")
            for groups in ([], ["flipping"] * 2)
        ),
        *(
            ({"steps": steps}, "^steps must be a whole number from 1 to 10000, got ")
            for steps in (0, -1, 99_999_999, 1.5, True)
        ),
        *(({"seed": seed}, "^seed must be a whole number from 0 to .*, got ") for seed in (-1, 2**64, 0.5)),
        ({"filling": "mena"}, "^filling must be one of mean, blur, noise; got 'mena'$"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_their_bounds(wrong, message):
    with pytest.raises(MetricError, match=message):
        Scoring(**wrong)


def test_more_steps_than_pixels_are_refused_where_pixels_are_flipped():
    Scoring(["complexity"], steps=150).check_steps(144)
    with pytest.raises(MetricError, match="steps must be a whole number from 1 to 144"):
        Scoring(steps=150).check_steps(144)


def test_where_nothing_is_known_of_the_place_only_what_needs_masks_is_left_out(tiny_vgg, cases):
    unknown = replace(cases, kind="image", masks=torch.ones_like(cases.masks))
    scoring = Scoring(steps=2)
    scores, whole = (measured(tiny_vgg, one, "saliency", scoring) for one in (unknown, cases))
    assert scores.keys() == {name for name in whole if METRICS[name].group != "localisation"}
    assert torch.equal(scores["flipping_area"], whole["flipping_area"])
    with pytest.raises(MetricError, match=r"^the data do not tell where in an image its object is; wanted a model"):
        Scoring(["localisation"]).metrics(unknown)
