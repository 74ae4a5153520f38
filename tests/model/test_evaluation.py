import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tests.base.test_torch_state import CALLERS, settings
from tests.conftest import OWN_CLASSES
from xaisigns.data.decoded import decode
from xaisigns.data.layouts import open_images
from xaisigns.data.manipulation import Manipulation
from xaisigns.errors import DataError, ModelError
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.evaluation import (
    accuracy_report,
    class_name,
    predict,
    refuse_unknown_classes,
    sticker_report,
    wilson_interval,
)
from xaisigns.model.explainable import Preprocessing
from xaisigns.model.vgg import VGG

CLASSES = 6
EMPTY = 4  # no image is of this class


class Means(nn.Module):
    """Gives each image's mean colour as its logits, and keeps the sizes of its batches."""

    def __init__(self):
        super().__init__()
        self.preprocessing = Preprocessing(64, (0.2, 0.3, 0.4), (0.5, 1.0, 2.0))
        self.classes = 43
        self.gain = nn.Parameter(torch.ones(1))
        self.batches = []

    def forward(self, x):
        self.batches.append(len(x))
        return x.mean(dim=(2, 3)) * self.gain


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (300, 8, 8, 3), dtype=np.uint8)


@pytest.fixture
def warnings_each_time():
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(before)


@pytest.fixture
def labels(generator):
    drawn = torch.randint(CLASSES - 1, (200,), generator=generator)
    return torch.where(drawn == EMPTY, CLASSES - 1, drawn)


@pytest.fixture
def predicted(generator, labels):
    """About half of them right, and some called by the name of the class without images."""
    guessed = torch.randint(CLASSES, labels.shape, generator=generator)
    return torch.where(torch.rand(labels.shape, generator=generator) < 0.5, labels, guessed)


def test_prediction_in_batches_equals_one_pass(pixels):
    model = Means()
    done = []
    logits = predict(model, pixels, lambda *told: done.append(told))
    wanted = (pixels.mean(axis=(1, 2)) / 255 - model.preprocessing.mean) / model.preprocessing.std
    np.testing.assert_allclose(logits.numpy(), wanted, rtol=0, atol=1e-6)
    assert logits.dtype == torch.float32
    assert not logits.requires_grad
    assert model.batches == [128, 128, 44]
    assert done == [("predicting", count, 300) for count in (128, 256, 300)]


@pytest.mark.parametrize("count", [1, 127, 128, 129])
def test_every_image_is_predicted_once(pixels, count):
    model = Means()
    assert len(predict(model, pixels[:count])) == count
    assert sum(model.batches) == count


@pytest.mark.usefixtures("warnings_each_time")
def test_images_on_disk_are_predicted_without_a_warning(pixels, tmp_path):
    np.save(tmp_path / "pixels.npy", pixels)
    mapped = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    torch.testing.assert_close(predict(Means(), mapped), predict(Means(), pixels), rtol=0, atol=0)


def test_accuracy_report_counts_as_slow_loops_do(labels, predicted):
    report = accuracy_report(labels, predicted, CLASSES)
    confusion = [[0] * CLASSES for _ in range(CLASSES)]
    for label, guess in zip(labels.tolist(), predicted.tolist(), strict=True):
        confusion[label][guess] += 1
    right = sum(confusion[index][index] for index in range(CLASSES))
    assert 0 < right < 200
    assert report["count"] == 200
    assert report["accuracy"] == pytest.approx(right / 200)
    assert report["interval"] == pytest.approx(wilson_interval(right, 200))
    assert report["confusion"] == confusion
    for index, row in enumerate(report["classes"]):
        count = sum(confusion[index])
        accuracy = confusion[index][index] / count if count else None
        assert row == {"id": index, "count": count, "accuracy": accuracy}
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_a_class_without_images_has_no_accuracy(labels, predicted):
    rows = accuracy_report(labels, predicted, CLASSES)["classes"]
    assert [row["id"] for row in rows if row["accuracy"] is None] == [EMPTY]
    assert rows[EMPTY]["count"] == 0


@pytest.mark.parametrize("class_id", [0, 3, EMPTY])
def test_sticker_report_counts_as_slow_loops_do(labels, predicted, class_id):
    images = list(zip(labels.tolist(), predicted.tolist(), strict=True))

    def share(chosen):
        called = [guess == class_id for label, guess in images if chosen(label)]
        return sum(called) / len(called) if called else None

    report = sticker_report(labels, predicted, class_id, CLASSES)
    assert set(report) == {"class", "accuracy", "success", "success_by_class", "right_by_class"}
    assert report["class"] == class_id
    assert report["accuracy"] == share(lambda label: label == class_id)
    assert report["success"] == share(lambda label: label != class_id)
    assert 0 < report["success"] < 1
    assert report["success_by_class"] == {
        str(other): share(lambda label, other=other: label == other) for other in range(CLASSES) if other != class_id
    }
    for other, found in report["right_by_class"].items():
        right = [guess == label for label, guess in images if label == int(other)]
        assert found == (sum(right) / len(right) if right else None)
    assert report["right_by_class"].keys() == report["success_by_class"].keys()
    assert (report["accuracy"] is None) == (class_id == EMPTY)
    assert json.loads(json.dumps(report, allow_nan=False)) == report


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [(10, 20, 0.299298, 0.700702), (0, 10, 0.0, 0.277533), (10, 10, 0.722467, 1.0), (1, 1, 0.206549, 1.0)],
)
def test_wilson_interval_has_the_known_values(right, count, low, high):
    assert wilson_interval(right, count) == pytest.approx((low, high), abs=1e-5)


