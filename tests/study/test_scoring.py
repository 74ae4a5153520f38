import json

import pytest
import torch

import xaisigns as xs
from xaisigns.attribution.methods import find_method
from xaisigns.data.layouts import open_images
from xaisigns.errors import DataError, DeviceError, MetricError
from xaisigns.metrics.catalogue import METRICS, groups
from xaisigns.metrics.faithfulness import flipping_area, pixel_flipping
from xaisigns.metrics.intervals import bootstrap_interval
from xaisigns.metrics.localisation import grown, relevance_mass
from xaisigns.study.cases import find_cases
from xaisigns.study.scoring import score

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture
def model(untrained):
    return xs.load_model(untrained)


def test_scores_are_means_of_the_metrics_with_their_intervals(model, gtsrb):
    document = score(model, gtsrb, "saliency", per_class=2, steps=4, seed=3)
    cases = find_cases(model, open_images(gtsrb, "test"), "roi", 2, seed=3)
    relevance = find_method("saliency")(model, cases.images, cases.target).relevance
    curves = [
        pixel_flipping(model, cases.images, relevance, cases.target, order=order, steps=4, seed=3)
        for order in ("most", "least")
    ]
    wanted = {
        "relevance_mass": relevance_mass(relevance, cases.masks),
        "relevance_mass_grown": relevance_mass(relevance, grown(cases.masks)),
        "flipping_area": flipping_area(*curves),
    }
    for metric, scores in wanted.items():
        told = document["methods"]["saliency"][metric]
        assert told["value"] == pytest.approx(float(scores.mean()), rel=1e-4)
        assert told["interval"] == pytest.approx(bootstrap_interval(scores, seed=3), rel=1e-4)
    assert (document["count"], document["masks"], document["seed"]) == (8, "roi", 3)
    assert document["area_share"]["mask"] == pytest.approx(float(cases.masks.float().mean()))
    assert document["area_share"]["grown"] == pytest.approx(float(grown(cases.masks).float().mean()))


def test_every_metric_is_in_the_catalogue_and_the_document_is_plain(model, gtsrb):
    chosen = ["infidelity", "localisation", "flipping", "complexity"]
    options = {"metrics": chosen, "per_class": 1, "steps": 2, "language": "de"}
    document = score(model, gtsrb, ["edges"], **options)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["controls"] == ["edges"]
    assert set(document["seconds"]) == {"edges"}
    for scores in document["methods"].values():
        wanted = [metric.name for group in chosen for metric in groups()[group]]
        assert list(scores) == list(document["metrics"]) == wanted
    assert document["metrics"]["entropy"] == METRICS["entropy"].document("de")


def test_a_data_set_and_its_folder_have_the_same_scores(model, gtsrb):
    documents = [score(model, data, "edges", metrics="complexity") for data in (gtsrb, open_images(gtsrb, "test"))]
    assert documents[0] == documents[1]
    training = score(model, open_images(gtsrb, "train"), "edges", metrics="complexity", per_class=6)
    assert [(one["split"], one["count"]) for one in (training, documents[0])] == [("train", 24), ("test", 12)]


def test_how_long_it_will_take_is_heard_before_the_work_and_once(model, gtsrb):
    def heard():
        calls = []
        options = {"metrics": "robustness", "per_class": 1}
        score(
            model,
            gtsrb,
            "edges",
            **options,
            progress=lambda *call, **figures: calls.append((call, figures)),
        )
        return [(call, figures) for call, figures in calls if call[0] == "scoring"]

    first = heard()
    assert first[0][0] == ("scoring", 0, None)
    assert first[0][1]["expected_seconds"] > 0
    assert [call[1] for call, _ in first[1:]] == [4, 8]
    assert all(figures == {} for _, figures in heard())


def test_where_nothing_is_known_of_the_place_signs_cannot_be_asked_for(own, own_untrained):
    model = xs.load_model(own_untrained)
    document = score(model, own, "edges", metrics=["localisation", "complexity"])
    assert (document["masks"], list(document["metrics"])) == ("image", ["sparseness", "entropy"])
    with pytest.raises(DataError, match=r"^the data do not tell where in an image its object is"):
        score(model, own, "edges", masks="roi")
    with pytest.raises(MetricError, match=r"^the data do not tell where in an image its object is"):
        score(model, own, "edges", metrics="localisation")


def test_what_cannot_be_is_refused_before_the_data_is_opened(model, tmp_path):
    for wrong in ({"metrics": "beauty"}, {"steps": 32 * 32 + 1}, {"seed": -1}):
        with pytest.raises(MetricError):
            score(model, tmp_path / "nowhere", **wrong)


def test_the_state_of_torch_stays(model, gtsrb):
    state = torch.random.get_rng_state()
    score(model, gtsrb, "random", metrics="flipping", per_class=1, filling="noise", steps=2)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.fixture
def with_bfloat16(monkeypatch):
    """The processor has bfloat16, or computes with it by detours."""
    monkeypatch.setattr("xaisigns.study.scoring.computes_bfloat16", lambda device: True)


def test_rounded_scores_are_near_and_tell_how_far_they_are_off(model, gtsrb, with_bfloat16):
    options = {"metrics": "complexity,flipping", "per_class": 1, "steps": 2}
    full, rounded = (score(model, gtsrb, "saliency,edges", precision=one, **options) for one in ("full", "bf16"))
    assert (full["precision"], full["precision_error"], rounded["precision"]) == ("full", {}, "bf16")
    # All four images are compared, since there are fewer than eight.
    assert list(rounded["precision_error"]) == [metric.name for metric in groups()["flipping"]]
    for method, scores in rounded["methods"].items():
        for metric, told in scores.items():
            off = abs(told["value"] - full["methods"][method][metric]["value"])
            assert off <= rounded["precision_error"].get(metric, 0)
    assert 0 < max(rounded["precision_error"].values()) < 0.05
    assert score(model, gtsrb, "saliency,edges", **options)["methods"] == full["methods"]  # and not what was rounded


def test_what_is_not_rounded_has_no_error(model, gtsrb, with_bfloat16):
    document = score(model, gtsrb, "edges", metrics="complexity", per_class=1, precision="bf16")
    assert document["precision_error"] == {}


def test_a_device_without_bfloat16_is_refused(model, gtsrb, monkeypatch):
    monkeypatch.setattr("xaisigns.study.scoring.computes_bfloat16", lambda device: False)
    with pytest.raises(DeviceError, match=r"^cpu of this machine does not compute with bfloat16: leave out precision"):
        score(model, gtsrb, "edges", precision="bf16")
    with pytest.raises(MetricError, match=r"^precision must be full or bf16, got 'fp16'$"):
        score(model, gtsrb, "edges", precision="fp16")
