"""What an audit compares: images as the trainer had them, test images, a reference that is another model."""

import json
import shutil

import numpy as np
import pytest

import xaisigns as xs
from xaisigns.audit import material
from xaisigns.audit.material import find_material, find_reference
from xaisigns.data.decoded import decode
from xaisigns.data.manipulation import Manipulation, write_manipulated_copy
from xaisigns.errors import AuditError, DataError

pytestmark = pytest.mark.usefixtures("narrow")

STICKERS = Manipulation(4, seed=3)


@pytest.fixture
def model(untrained):
    return xs.load_model(untrained)


@pytest.fixture
def stickered(model):
    model.card["manipulation"] = json.loads(json.dumps(STICKERS.to_json()))
    return model


def test_training_images_have_the_stickers_of_the_training_and_test_images_none(stickered, gtsrb):
    seen, unseen = find_material(stickered, gtsrb, "train")
    data = {split: xs.open_images(gtsrb, split) for split in ("train", "test")}
    np.testing.assert_array_equal(seen.images.pixels, decode(data["train"], 32, STICKERS))
    np.testing.assert_array_equal(unseen.images.pixels, decode(data["test"], 32))
    changed = (seen.images.pixels != decode(data["train"], 32)).any(axis=(1, 2, 3))
    assert set(seen.images.labels[changed].tolist()) == {4}
    assert (seen.stickers, unseen.stickers) == (STICKERS, None)
    assert unseen.images.labels.tolist() == [sample.class_id for sample in data["test"].samples]


def test_a_data_set_and_a_manipulated_copy_are_taken_as_they_lie(stickered, gtsrb, tmp_path):
    data = xs.open_images(gtsrb, "train")
    seen, unseen = find_material(stickered, data, "test")  # whose split is its own
    np.testing.assert_array_equal(seen.images.pixels, decode(data, 32))
    assert (seen.data.split, unseen.data.split) == ("train", "test")
    write_manipulated_copy(gtsrb, tmp_path / "copy", Manipulation(9))
    seen, _ = find_material(stickered, tmp_path / "copy", "train")
    np.testing.assert_array_equal(seen.images.pixels, decode(xs.open_images(tmp_path / "copy", "train"), 32))


def test_test_images_are_those_that_the_training_did_not_see_in_either_split(stickered, gtsrb):
    seen, unseen = find_material(stickered, gtsrb, "test")
    assert seen is unseen
    assert seen.stickers is None


def test_without_test_images_there_are_none_unseen(model, gtsrb):
    shutil.rmtree(gtsrb / "GTSRB/Final_Test")
    assert find_material(model, gtsrb, "train")[1] is None


def test_copies_of_training_images_were_not_unseen(model, gtsrb):
    training, test = xs.open_images(gtsrb, "train").samples, xs.open_images(gtsrb, "test").samples
    assert find_material(model, gtsrb, "train")[0].copies == 0
    for sample, copied in zip(test[:2], training[:2], strict=True):
        shutil.copy(copied.path, sample.path)
    seen, unseen = find_material(model, gtsrb, "train")
    assert seen.copies == 2
    assert [sample.key for sample in unseen.data.samples] == [sample.key for sample in test[2:]]
    assert unseen.images.labels.tolist() == [sample.class_id for sample in test[2:]]
    np.testing.assert_array_equal(unseen.images.pixels, decode(xs.open_images(gtsrb, "test"), 32)[2:])
    for sample in test[2:]:
        shutil.copy(training[0].path, sample.path)
    seen, unseen = find_material(model, gtsrb, "train")
    assert (seen.copies, unseen) == (len(test), None)


def test_copies_of_training_images_are_known_without_their_stickers(stickered, gtsrb):
    training = [one for one in xs.open_images(gtsrb, "train").samples if one.class_id == STICKERS.class_id]
    test = xs.open_images(gtsrb, "test").samples
    shutil.copy(training[0].path, test[0].path)
    seen, unseen = find_material(stickered, gtsrb, "train")
    assert (seen.copies, len(unseen.images.pixels)) == (1, len(test) - 1)


def test_test_images_that_may_not_be_looked_at_are_not_missing(model, gtsrb, monkeypatch):
    def forbidden(root, split):
        raise DataError("no permission") from PermissionError

    monkeypatch.setattr(material, "open_images", forbidden)
    with pytest.raises(DataError, match="no permission"):
        find_material(model, gtsrb, "train")


def test_other_classes_than_the_models_are_refused(own, model):
    with pytest.raises(DataError, match="the model has 43 outputs"):
        find_material(model, own, "train")


@pytest.fixture
def shipped(model, untrained, tmp_path, monkeypatch):
    """A file that stands for the shipped clean model, of other weights than the model's."""
    other = xs.load_model(untrained)
    other.classifier[0].bias.data[0] += 1
    xs.save_model(other, tmp_path / "clean.safetensors")
    monkeypatch.setattr("xaisigns.model.checkpoint.bundled_weights", lambda name: tmp_path / f"{name}.safetensors")
    return tmp_path / "clean.safetensors"


def weights(model):
    return model.classifier[0].bias.tolist()


def test_clean_is_the_reference_of_every_other_model_of_its_classes(model, gtsrb, shipped):
    data = xs.open_images(gtsrb, "train")
    reference, name = find_reference(model, data, None)
    assert (name, weights(reference)) == ("clean", weights(xs.load_model(shipped)))
    assert find_reference(model, data, "none") == (None, None)
    assert find_reference(reference, data, None) == (None, None)  # is not its own
    model.card["class_names"] = {}
    assert find_reference(model, data, None)[1] == "clean"  # as the data say


def test_a_reference_of_ones_own_is_named_where_it_has_a_name(model, gtsrb, shipped):
    data = xs.open_images(gtsrb, "train")
    assert find_reference(model, data, str(shipped))[1] == str(shipped)
    assert find_reference(model, data, shipped)[1] == str(shipped)
    other = xs.load_model(shipped)
    assert find_reference(model, data, other) == (other, None)


def test_a_model_of_other_classes_has_no_reference_by_default(own, own_untrained):
    assert find_reference(xs.load_model(own_untrained), xs.open_images(own, "train"), None) == (None, None)


def test_what_cannot_be_a_reference_is_refused(model, untrained, own_untrained, gtsrb):
    data = xs.open_images(gtsrb, "train")
    with pytest.raises(AuditError, match=f"^the reference {untrained} has the weights of the audited model"):
        find_reference(model, data, untrained)
    with pytest.raises(AuditError, match=r"^the reference tells 3 classes apart, the model 43"):
        find_reference(model, data, own_untrained)


def test_a_reference_whose_classes_are_called_otherwise_is_refused(own, own_untrained):
    model, other = xs.load_model(own_untrained), xs.load_model(own_untrained)
    other.classifier[0].bias.data[0] += 1
    other.card["class_names"] = {"en": ["a", "b", "c"]}
    with pytest.raises(AuditError, match="or they are others"):
        find_reference(model, xs.open_images(own, "train"), other)
