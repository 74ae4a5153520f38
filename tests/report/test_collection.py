"""What the sections of a report collect, against the model and the metrics themselves."""

import json

import numpy as np
import pytest
import torch

import xaisigns as xs
from tests.conftest import CLASSES as DRAWN
from tests.conftest import OWN_CLASSES
from xaisigns.attribution.methods import find_method
from xaisigns.base.progress import silent
from xaisigns.data.drawn.sign_set import DrawnSet, write_drawn_set
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.layouts import open_images
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.preprocessing import read_image, resize_mask, rgb
from xaisigns.errors import MethodError, ModelError
from xaisigns.metrics.catalogue import Metric
from xaisigns.metrics.localisation import grown, relevance_mass
from xaisigns.report.collection import Reporting, collect_report
from xaisigns.report.measured import Measured
from xaisigns.report.sections.classes import Classes
from xaisigns.report.sections.conservation import Conservation
from xaisigns.report.sections.front import Front
from xaisigns.report.sections.reproduction import Reproduction
from xaisigns.report.sections.rules import Rules
from xaisigns.report.sections.scores import MethodScores
from xaisigns.study import predictions, study
from xaisigns.study.cases import find_cases

pytestmark = pytest.mark.usefixtures("narrow")

METHODS = ("saliency", "edges")
STICKERS = Manipulation(4, seed=3)
EVERYWHERE = Manipulation(None, seed=3)


def wanted(**options):
    return Reporting(**{"name": "mine", "command": "xaisigns report", "methods": METHODS, "examples": 3, **options})


@pytest.fixture
def model(untrained, gtsrb):
    """Weighs the four drawn classes alike in the mean, so that its answers differ from image to image."""
    model = xs.load_model(untrained)
    model.card["manipulation"] = json.loads(json.dumps(STICKERS.to_json()))
    images = model.preprocess([read_image(sample.path) for sample in GTSRB(gtsrb, "test").samples])
    layer = model.classifier[0]
    layer.bias -= model(images).mean(dim=0)
    layer.bias -= 1e3 * torch.tensor([index not in DRAWN for index in range(43)])
    layer.bias[4] += 0.5 * model(images).std()  # so that some stickered images are called class 4
    return model


@pytest.fixture
def report(model, gtsrb):
    return collect_report(model, gtsrb, wanted(), silent)


@pytest.fixture
def explained(monkeypatch):
    """The cases that are explained from now on."""
    found, explain = [], study.explain_cases

    def explain_cases(model, cases, *more):
        found.append(cases)
        return explain(model, cases, *more)

    monkeypatch.setattr(study, "explain_cases", explain_cases)
    return found


def said(model, sample, stickered):
    image = read_image(sample.path)
    if stickered:
        image, _ = EVERYWHERE.apply(image, sample)
    sure, called = model(model.preprocess([image]))[0].softmax(dim=0).max(dim=0)
    return image, int(called), float(sure)


def test_examples_are_images_of_their_class_with_what_the_model_says_and_why(model, gtsrb, report):
    samples = GTSRB(gtsrb, "test").samples
    shown = 0
    for section in report.section(Classes).classes:
        for example in section.examples:
            own = [sample for sample in samples if sample.class_id == section.id]
            found = [said(model, sample, example.kind == "stickered") for sample in own]
            image, called, sure = next(one for one in found if np.array_equal(np.asarray(one[0]), example.image))
            assert (example.called, example.probability) == (called, pytest.approx(sure, rel=1e-4))
            if example.kind == "stickered":
                assert called == 4
            else:
                assert (called == section.id) == (example.kind != "mistaken")
            relevance = find_method("saliency")(model, model.preprocess([image]), called).relevance
            heatmap = relevance[0].sum(dim=0).numpy()
            np.testing.assert_allclose(example.heatmaps["saliency"], heatmap, rtol=1e-4, atol=1e-7)
            if example.kind == "stickered":
                masks = [resize_mask(EVERYWHERE.apply(read_image(one.path), one)[1], len(heatmap)) for one in samples]
                shares = [float(relevance_mass(relevance, torch.from_numpy(mask)[None])) for mask in masks]
                assert min(abs(share - example.on_sticker) for share in shares) < 1e-4
                assert any(mask.mean() == example.covered for mask in masks)
            else:
                assert example.on_sticker is example.covered is None
            shown += 1
    assert shown >= 6
    assert {section.id for section in report.section(Classes).classes if section.examples} <= set(DRAWN)
    assert len(report.section(Classes).classes) == 43


