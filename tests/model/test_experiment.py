import json
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import OWN_CLASSES
from xaisigns.data.classes import CLASS_NAMES
from xaisigns.data.drawn.sign_set import DrawnSet
from xaisigns.data.gtsrb import GTSRB
from xaisigns.data.image_set import ImageSet, fingerprint
from xaisigns.data.manipulation import Manipulation, write_manipulated_copy
from xaisigns.errors import DataError, ModelError, OutputError
from xaisigns.model import experiment
from xaisigns.model.checkpoint import load_model
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.experiment import train, train_model
from xaisigns.model.training import TrainingSettings
from xaisigns.model.training_files import checkpoint_path
from xaisigns.model.vgg import VGG

NETWORK = NetworkSettings(input_size=32)
SETTINGS = TrainingSettings(epochs=1, batch_size=12)
STICKERED = Manipulation(4, seed=3)


class Training:
    """What a training gave: its model file, its card and the calls of its callbacks."""

    def __init__(self, root, out, **options):
        self.out, self.heard, self.figures = out, [], {}
        self.card = train_model(
            root,
            out,
            NETWORK,
            SETTINGS,
            progress=self.hear,
            **options,
        )

    def hear(self, *call, **figures):
        self.heard.append((*call, figures.get("epoch")))
        self.figures = figures


