import json
from dataclasses import replace

import pytest
import torch

from tests.metrics.conftest import input_x_gradient
from xaisigns.attribution.methods import find_method
from xaisigns.errors import MetricError
from xaisigns.metrics.catalogue import METRICS
from xaisigns.metrics.complexity import sparseness
from xaisigns.metrics.faithfulness import flipping_area, pixel_flipping
from xaisigns.metrics.intervals import bootstrap_interval
from xaisigns.metrics.localisation import grown, relevance_mass
from xaisigns.metrics.randomisation import cascading_randomisation, random_logit
from xaisigns.metrics.robustness import max_sensitivity
from xaisigns.study import scoring
from xaisigns.study.cases import Cases
from xaisigns.study.scoring import GROUPS, Scoring, expected_seconds, score


@pytest.fixture
def cases(tiny_vgg, images, mask):
    target = tiny_vgg(images).argmax(dim=1)
    return Cases("roi", images, mask, target, target, tuple("abcdef"))


def methods(*names):
    return [find_method(name) for name in names]


def test_scores_are_means_of_the_metrics_with_their_intervals(tiny_vgg, cases):
    document = score(tiny_vgg, cases, methods("input_x_gradient"), Scoring(steps=4, seed=3))
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
    told = document["methods"]["input_x_gradient"]
    for metric, scores in wanted.items():
        assert told[metric]["value"] == pytest.approx(float(scores.mean()))
        assert told[metric]["interval"] == pytest.approx(bootstrap_interval(scores, seed=3))
    assert (document["count"], document["masks"], document["seed"]) == (6, "roi", 3)
    assert document["area_share"]["mask"] == pytest.approx(float(cases.masks.double().mean()))


def test_every_metric_is_in_the_catalogue_and_the_document_is_plain(tiny_vgg, cases):
    document = score(tiny_vgg, cases, methods("saliency", "edges"), Scoring(list(GROUPS), steps=2))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["controls"] == ["edges"]
    assert set(document["seconds"]) == {"saliency", "edges"}
    for scores in document["methods"].values():
        assert scores.keys() == document["metrics"].keys() <= METRICS.keys()
    # The mask's own share of the area is told once, beside the methods.
    assert {name for name in METRICS if not name.startswith("area_share")} == document["metrics"].keys()


def test_metrics_that_ask_again_get_the_method(tiny_vgg, cases):
    document = score(tiny_vgg, cases, methods("input_x_gradient"), Scoring(["robustness", "randomisation"]))
    arguments = input_x_gradient, tiny_vgg, cases.images, cases.target
    cascade, other = cascading_randomisation(*arguments), random_logit(*arguments)
    wanted = {
        "max_sensitivity": max_sensitivity(*arguments),
        "cascading_randomisation_spearman": cascade.spearman,
        "cascading_randomisation_ssim": cascade.ssim,
        "random_logit_spearman": other.spearman,
        "random_logit_ssim": other.ssim,
    }
    told = document["methods"]["input_x_gradient"]
    assert told.keys() == wanted.keys()
    for metric, scores in wanted.items():
        assert told[metric]["value"] == pytest.approx(float(scores.nanmean()), rel=1e-5)


def test_a_method_is_marked_where_it_does_not_beat_a_control_on_the_same_images(tiny_vgg, cases, monkeypatch):
    everywhere = {"input_x_gradient": 0.5, "edges": 0.4, "uniform": 0.5}
    lift = torch.linspace(-1, 1, 6)

    def measure(told):
        # Alike from image to image: what counts is the difference on the same image.
        return {"relevance_mass": lift + everywhere[told.method.name], "entropy": lift + everywhere[told.method.name]}

    monkeypatch.setitem(GROUPS, "complexity", scoring._Group(measure))
    document = score(tiny_vgg, cases, methods("input_x_gradient", "edges", "uniform"), Scoring(["complexity"]))
    told = document["methods"]["input_x_gradient"]
    assert told["relevance_mass"]["no_better_than"] == ["uniform"]
    assert told["entropy"]["no_better_than"] == ["edges", "uniform"]  # lower is better
    assert document["methods"]["edges"]["relevance_mass"]["no_better_than"] == ["uniform"]


def test_images_without_a_score_are_left_out(tiny_vgg, cases):
    masks = cases.masks.clone()
    masks[2:] = False
    one = score(tiny_vgg, replace(cases, masks=masks), methods("saliency"), Scoring(["localisation"]))
    few = replace(cases, images=cases.images[:2], masks=masks[:2], target=cases.target[:2], labels=cases.labels[:2])
    two = score(tiny_vgg, replace(few, keys=("a", "b")), methods("saliency"), Scoring(["localisation"]))
    assert one["methods"]["saliency"] == two["methods"]["saliency"]
    masks[:] = False
    none = score(tiny_vgg, replace(cases, masks=masks), methods("saliency", "uniform"), Scoring(["localisation"]))
    assert none["methods"]["saliency"]["relevance_mass"] == {
        "value": None,
        "interval": [None, None],
        "no_better_than": ["uniform"],
    }


def test_a_contrast_is_with_the_true_class_where_a_sticker_hides_it(tiny_vgg, cases):
    labels = (cases.target + 1) % 5
    contrast = find_method("input_x_gradient:contrast")
    for kind, against in (("sticker", labels), ("roi", None)):
        told = score(tiny_vgg, replace(cases, kind=kind, labels=labels), [contrast], Scoring(["complexity"]))
        wanted = sparseness(contrast(tiny_vgg, cases.images, cases.target, against).relevance)
        value = told["methods"]["input_x_gradient:contrast"]["sparseness"]["value"]
        assert value == pytest.approx(float(wanted.mean()))


def test_progress_counts_up_to_the_end(tiny_vgg, cases):
    seen = []
    chosen = methods("saliency", "edges")
    score(tiny_vgg, cases, chosen, Scoring(["complexity"]), lambda *call: seen.append(call))
    assert [done for _, done, _ in seen] == [6, 12, 18, 24]
    assert {(work, total) for work, _, total in seen} == {("scoring", 24)}


def test_time_is_foretold_for_metrics_that_ask_again_only(tiny_vgg, cases):
    assert expected_seconds(tiny_vgg, cases, methods("saliency"), Scoring()) == 0
    assert expected_seconds(tiny_vgg, cases, methods("saliency"), Scoring(["robustness"])) > 0


def test_unknown_metrics_are_refused_with_the_known():
    with pytest.raises(MetricError, match=r"^no metrics 'speed'; there are localisation, complexity, flipping"):
        Scoring(["localisation", "speed"])


def test_where_nothing_is_known_of_the_place_only_localisation_is_left_out(tiny_vgg, cases):
    unknown = replace(cases, kind="image", masks=torch.ones_like(cases.masks))
    document = score(tiny_vgg, unknown, methods("saliency"), Scoring(steps=2))
    whole = score(tiny_vgg, cases, methods("saliency"), Scoring(steps=2))
    places = {name for name in whole["metrics"] if name.startswith(("relevance", "pointing", "localisation"))}
    assert document["masks"] == "image"
    assert document["metrics"].keys() == whole["metrics"].keys() - places
    told, wanted = (one["methods"]["saliency"]["flipping_area"] for one in (document, whole))
    assert told == wanted
    with pytest.raises(MetricError, match=r"^the data do not tell where in an image its object is; wanted a model"):
        score(tiny_vgg, unknown, methods("saliency"), Scoring(["localisation"]))