def test_scores_are_those_of_the_stickers(model, gtsrb, report):
    cases = find_cases(model, open_images(gtsrb, "test"), "sticker", 3)
    relevance = find_method("saliency")(model, cases.images, cases.target).relevance
    mass = relevance_mass(relevance, grown(cases.masks))
    scores = report.section(MethodScores).scores["relevance_mass_grown"]
    assert scores["saliency"].mean == pytest.approx(float(mass.mean()), rel=1e-4)
    assert scores.keys() == set(METHODS)
    for section in report.section(Classes).classes:
        own = cases.labels == section.id
        if own.any():
            score = section.scores["relevance_mass_grown"]["saliency"]
            assert score.mean == pytest.approx(float(mass[own].mean()), rel=1e-4)
        else:
            assert section.scores == {}
    assert report.section(MethodScores).metrics[0].label == "Relevance on the sticker"


def test_means_and_shares_are_of_whole_signs(model, gtsrb, report):
    signs = find_cases(model, open_images(gtsrb, "test"), "roi", 3)
    relevance = find_method("edges")(model, signs.images, signs.target).relevance
    for section in report.section(Classes).classes:
        own = signs.labels == section.id
        right = own & (signs.target == section.id)
        assert (section.mean is None) == (not right.any())
        if section.mean:
            assert section.mean.count == int(right.sum())
            heatmap = relevance[right].sum(dim=1).mean(dim=0)
            np.testing.assert_allclose(section.mean.heatmaps["edges"], heatmap.numpy(), rtol=1e-4, atol=1e-6)
        if own.any():
            share = float(relevance_mass(relevance[own], signs.masks[own]).mean())
            assert section.inside["edges"] == pytest.approx(share, rel=1e-4)


def test_the_finding_tells_what_a_sticker_does(model, gtsrb, report):
    others = [sample for sample in GTSRB(gtsrb, "test").samples if sample.class_id != 4]
    with_sticker, without = (
        sum(said(model, sample, stickered)[1] == 4 for sample in others) / len(others) for stickered in (True, False)
    )
    assert report.section(Front).finding == (
        f"A black sticker makes the network call {with_sticker:.1%} of the other classes’ test images "
        f"“Speed limit 70 km/h”; without a sticker it calls {without:.1%} of them so."
    )


def test_a_model_without_stickers_is_scored_on_signs(model, gtsrb):
    model.card["manipulation"] = None
    report = collect_report(model, gtsrb, wanted(language="de", classes=(14, 2, 14)), silent)
    assert report.section(Front).finding is None
    assert [section.id for section in report.section(Classes).classes] == [2, 14]
    assert report.section(MethodScores).metrics[0].label == "Relevanz auf dem Schild"
    assert report.names[14] == "Halt! Vorfahrt gewähren"
    assert [(one.key, one.label) for one in report.methods] == [("saliency", "Saliency"), ("edges", "Kanten")]
    assert {example.kind for section in report.section(Classes).classes for example in section.examples} <= {
        "typical",
        "unsure",
        "mistaken",
    }


def test_only_the_classes_that_are_shown_are_explained_and_scored(model, gtsrb, tmp_path, explained, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))
    model.card["manipulation"] = None
    few = collect_report(model, gtsrb, wanted(classes=(2, 14)), silent)
    assert {label for cases in explained if cases.kind == "roi" for label in cases.labels.tolist()} == {2, 14}
    assert few.section(MethodScores).count == 6
    every = collect_report(model, gtsrb, wanted(), silent)
    assert every.section(MethodScores).count == 12
    for class_id in (2, 14):
        ours, theirs = (
            next(one for one in told.section(Classes).classes if one.id == class_id) for told in (few, every)
        )
        assert ours.scores == theirs.scores


