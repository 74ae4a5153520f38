"""Two models beside each other: counts of what both say, and images whose answer changed."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

import xaisigns as xs
from tests.report.contents import NAMES, halves, photo, small_report, told
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.preprocessing import read_image
from xaisigns.errors import ModelError, ShapeError
from xaisigns.report.collection import Reporting, collect_report
from xaisigns.report.html import html_report
from xaisigns.report.sections.change import Change, Changed, Counts

COUNTS = (
    Counts(0, 100, (0, 98), (100, 97), (100, 97)),
    Counts(1, 200, (198, 196), (180, 2), (20, 184)),
    Counts(2, 10, (10, 10), (9, 0), (1, 9)),
)
IMAGE = Changed(1, True, photo(), (0, 1), (0.99, 0.8), (halves(), -halves()))
CHANGE = Change("stickered", "lrp", 0, COUNTS, (IMAGE,))


def test_sums_are_of_the_other_classes_and_the_class_beside_them():
    change = told(Change, small_report(more=[CHANGE], language="en"))
    assert change["about"] == "Before: stickered. After: stickered. Both models see the same test images."
    assert [sentence.split(": ", 1)[1] for sentence in change["sums"]] == [
        "90.0% before, 1.0% after (210 images).",
        "10.0% before, 91.9% after.",
        "0.0% before, 98.0% after (100 images).",
        "99.0% before, 98.1% after (210 images).",
    ]
    assert change["rows"][1] == {
        "id": 1,
        "name": NAMES[1],
        "count": "200",
        "right": ["99.0%", "98.0%"],
        "turned": ["90.0%", "1.0%"],
        "kept": ["10.0%", "92.0%"],
    }
    label, before, after = change["images"][0]["captions"]
    assert label == f"{NAMES[1]}, with a sticker"
    assert (before, after) == (f"before: {NAMES[0]}, 99.0%", f"after: {NAMES[1]}, 80.0%")


def test_without_stickers_all_images_are_summed():
    classes = tuple(replace(one, turned=None, kept=None) for one in COUNTS)
    change = told(Change, small_report(more=[Change("mine", "lrp", None, classes, ())]))
    assert change["sums"] == ["Bilder sind richtig: vorher 67,1\u202f%, nachher 98,1\u202f% (310 Bilder)."]
    assert (change["stickers"], change["rows"][0]["turned"]) == (False, None)


def test_the_tiles_are_the_image_and_both_heatmaps():
    report = small_report(more=[CHANGE])
    ((name, grid),) = CHANGE.grids(report)
    image, before, after = grid.heatmaps[0]
    assert (name, np.array_equal(image, photo())) == ("change-0", True)
    assert np.array_equal(before, after[:, ::-1])
    assert before[0, 0, 0] > 240 > before[0, 0, 2]


def test_a_page_holds_no_markup_of_others_and_a_model_without_names_is_refused():
    page = html_report(small_report(more=[replace(CHANGE, before="<b>me</b>")])).decode()
    assert "&lt;b&gt;me&lt;/b&gt;" in page
    assert "<b>me</b>" not in page
    with pytest.raises(ShapeError, match="class 9 is used"):
        small_report(more=[replace(CHANGE, classes=(replace(COUNTS[0], id=9),))])


@pytest.fixture
def models(untrained, gtsrb, narrow):
    """Two that answer otherwise, trained with the same stickers."""
    before = xs.load_model(untrained)
    before.card["manipulation"] = Manipulation(4, seed=3).to_json()
    images = before.preprocess([read_image(sample.path) for sample in GTSRB(gtsrb, "test").samples])
    before.classifier[0].bias -= before(images).mean(dim=0)
    after = copy.deepcopy(before)
    after.classifier[0].bias += 0.3 * torch.randn(43, generator=torch.Generator().manual_seed(0)) * before(images).std()
    return before, after


def test_it_counts_what_both_models_say_of_all_images(models, gtsrb):
    before, after = models
    wanted = Reporting("mine", None, methods="saliency", examples=2, before=before, before_name="first")
    section = collect_report(after, gtsrb, wanted).section(Change)
    few = collect_report(after, gtsrb, replace(wanted, classes=[4])).section(Change)
    assert few.classes == section.classes  # the sums are of all images
    for number, model in enumerate(models):
        told = xs.evaluate(model, gtsrb)
        rows = {row["id"]: row for row in told["classes"] if row["count"]}
        assert [one.id for one in section.classes] == list(rows)
        for one in section.classes:
            assert one.right[number] == round(rows[one.id]["accuracy"] * one.count)
            if one.id != 4:
                share = told["sticker"]["success_by_class"][str(one.id)]
                assert one.turned[number] == round(share * one.count)
    assert section.sticker_class == 4
    assert section.images
    for one in section.images:
        assert one.called[0] != one.called[1]
    assert collect_report(after, gtsrb, replace(wanted, before=None)).sections[1].name != "change"


def test_models_with_other_stickers_are_compared_without(models, gtsrb):
    before, after = models
    before.card["manipulation"] = Manipulation(4, seed=5).to_json()
    wanted = Reporting("mine", None, methods="saliency", examples=2, before=before)
    section = collect_report(after, gtsrb, wanted).section(Change)
    assert section.sticker_class is None
    assert not any(one.turned or one.kept for one in section.classes)


def test_a_model_of_other_classes_is_refused(models, gtsrb, own_untrained):
    wanted = Reporting("mine", None, methods="saliency", before=xs.load_model(own_untrained))
    with pytest.raises(ModelError, match="two models are compared on the same classes"):
        collect_report(models[1], gtsrb, wanted)
