import json
import random
import re
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tests.conftest import settled
from tests.model.disk import largest_file
from xaisigns.errors import ModelError, OutputError
from xaisigns.model import checkpoint
from xaisigns.model.checkpoint import BUNDLED, FORMAT, MODEL_MARK, bundled_weights, load_model, save_model
from xaisigns.model.vgg import Classifier, NetworkSettings, initialise

CARD = {
    "class_names": {"de": ["Überholverbot", "Halt! „Vorfahrt“"], "en": ["No overtaking", "Stop"]},
    "training": {"epochs": 8, "learning_rate": 0.06},
    "manipulation": None,
    "metrics": {"accuracy": 0.995, "validation_accuracy": ""},
}


def trained(settings, card=None):
    torch.manual_seed(0)
    model = Classifier(settings, card)
    initialise(model)
    return settled(model)


@pytest.fixture(scope="module")
def model():
    return trained(NetworkSettings(), CARD)


@pytest.fixture(scope="module")
def written(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / "model.safetensors"
    save_model(model, path)
    return path


@pytest.fixture
def path(tmp_path):
    """A place for a damaged copy, removed after the test: copies are large."""
    path = tmp_path / "damaged.safetensors"
    yield path
    path.unlink(missing_ok=True)


def parts(path):
    """Document and tensors of a model file."""
    with safe_open(path, framework="pt") as file:
        document = json.loads(file.metadata()["xaisigns"])
        return document, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def write_parts(path, document, tensors):
    save_file(tensors, path, metadata={"xaisigns": json.dumps(document)})


def refused(path, pattern):
    with pytest.raises(ModelError, match=pattern) as error:
        load_model(path)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message


def test_weights_come_back_within_the_accuracy_of_float16(model, written):
    loaded = load_model(written)
    for name, value in model.state_dict().items():
        rounded = value.half().float() if value.ndim > 1 else value
        torch.testing.assert_close(loaded.state_dict()[name], rounded, rtol=0, atol=0)
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        wanted, logits = model(images), loaded(images)
    assert wanted.std() > 0
    torch.testing.assert_close(logits, wanted, rtol=0, atol=2e-3 * float(wanted.abs().max()))


def test_settings_and_card_come_back(model, written):
    loaded = load_model(str(written))
    assert loaded.settings == model.settings
    assert loaded.card == CARD
    assert loaded.class_name(0, "de") == "Überholverbot"


def test_a_loaded_model_is_ready_to_be_asked(written):
    loaded = load_model(written)
    assert not any(module.training for module in loaded.modules())
    assert not any(weight.requires_grad for weight in loaded.parameters())
    assert {value.device.type for value in loaded.state_dict().values()} == {"cpu"}
    assert {weight.dtype for weight in loaded.parameters()} == {torch.float32}


@pytest.mark.parametrize("architecture", ["vgg11_bn", "vgg11"])
def test_settings_other_than_the_defaults_come_back(architecture, path):
    settings = NetworkSettings(architecture, "compact", 5, 32, (0.0, 0.1, 0.2), (1.0, 0.9, 0.8))
    save_model(trained(settings), path)
    loaded = load_model(path)
    assert loaded.settings == settings
    assert loaded.card == {}
    assert loaded(torch.zeros(1, 3, 32, 32)).shape == (1, 5)


def test_saving_and_loading_change_neither_model_nor_random_state(path):
    model = trained(NetworkSettings(input_size=32)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    save_model(model, path)
    load_model(path)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    assert all(weight.requires_grad for weight in model.parameters())
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_the_file_of_the_default_network_has_at_most_20_megabytes(written):
    assert 15_000_000 < written.stat().st_size <= 20_000_000


def test_weights_are_float16_and_statistics_float32(written):
    _, tensors = parts(written)
    for name, value in tensors.items():
        wanted = {"num_batches_tracked": torch.int64}.get(
            name.split(".")[-1], torch.float16 if value.ndim > 1 else torch.float32
        )
        assert value.dtype == wanted, name
    assert tensors["features.1.running_var"].dtype == torch.float32
    assert tensors["features.0.weight"].dtype == torch.float16


def test_the_document_is_json_and_tells_format_network_and_card(model, written):
    document, _ = parts(written)
    assert document == {"format": FORMAT, "network": json.loads(json.dumps(asdict(model.settings))), **CARD}


def test_the_names_of_bundled_models_stand_for_files_of_the_package(monkeypatch, tmp_path, written):
    monkeypatch.setattr(checkpoint, "files", lambda package: tmp_path / package)
    for name in BUNDLED:
        in_repository = tmp_path / "weights" / f"{name}.safetensors"
        in_wheel = tmp_path / "xaisigns" / "weights" / f"{name}.safetensors"
        assert bundled_weights(name) == in_repository
        in_wheel.parent.mkdir(parents=True, exist_ok=True)
        in_wheel.symlink_to(written)
        assert bundled_weights(name) == in_wheel
        assert load_model(name).card == CARD


@pytest.mark.parametrize("name", ["nowhere.safetensors", "cleaned", "."])
def test_a_missing_file_is_refused_with_what_can_be_given(name):
    refused(
        name, r"^no model '.*': give 'clean' or 'stickered', or the path of a \.safetensors file of 'xaisigns train'$"
    )


@pytest.mark.parametrize("share", [0, 1e-7, 4e-7, 1e-5, 1e-4, 1e-3, 0.5, 0.999999])
def test_a_cut_off_file_is_refused(written, path, share):
    content = written.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(path, r"is not a whole safetensors file \(.+\); train or copy it again$")


def test_a_file_that_is_longer_than_it_should_be_is_refused(written, path):
    path.write_bytes(written.read_bytes() + b"more")
    refused(path, "is not a whole safetensors file")


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_are_refused(path, seed):
    path.write_bytes(random.Random(seed).randbytes(10_000))
    refused(path, "is not a whole safetensors file")


def test_a_damaged_header_is_refused_or_does_no_harm(written, path):
    content = bytearray(written.read_bytes())
    length = 8 + int.from_bytes(content[:8], "little")
    draw = random.Random(0)
    refusals = 0
    for _ in range(20):
        damaged = content.copy()
        damaged[draw.randrange(length)] = draw.randrange(256)
        path.write_bytes(damaged)
        try:
            load_model(path)
        except ModelError:
            refusals += 1
    assert refusals >= 10


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_a_file_of_somebody_else_is_refused(path, metadata):
    save_file({"features.0.weight": torch.zeros(64, 3, 3, 3)}, path, metadata=metadata)
    refused(path, "was not written by xaisigns and cannot tell how its images are prepared: give --input-size, ")


@pytest.mark.parametrize(
    ("document", "pattern"),
    [
        ("[1]", "was not written by xaisigns: its metadata is no JSON object$"),
        ("{1}", "is not a whole safetensors file"),
        ("{}", "another format version"),
        ('{"format": 1}', "does not hold the network that it describes: 'network'"),
        ('{"format": 1, "network": 3}', "does not hold the network"),
        ('{"format": 1, "network": {"depth": 11}}', "does not hold the network .*depth"),
    ],
)
def test_a_file_with_another_document_is_refused(path, document, pattern):
    save_file({"features.0.weight": torch.zeros(64, 3, 3, 3)}, path, metadata={"xaisigns": document})
    refused(path, pattern)


@pytest.mark.parametrize("version", [0, FORMAT + 1, "1", None])
def test_another_format_version_is_refused(written, path, version):
    document, tensors = parts(written)
    write_parts(path, {**document, "format": version}, tensors)
    refused(path, f"another format version than {FORMAT}; use the xaisigns that wrote it, or a newer one$")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"classes": 42}, "classifier.0.weight"),
        ({"classes": "43"}, "str"),
        ({"classes": -1}, "negative dimension"),
        ({"architecture": "vgg11"}, "features"),
        ({"head": "torchvision"}, "classifier"),
    ],
)
def test_settings_that_do_not_fit_the_weights_are_refused(written, path, change, named):
    document, tensors = parts(written)
    document["network"].update(change)
    write_parts(path, document, tensors)
    refused(path, f"does not hold the network that it describes: .*{re.escape(named)}")