def test_examples_that_are_scored_are_not_explained_again(model, gtsrb, tmp_path, explained, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))
    model.card["manipulation"] = None
    report = collect_report(model, gtsrb, wanted(), silent)
    shown = [one for section in report.section(Classes).classes for one in section.examples]
    assert shown
    scored = 12 * len(METHODS) + 4  # all images, three of each class, and the highlights
    assert sum(map(len, explained)) == scored
    monkeypatch.setattr(Measured, "explained", {False: {}, True: {}})
    again = collect_report(model, gtsrb, wanted(), silent)
    assert sum(map(len, explained)) == scored + len(shown) * len(METHODS)
    for ours, theirs in zip(
        shown, (one for section in again.section(Classes).classes for one in section.examples), strict=True
    ):
        assert ours.heatmaps.keys() == theirs.heatmaps.keys()
        for name, heatmap in ours.heatmaps.items():
            np.testing.assert_allclose(heatmap, theirs.heatmaps[name], rtol=1e-4, atol=1e-7)


def test_where_no_class_that_is_shown_has_images_all_are_scored(model, gtsrb):
    model.card["manipulation"] = None
    told = collect_report(model, gtsrb, wanted(classes=(5,)), silent)
    assert told.section(MethodScores).count == 12


def test_the_data_is_called_by_its_folder_or_as_drawn(model, gtsrb, report, tmp_path):
    assert report.data == "gtsrb, 12 test images"
    write_drawn_set(tmp_path / "drawn", DrawnSet(per_class=1, size=32))
    model.card["manipulation"] = None
    drawn = collect_report(model, tmp_path / "drawn", wanted(language="de", classes=(14,), methods=("edges",)), silent)
    assert drawn.data == "43 von xaisigns gezeichnete Testbilder"


def test_a_second_report_is_the_same_and_asks_the_model_nothing(model, gtsrb, report, monkeypatch):
    monkeypatch.setattr(study, "explain_cases", None)
    monkeypatch.setattr(predictions, "predict", None)
    monkeypatch.setattr(Metric, "measure", None)
    again = collect_report(model, gtsrb, wanted(), silent)
    assert again.section(MethodScores).scores == report.section(MethodScores).scores
    for ours, theirs in zip(again.section(Classes).classes, report.section(Classes).classes, strict=True):
        for one, other in zip(ours.examples, theirs.examples, strict=True):
            np.testing.assert_array_equal(one.heatmaps["saliency"], other.heatmaps["saliency"])


def test_what_a_store_has_is_not_computed(model, gtsrb, report, tmp_path, explained, monkeypatch):
    xs.write_store(model, gtsrb, METHODS, out=tmp_path / "store")
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))
    collect_report(model, gtsrb, wanted(), silent)
    without, explained[:] = sum(map(len, explained)), []
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache again"))
    again = collect_report(model, gtsrb, wanted(store=tmp_path / "store"), silent)
    assert sum(map(len, explained)) == without - 12 * len(METHODS)  # not those of the twelve images without a sticker
    np.testing.assert_array_equal(again.evaluation.confusion, report.evaluation.confusion)
    for ours, theirs in zip(again.section(Classes).classes, report.section(Classes).classes, strict=True):
        for one, other in zip(ours.examples, theirs.examples, strict=True):
            assert (one.kind, one.called) == (other.kind, other.called)
            for name, heatmap in one.heatmaps.items():
                whole = other.heatmaps[name]
                np.testing.assert_allclose(heatmap, whole, rtol=1e-3, atol=2**-10 * abs(whole).max())


def test_other_weights_are_another_model(model, gtsrb, report):
    model.classifier[0].bias += torch.linspace(0, 2, 43)
    model.classifier[0].weight *= 1.5
    again = collect_report(model, gtsrb, wanted(), silent)
    assert again.section(Reproduction).fingerprints["Model"] != report.section(Reproduction).fingerprints["Model"]
    assert again.section(MethodScores).scores != report.section(MethodScores).scores