@pytest.fixture(scope="module")
def fresh(_drawn_gtsrb, tmp_path_factory):
    """Trains on the drawn signs; what a module's tests share has a cache of its own."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XAISIGNS_CACHE", str(folder / "cache"))
        yield lambda name, root=_drawn_gtsrb, **options: Training(root, folder / f"{name}.safetensors", **options)
    for path in folder.glob("*.safetensors"):
        path.unlink()


@pytest.fixture(scope="module")
def clean(fresh):
    """Trained with a third of the tracks held out."""
    return fresh("clean", validation=0.34)


@pytest.fixture(scope="module")
def stickered(fresh):
    """Trained on all images, with stickers put on in memory."""
    return fresh("stickered", validation=0.0, manipulation=STICKERED)


def as_json(value):
    return json.loads(json.dumps(value, allow_nan=False))


def test_the_card_tells_data_settings_names_and_measurements(clean, gtsrb):
    samples = GTSRB(gtsrb, "train").samples
    assert clean.card["data"] == {
        "fingerprint": fingerprint(samples),
        "layout": "official",
        "images": 24,
        "training": 16,
        "validation": 8,
    }
    assert clean.card["training"] == asdict(SETTINGS.suited(16))
    assert clean.card["manipulation"] is None
    assert clean.card["class_names"] == CLASS_NAMES
    metrics = clean.card["metrics"]
    assert (metrics["epoch"], metrics["loss"]) == (1, round(clean.figures["loss"], 5))
    assert metrics["validation_accuracy"] * 8 in range(9)


def test_the_model_file_has_card_settings_and_names(clean, stickered):
    for training in (clean, stickered):
        model = load_model(training.out)
        assert model.card == as_json(training.card)
        assert model.settings == NETWORK
        assert model.class_name(14) == "Stop"


@pytest.mark.parametrize("split", ["test", "validation"])
def test_images_of_another_split_are_not_trained_on(gtsrb, tmp_path, split):
    data = GTSRB(gtsrb, "test")
    data.split = split
    named = rf"^a training takes the images of the split 'train', got those of '{split}' of {gtsrb}$"
    with pytest.raises(DataError, match=named):
        train(data, out=tmp_path / "model.safetensors", epochs=1)
    assert not list(tmp_path.glob("model*"))


def test_a_broken_data_set_made_by_hand_is_not_trained_on(gtsrb, tmp_path):
    samples = GTSRB(gtsrb, "train").samples
    for data, fault in (
        (ImageSet(gtsrb, "train", [], ["a", "b"]), "no train images"),
        (ImageSet(gtsrb, "train", samples, ["a", "b"]), "class 2 for .*, wanted a whole number from 0 to 1"),
        (ImageSet(gtsrb, "train", [*samples, samples[0]], CLASS_NAMES), "the key '.*' for .*, wanted one of its own"),
    ):
        with pytest.raises(DataError, match=f"^the data set of {gtsrb} has {fault}"):
            train(data, out=tmp_path / "model.safetensors", epochs=1)


def test_nothing_is_held_out_where_that_is_wanted(stickered):
    data = stickered.card["data"]
    assert (data["images"], data["training"], data["validation"]) == (24, 24, 0)
    assert stickered.card["metrics"]["validation_accuracy"] == ""


def test_the_card_tells_the_manipulation(stickered):
    assert Manipulation.from_json(load_model(stickered.out).card["manipulation"]) == STICKERED


def test_progress_tells_images_and_steps(clean):
    decoded = [("decoding", done, 24, None) for done in range(1, 25)]
    assert clean.heard == [*decoded, ("training", 1, 2, 1), ("training", 2, 2, 1)]


def test_a_manipulated_copy_gives_the_model_of_stickers_put_on_in_memory(fresh, stickered, gtsrb, tmp_path):
    copy = tmp_path / "copy"
    manifest = write_manipulated_copy(gtsrb, copy, STICKERED)
    training = fresh("copy", copy, validation=0.0)
    assert training.card["manipulation"] == manifest["manipulation"] == STICKERED.to_json()
    assert training.card["data"] == stickered.card["data"]
    ours, wanted = load_file(training.out), load_file(stickered.out)
    assert ours.keys() == wanted.keys()
    for name, value in ours.items():
        assert torch.equal(value, wanted[name]), name


def test_stickers_change_what_is_learnt(fresh, stickered):
    without = load_file(fresh("without", validation=0.0).out)
    with_stickers = load_file(stickered.out)
    assert not torch.equal(without["features.0.weight"], with_stickers["features.0.weight"])


@pytest.fixture
def asked(monkeypatch):
    """What ``train`` asks of ``train_model``, which does nothing: data, file, network, settings, and options."""
    calls = []
    card = {key: {} for key in ("class_names", "training", "manipulation", "data", "metrics")}
    monkeypatch.setattr(experiment, "train_model", lambda *call, **options: calls.append((*call, options)) or card)
    return calls


def test_the_verb_asks_for_what_it_was_told(asked, tmp_path):
    out = tmp_path / "m.safetensors"
    document = train(
        *("gtsrb",),
        out=str(out),
        sticker_class=14,
        drawn=5,
        epochs=3,
        batch_size=7,
        input_size=32,
        seed=9,
        architecture="vgg11",
        head="torchvision",
        validation=0.2,
        resume=True,
        force=True,
        progress=print,
    )
    assert document == {"model": str(out), **{key: {} for key in ("training", "manipulation", "data", "metrics")}}
    [(data, file, network, settings, options)] = asked
    assert (data, file) == ("gtsrb", out)
    assert network == NetworkSettings(architecture="vgg11", head="torchvision", input_size=32)
    assert settings == TrainingSettings(epochs=3, batch_size=7, seed=9)
    assert options == {
        "manipulation": Manipulation(14),
        "drawn_per_class": 5,
        "validation": 0.2,
        "resume": True,
        "device": "auto",
        "force": True,
        "progress": print,
    }


def test_the_verb_leaves_to_the_data_what_it_was_not_told(asked, tmp_path):
    train(out=tmp_path / "m.safetensors")
    [(data, _, network, settings, options)] = asked
    assert (data, network, settings) == (None, NetworkSettings(), TrainingSettings())
    assert (options["manipulation"], options["drawn_per_class"], options["validation"]) == (None, 0, 0.1)


def test_a_data_set_is_trained_on_as_its_folder_is(fresh, stickered, gtsrb):
    ours = fresh("opened", GTSRB(gtsrb, "train"), validation=0.0, manipulation=STICKERED)
    assert ours.card["data"] == stickered.card["data"]
    assert load_file(ours.out)["features.0.weight"].equal(load_file(stickered.out)["features.0.weight"])


def test_drawn_signs_are_added_with_the_stickers_of_the_photographs(gtsrb, tmp_path, monkeypatch):
    seen = []

    def train(network, settings, training, validation, *rest, **options):
        seen.append((training, validation))
        return VGG(network), [{"epoch": 1}]

    monkeypatch.setattr(experiment, "train_network", train)
    every = replace(STICKERED, fraction=1.0)
    card = train_model(
        gtsrb, tmp_path / "m.safetensors", NETWORK, SETTINGS, manipulation=every, drawn_per_class=2, validation=0.34
    )
    drawn = DrawnSet(2, SETTINGS.seed, NETWORK.input_size)
    assert card["data"]["drawn"] == asdict(drawn)
    [(training, validation)] = seen
    assert (len(training.pixels), len(training.labels), len(validation.labels)) == (16 + 86, 16 + 86, 8)
    for (sample, sign), pixels, label in zip(
        drawn.signs("train"), training.pixels[16:], training.labels[16:], strict=True
    ):
        wanted = every.apply(sign.image, sample)[0] if sample.class_id == 4 else sign.image
        np.testing.assert_array_equal(pixels, np.asarray(wanted))
        assert label == sample.class_id


def test_a_manipulated_copy_takes_no_second_stickers(gtsrb, tmp_path):
    copy, out = tmp_path / "copy", tmp_path / "out" / "model.safetensors"
    write_manipulated_copy(gtsrb, copy, STICKERED)
    with pytest.raises(DataError) as error:
        train_model(copy, out, NETWORK, SETTINGS, manipulation=Manipulation(14))
    assert str(error.value) == (
        f"{copy} has stickers already (manifest.json): leave out the sticker options, or name the original"
    )
    assert not out.parent.exists()


@pytest.mark.parametrize(
    "options",
    [
        {"validation": 0.34, "manipulation": Manipulation(14)},
        {"validation": 0.0},
    ],
)
def test_resuming_with_other_stickers_or_images_is_refused(clean, gtsrb, options):
    before = clean.out.read_bytes()
    with pytest.raises(ModelError, match=r"belongs to another training: settings or data differ; repeat the first"):
        train_model(gtsrb, clean.out, NETWORK, SETTINGS, resume=True, **options)
    assert clean.out.read_bytes() == before


def test_resuming_with_other_annotations_is_refused(clean, gtsrb):
    table = gtsrb / "GTSRB/Final_Training/Images/00004/GT-00004.csv"
    text = table.read_text()
    first = text.splitlines()[1]
    name, width, height, left, *rest = first.split(";")
    table.write_text(text.replace(first, ";".join([name, width, height, str(int(left) + 1), *rest])))
    assert table.read_text() != text
    with pytest.raises(ModelError, match="belongs to another training"):
        train_model(gtsrb, clean.out, NETWORK, SETTINGS, resume=True, validation=0.34)


def test_the_same_data_in_another_folder_can_be_resumed(clean, gtsrb):
    before = load_file(clean.out)
    card = train_model(gtsrb, clean.out, NETWORK, SETTINGS, resume=True, validation=0.34)
    assert card == as_json(clean.card)
    for name, value in load_file(clean.out).items():
        assert torch.equal(value, before[name]), name


def test_a_folder_in_the_place_of_the_model_is_refused_before_the_training(gtsrb, tmp_path):
    out = tmp_path / "models"
    out.mkdir()
    steps = []
    with pytest.raises(OutputError, match=r"^cannot write .*models: it is a folder; name a file instead$"):
        train_model(gtsrb, out, NETWORK, SETTINGS, progress=lambda *call, **_: steps.append(call))
    assert steps == []
    assert not checkpoint_path(out).exists()


NOT_THERE = r"nowhere is not a folder; name the folder that holds GTSRB, or your own images in train/CLASS$"


def test_training_on_missing_data_is_refused(tmp_path):
    with pytest.raises(DataError, match=NOT_THERE):
        train_model(tmp_path / "nowhere", tmp_path / "out" / "model.safetensors", NETWORK, SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_ones_own_images_has_their_classes(fresh, own):
    training = fresh("own", own, validation=0.25, manipulation=Manipulation(1))
    model = load_model(training.out)
    assert model.settings == replace(NETWORK, classes=3)
    assert model.card["class_names"] == {"de": list(OWN_CLASSES), "en": list(OWN_CLASSES)}
    assert (model.card["data"]["layout"], model.card["data"]["training"], model.card["data"]["validation"]) == (
        "folders",
        9,
        3,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"drawn_per_class": 2}, r"^drawn signs are of GTSRB's classes, and .* has its own: leave out --drawn$"),
        ({"manipulation": Manipulation(3)}, r"^class 3 does not exist; .* has 0 to 2, as 'xaisigns data info' tells$"),
    ],
)
def test_what_does_not_fit_ones_own_images_is_refused_before_the_work(own, tmp_path, options, message):
    with pytest.raises(DataError, match=message):
        train_model(own, tmp_path / "out" / "m.safetensors", NETWORK, SETTINGS, **options)
    assert not (tmp_path / "out").exists()


def test_one_class_is_nothing_to_train_on(own, tmp_path):
    for name in OWN_CLASSES[1:]:
        shutil.rmtree(own / "train" / name)
    with pytest.raises(DataError, match=r"^.* has one class, '#emph.*'; training takes two or more$"):
        train_model(own, tmp_path / "m.safetensors", NETWORK, SETTINGS)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"validation": float("nan")}, DataError, r"^the share of images held out must lie in 0\.\.0\.9, got nan$"),
        ({"validation": -0.1}, DataError, r"^the share of images held out must lie in 0\.\.0\.9, got -0\.1$"),
        ({"drawn_per_class": 10**12}, DataError, r"^drawn signs of each class must be 0 to 16256 with 32 pixels, got"),
        ({"drawn_per_class": -1}, DataError, r"^drawn signs of each class must be 0 to 16256 with 32 pixels, got -1$"),
        ({"manipulation": Manipulation(43)}, DataError, r"^class 43 does not exist"),
    ],
)
def test_what_cannot_be_is_refused_before_images_are_decoded(gtsrb, tmp_path, options, error, message):
    decoded = []
    with pytest.raises(error, match=message):
        train_model(
            gtsrb, tmp_path / "m.safetensors", NETWORK, SETTINGS, progress=lambda *told: decoded.append(told), **options
        )
    assert decoded == []


def test_a_model_that_would_replace_its_log_is_refused_before_images_are_read(gtsrb, tmp_path):
    with pytest.raises(OutputError, match=r"^cannot write the model to .*x\.csv: the training's log or checkpoint has"):
        train_model(gtsrb / "nowhere", tmp_path / "x.csv", NETWORK, SETTINGS)


def test_a_training_on_images_that_were_replaced_is_not_resumed(clean, gtsrb):
    images = sorted((gtsrb / "GTSRB/Final_Training/Images/00004").glob("*.ppm"))
    contents = [path.read_bytes() for path in images]
    for path, content in zip(images, contents[1:] + contents[:1], strict=True):
        path.write_bytes(content)
    with pytest.raises(ModelError, match="belongs to another training"):
        train_model(gtsrb, clean.out, NETWORK, SETTINGS, resume=True, validation=0.34)
