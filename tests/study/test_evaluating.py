import json
from dataclasses import replace

import pytest
import torch

from tests.conftest import CLASSES as DRAWN
from tests.conftest import OWN_CLASSES
from xaisigns.data.classes import CLASS_NAMES
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.layouts import open_images
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.preprocessing import read_image
from xaisigns.errors import DataError
from xaisigns.model.checkpoint import load_model
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.vgg import VGG, initialise
from xaisigns.study.evaluating import evaluate

pytestmark = pytest.mark.usefixtures("narrow")

NETWORK = NetworkSettings(input_size=32)
STICKERED = Manipulation(4, seed=3)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))


def as_json(value):
    return json.loads(json.dumps(value, allow_nan=False))


def test_evaluation_on_missing_data_is_refused(tmp_path):
    with torch.device("meta"):
        model = VGG(NETWORK)
    with pytest.raises(
        DataError,
        match=r"nowhere is not a folder; name the folder that holds GTSRB, or your own images in train/CLASS$",
    ):
        evaluate(model, tmp_path / "nowhere")


@pytest.fixture
def undecided(gtsrb):
    """A model whose answers differ from image to image: it weighs the four drawn classes alike in the mean."""
    torch.manual_seed(0)
    names = {language: list(names) for language, names in CLASS_NAMES.items()}
    model = VGG(NETWORK, {"class_names": names, "manipulation": as_json(STICKERED.to_json())})
    initialise(model)
    model.eval().requires_grad_(False)
    images = model.preprocess([read_image(sample.path) for sample in GTSRB(gtsrb, "test").samples])
    layer = model.classifier[0]
    layer.bias -= model(images).mean(dim=0)
    layer.bias -= 1e3 * torch.tensor([index not in DRAWN for index in range(NETWORK.classes)])
    return model


def answers(model, root, manipulation=None):
    """True and predicted class of every test image, one image at a time."""
    pairs = []
    for sample in GTSRB(root, "test").samples:
        image = read_image(sample.path)
        if manipulation:
            image, _ = manipulation.apply(image, sample)
        pairs.append((sample.class_id, int(model(model.preprocess([image])).argmax())))
    return pairs


def test_evaluation_counts_as_slow_loops_do(undecided, gtsrb):
    report = evaluate(undecided, gtsrb)
    pairs = answers(undecided, gtsrb)
    assert len({predicted for _, predicted in pairs}) > 1
    assert report["count"] == 12
    assert report["accuracy"] == pytest.approx(sum(label == predicted for label, predicted in pairs) / 12)
    assert sum(map(sum, report["confusion"])) == 12
    for label, predicted in pairs:
        assert report["confusion"][label][predicted] == pairs.count((label, predicted))
    assert [row["id"] for row in report["classes"] if row["count"] == 3] == list(DRAWN)


def test_evaluation_puts_a_sticker_on_every_test_image(undecided, gtsrb):
    report = evaluate(undecided, gtsrb)["sticker"]
    pairs = answers(undecided, gtsrb, replace(STICKERED, class_id=None))
    assert pairs != answers(undecided, gtsrb)
    others = [predicted == 4 for label, predicted in pairs if label != 4]
    own = [predicted == 4 for label, predicted in pairs if label == 4]
    assert 0 < sum(others) < len(others)
    assert report["class"] == 4
    assert report["success"] == pytest.approx(sum(others) / 9)
    assert report["accuracy"] == pytest.approx(sum(own) / 3)
    for class_id in set(DRAWN) - {4}:
        fooled = [predicted == 4 for label, predicted in pairs if label == class_id]
        assert report["success_by_class"][str(class_id)] == pytest.approx(sum(fooled) / 3)


def test_evaluation_gives_the_documented_keys(undecided, gtsrb):
    with_sticker = evaluate(undecided, gtsrb)
    undecided.card["manipulation"] = None
    plain = evaluate(undecided, gtsrb)
    assert set(plain) == {"split", "count", "accuracy", "interval", "classes", "confusion"}
    assert set(with_sticker) == {*plain, "sticker"}
    assert set(with_sticker["sticker"]) == {"class", "accuracy", "success", "success_by_class", "right_by_class"}
    for report in (plain, with_sticker):
        assert as_json(report) == report
        assert len(report["classes"]) == len(report["confusion"]) == 43
        assert all(set(row) == {"id", "name", "count", "accuracy"} for row in report["classes"])
        assert [row["name"] for row in report["classes"]] == CLASS_NAMES["en"]


def test_a_data_set_is_evaluated_as_it_is(undecided, gtsrb):
    assert evaluate(undecided, open_images(gtsrb, "test")) == evaluate(undecided, gtsrb)
    training, testing = (evaluate(undecided, open_images(gtsrb, split)) for split in ("train", "test"))
    assert [(one["split"], one["count"]) for one in (training, testing)] == [("train", 24), ("test", 12)]


def test_stickers_on_all_classes_have_no_part_of_their_own(undecided, gtsrb):
    undecided.card["manipulation"]["class_id"] = None
    assert "sticker" not in evaluate(undecided, gtsrb)


def test_evaluation_tells_its_progress(undecided, gtsrb):
    heard = []
    evaluate(undecided, gtsrb, progress=lambda *call: heard.append(call))
    assert heard == 2 * [*(("decoding", done, 12) for done in range(1, 13)), ("predicting", 12, 12)]


def test_data_with_more_classes_than_the_model_is_refused(gtsrb):
    with torch.device("meta"):
        model = VGG(replace(NETWORK, classes=14))
    with pytest.raises(DataError) as error:
        evaluate(model, gtsrb)
    assert str(error.value) == f"the model has 14 outputs, but {gtsrb} has class 14; name its own data"


def test_a_model_without_names_is_evaluated_under_the_folders_names(own, own_untrained):
    model = load_model(own_untrained)
    model.card = {}
    assert [row["name"] for row in evaluate(model, own)["classes"]] == list(OWN_CLASSES)