def test_wilson_interval_ends_where_the_share_is_1_96_deviations_away():
    for count in (1, 2, 7, 60, 12_630):
        for right in {0, 1, count // 3, count - 1, count}:
            for end in wilson_interval(right, count):
                deviations = 1.959964 * math.sqrt(end * (1 - end) / count)
                assert abs(right / count - end) == pytest.approx(deviations, abs=1e-7)


def test_wilson_interval_lies_in_0_to_1_around_the_share_and_is_symmetric():
    for count in range(1, 200):
        for right in range(count + 1):
            low, high = wilson_interval(right, count)
            assert 0 <= low <= right / count <= high <= 1
            assert high - low > 0
            assert wilson_interval(count - right, count) == pytest.approx((1 - high, 1 - low))


def model_of(names, classes=None):
    card = {"class_names": {"de": list(names), "en": list(names)}} if names else {}
    with torch.device("meta"):
        return VGG(NetworkSettings(classes=classes or len(names), input_size=32), card)


def test_folders_whose_names_are_the_models_are_taken(own):
    refuse_unknown_classes(model_of(OWN_CLASSES), open_images(own, "test"))


@pytest.mark.parametrize(
    ("names", "first"),
    [
        ((OWN_CLASSES[1], OWN_CLASSES[0], OWN_CLASSES[2]), 0),
        ((*OWN_CLASSES[:2], "zebra"), 2),
    ],
)
def test_folders_of_other_names_or_in_another_order_are_refused_with_both(own, names, first):
    with pytest.raises(DataError) as caught:
        refuse_unknown_classes(model_of(names), open_images(own, "test"))
    assert str(caught.value).startswith(
        f"class {first} of the model is {names[first]!r}, that of {own} is {OWN_CLASSES[first]!r}; name the data"
    )


@pytest.mark.parametrize("names", [(*OWN_CLASSES, "zebra"), ()])
def test_a_model_with_more_outputs_than_folders_is_refused(own, names):
    with pytest.raises(DataError, match=rf"^the model has 4 outputs, but {own} has 3 classes; name its own data$"):
        refuse_unknown_classes(model_of(names, classes=4), open_images(own, "test"))


def test_the_names_of_gtsrbs_classes_are_not_compared(gtsrb):
    data = open_images(gtsrb, "test")
    for names in ((), [f"{class_id:05d}" for class_id in range(43)]):
        refuse_unknown_classes(model_of(names, classes=43), data)


def test_a_model_without_names_calls_its_classes_as_the_folders_are(own, gtsrb):
    data = open_images(own, "test")
    assert class_name(model_of((), classes=3), data, 2, "de") == OWN_CLASSES[2]
    assert class_name(model_of(("a", "b", "c")), data, 2) == "c"
    assert class_name(model_of((), classes=43), open_images(gtsrb, "test"), 2) == "class 2"


class Marked(Means):
    """Gives what is not finite for black images."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        means = super().forward(x)
        return torch.where(means[:, :1] < 0, self.value, means)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_outputs_that_are_not_finite_are_refused_with_how_many(pixels, value):
    pixels = np.maximum(pixels, 200)
    pixels[[3, 200]] = 0
    with pytest.raises(ModelError, match=r"^the model's outputs are not finite for 2 of 300 images: its training"):
        predict(Marked(value), pixels)


def test_a_model_in_training_mode_answers_as_in_eval_mode_and_stays_as_it_was(pixels):
    torch.manual_seed(0)
    model = Means()
    model.layers = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout())
    model.forward = lambda x: model.layers(x).mean(dim=(2, 3))
    wanted = predict(model.eval(), pixels)
    model.train()
    model.layers[1].eval()
    found = predict(model, pixels)
    assert torch.equal(found, wanted)
    assert [module.training for module in model.modules()] == [True, True, True, False]
    assert model.layers[0].num_batches_tracked == 0


@pytest.mark.parametrize("caller", CALLERS)
def test_predictions_are_the_same_whatever_the_caller_has_set(pixels, caller):
    torch.manual_seed(0)
    model = Means()
    model.layer = nn.Conv2d(3, 4, 3)
    model.forward = lambda x: model.layer(x).mean(dim=(2, 3))
    wanted = predict(model, pixels)
    with CALLERS[caller]():
        before = settings()
        found = predict(model, pixels)
        assert settings() == before
    assert torch.equal(found, wanted)
    assert not found.is_inference()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_model_of_another_type_is_asked_in_it(pixels, dtype):
    logits = predict(Means().to(dtype), pixels)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, predict(Means(), pixels), rtol=0.02, atol=0.02)


def test_large_images_are_predicted_a_few_at_a_time():
    model = Means()
    model.preprocessing = replace(model.preprocessing, input_size=256)
    predict(model, np.zeros((20, 256, 256, 3), np.uint8))
    assert model.batches == [8, 8, 4]


def test_no_images_have_no_logits():
    assert predict(Means(), np.zeros((0, 8, 8, 3), np.uint8)).shape == (0, 43)


def test_a_data_set_is_decoded_with_its_stickers(gtsrb):
    model, data = Means(), open_images(gtsrb, "test")
    size = model.preprocessing.input_size
    torch.testing.assert_close(predict(model, data), predict(model, decode(data, size)), rtol=0, atol=0)
    ours, wanted = (
        predict(model, data, manipulation=Manipulation(4)),
        predict(model, decode(data, size, Manipulation(4))),
    )
    torch.testing.assert_close(ours, wanted, rtol=0, atol=0)
    changed = (ours != predict(model, data)).any(dim=1)
    assert changed.tolist() == [sample.class_id == 4 for sample in data.samples]


def test_decoded_images_take_no_stickers(gtsrb):
    with pytest.raises(DataError, match=r"^a manipulation takes a data set, .*; got decoded images$"):
        predict(Means(), np.zeros((1, 64, 64, 3), np.uint8), manipulation=Manipulation(4))