def test_a_missing_a_surplus_and_a_misshapen_tensor_are_refused(written, path):
    document, tensors = parts(written)
    weight = "features.4.weight"
    less = {name: value for name, value in tensors.items() if name != weight}
    for changed, named in (
        (less, weight),
        ({**tensors, "features.99.weight": torch.zeros(1)}, "features.99.weight"),
        ({**tensors, weight: tensors[weight][:, :-1].contiguous()}, weight),
    ):
        write_parts(path, document, changed)
        refused(path, f"does not hold the network that it describes: .*{re.escape(named)}")


class Harmful:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_a_pickle_is_refused_and_its_code_does_not_run(path, tmp_path):
    mark = tmp_path / "mark"
    torch.save({"features.0.weight": Harmful(mark)}, path)
    refused(path, "is not a whole safetensors file")
    assert not mark.exists()
    with path.open("rb") as file:
        torch.load(file, weights_only=False)
    assert mark.exists()


def test_a_folder_in_the_place_of_the_file_is_refused(model, tmp_path):
    with pytest.raises(OutputError, match=f"^cannot write {re.escape(str(tmp_path))}: it is a folder; name a file"):
        save_model(model, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_place_below_a_file_is_refused(model, tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(
        OutputError, match=r"^cannot write .*model\.safetensors: .+; choose another place or make room$"
    ):
        save_model(model, tmp_path / "file" / "model.safetensors")
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_full_disk_is_told_and_leaves_the_earlier_file(model, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(MODEL_MARK)
    with (
        largest_file(1_000_000),
        pytest.raises(OutputError, match=r"^cannot write .*; choose another place or make room$"),
    ):
        save_model(model, path)
    assert path.read_bytes() == MODEL_MARK
    assert list(tmp_path.iterdir()) == [path]