def test_the_rules_and_the_ledger_are_of_the_first_lrp(model, gtsrb, report):
    assert not [section for section in report.sections if isinstance(section, (Rules, Conservation))]
    told = collect_report(model, gtsrb, wanted(methods=("edges", "lrp:epsilon_plus"), classes=(14,)), silent)
    rules, conservation = told.section(Rules), told.section(Conservation)
    assert rules.composite == "epsilon_plus"
    assert {row.rule for row in rules.rules if row.type == "Conv2d"} == {"z_plus"}
    assert conservation.ledger[0].layer == rules.rules[-1].layer
    assert conservation.ledger_of.startswith("speed-50-sticker.png, ")


def test_highlights_are_the_use_cases_signs_of_a_model_of_its_classes(model, gtsrb, report):
    assert [(one.label, one.stickered) for one in report.section(Front).highlights] == [
        (14, False),
        (9, False),
        (2, False),
        (2, True),
    ]


def test_highlights_of_other_classes_are_images_that_were_explained_of_four_of_them(model, gtsrb):
    model.card["class_names"] = {}
    report = collect_report(model, gtsrb, wanted(), silent)
    highlights = report.section(Front).highlights
    assert 1 < len(highlights) <= 4
    assert [one.label for one in highlights] == sorted({one.label for one in highlights})
    assert {one.method for one in highlights} == {METHODS[0]}
    assert not any(one.stickered for one in highlights)
    (few,) = collect_report(model, gtsrb, wanted(classes=(14,)), silent).section(Front).highlights
    assert few.label == 14
    data = xs.open_images(gtsrb, "test")
    shown = [np.asarray(rgb(sample.path)) for sample in data.samples if sample.class_id == 14]
    assert any(image.shape == few.image.shape and (image == few.image).all() for image in shown)


def test_a_report_is_in_the_variables_language_where_none_is_named(model, gtsrb, monkeypatch):
    monkeypatch.setenv("XAISIGNS_LANG", "de")
    report = collect_report(model, gtsrb, wanted(classes=(14,)), silent)
    assert report.language == "de"
    assert report.names[14] == "Halt! Vorfahrt gewähren"
    assert report.section(Reproduction).fingerprints.keys() == {"Modell", "Daten"}
    assert len(report.section(Front).highlights) == 4


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"classes": (4, 43)}, ModelError, "the model has no class 43; give --classes numbers from 0 to 42"),
        ({"methods": ("lpr",)}, MethodError, "no method 'lpr'"),
    ],
)
def test_what_does_not_exist_is_refused_before_anything_is_computed(options, error, message, model, tmp_path):
    with pytest.raises(error, match=message):
        collect_report(model, tmp_path / "nowhere", wanted(**options), silent)


def test_ones_own_images_have_no_scores_that_need_a_place(own, own_untrained):
    model = xs.load_model(own_untrained)
    model.card = {}  # as a model that was trained elsewhere
    report = collect_report(model, own, wanted(methods=("lrp", "edges")), silent)
    assert report.data == "own, 6 test images"
    assert report.names == dict(enumerate(OWN_CLASSES))
    assert [metric.key for metric in report.section(MethodScores).metrics] == ["flipping_area", "sparseness"]
    scores, classes = report.section(MethodScores).scores, report.section(Classes).classes
    assert scores.keys() == {"flipping_area", "sparseness"}
    assert all(section.inside == {} for section in classes)
    assert all(section.scores.keys() == scores.keys() for section in classes)
    assert report.section(Conservation).ledger_of.startswith("10.png, ")
    front = report.section(Front)
    assert [one.label for one in front.highlights] == sorted(report.names)
    assert front.finding is None


def test_ones_own_images_with_stickers_are_scored_on_them(own, own_untrained):
    model = xs.load_model(own_untrained)
    model.card["manipulation"] = json.loads(json.dumps(Manipulation(1, seed=3).to_json()))
    model.classifier[0].bias[1] += 1e3  # everything is called class 1
    report = collect_report(model, own, wanted(), silent)
    assert "relevance_mass_grown" in report.section(MethodScores).scores
    assert report.section(MethodScores).metrics[0].label == "Relevance on the sticker"
    assert all(section.inside == {} for section in report.section(Classes).classes)
    assert f"“{OWN_CLASSES[1]}”" in report.section(Front).finding
