import importlib
import json
import os
import re
import shutil
import stat
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.base.test_torch_state import CALLERS
from tests.model.disk import largest_file
from tests.model.foreign import random
from tests.model.model_files import CARD, parts, refused, trained, write_parts
from xaisigns.data.manipulation import Manipulation
from xaisigns.errors import ModelError, OutputError
from xaisigns.model import checkpoint
from xaisigns.model.checkpoint import (
    BUNDLED,
    FORMAT,
    MODEL_MARK,
    bundled_weights,
    load_model,
    save_model,
    stored_architecture,
)
from xaisigns.model.classifier import NetworkSettings, Wrapped
from xaisigns.model.vgg import VGG

FORWARD = "return self.head(self.block(torch.relu(self.norm(self.stem(x)))).mean(dim=(2, 3)))"  # of own_module's Net


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
        name,
        r"^no model '.*': there is no such file; give 'clean', 'stickered', or the path of a file of 'xaisigns train' "
        r"or of a checkpoint$",
    )


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_a_file_of_somebody_else_is_refused(path, metadata):
    save_file({"features.0.weight": torch.zeros(64, 3, 3, 3)}, path, metadata=metadata)
    refused(path, "was not written by xaisigns and cannot tell how its images are prepared: .*--architecture")


@pytest.mark.parametrize(
    ("document", "pattern"),
    [
        ("[1]", "its metadata is no JSON object$"),
        ("{1}", "its metadata is no JSON as xaisigns writes it: .+"),
        ("{}", "another format version"),
        ('{"format": 1}', "network must be an object, got None$"),
        ('{"format": 1, "network": 3}', "network must be an object, got 3$"),
        ('{"format": 1, "network": {"depth": 11}}', "architecture is missing$"),
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
        ({"classes": 42}, "class_names has 43 names in 'de' for 42 classes"),
        ({"architecture": "vgg11"}, "does not hold the network that it describes: features.3.weight, "),
        ({"head": "torchvision"}, "does not hold the network that it describes: classifier.3.weight"),
    ],
)
def test_settings_that_do_not_fit_the_weights_are_refused(written, path, change, named):
    document, tensors = parts(written)
    document["network"].update(change)
    write_parts(path, document, tensors)
    refused(path, re.escape(named))


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


CASES = {
    "names in a list": ({"class_names": ["a"] * 43}, r"class_names: wanted a list of names.*, got \['a'"),
    "names that are numbers": ({"class_names": {"en": [1] * 43}}, "class_names: wanted a list of names"),
    "names in names": ({"class_names": {"en": [["a"]] * 43}}, "class_names: wanted a list of names"),
    "no names": ({"class_names": None}, "class_names: wanted a list of names.*, got None"),
    "few names": ({"class_names": {"en": ["a"]}}, "class_names has 1 names in 'en' for 43 classes"),
    "long names": ({"class_names": {"en": ["a" * 100_000] * 43}}, "class_names: wanted a list of names"),
    "half a character": ({"class_names": {"en": ["\ud800"] * 43}}, "no JSON as xaisigns writes it: .*surrogates"),
    "training": ({"training": [1]}, r"training: wanted an object, got \[1\]"),
    "metrics": ({"metrics": "good"}, "metrics: wanted an object, got 'good'"),
    "data": ({"data": 3}, "data: wanted an object, got 3"),
    "manipulation": ({"manipulation": True}, "manipulation: wanted an object or null, got True"),
    "empty manipulation": ({"manipulation": {}}, "not a manipulation"),
    "class of the stickers": ({"manipulation": Manipulation(43).to_json()}, "has 43 classes, its stickers were on 43"),
    "digits": ({"more": 10**400}, "1000.* has no room in 64 bits"),
    "infinite": ({"more": float("inf")}, "Infinity is no number of JSON's"),
    "not a number": ({"metrics": {"loss": float("nan")}}, "NaN is no number of JSON's"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_card_is_checked_as_a_whole(written, path, case, model):
    card, pattern = CASES[case]
    document, tensors = parts(written)
    write_parts(path, {**document, **card}, tensors)
    refused(path, pattern)
    with pytest.raises(ModelError, match=f"^the model cannot be saved: .*{pattern}"):
        save_model(other(model, card), path)


def other(model, card):
    """The same network with another card."""
    with torch.device("meta"):
        changed = VGG(model.settings, {**model.card, **card})
    changed.load_state_dict(model.state_dict(), assign=True)
    return changed.eval()


def test_what_a_later_version_may_add_to_a_card_is_kept(model, path):
    more = {"more": {"from": ["later", 1.5]}, "class_names": {**CARD["class_names"], "fr": ["a"] * 43}}
    save_model(other(model, more), path)
    assert load_model(path).card == {**CARD, **more}


@pytest.mark.parametrize("key", ["format", "network"])
def test_a_card_does_not_replace_what_the_file_tells(model, path, key):
    with pytest.raises(ModelError, match=f"the card has {key}, which the file tells itself; leave it out$"):
        save_model(other(model, {key: 1}), path)
    assert not path.exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(model, written, path, value):
    document, tensors = parts(written)
    tensors["features.4.bias"][3] = value
    write_parts(path, document, tensors)
    refused(path, r"features\.4\.bias holds numbers that are not finite in float32: the training diverged$")
    changed = other(model, {})
    changed.features[4].bias = torch.nn.Parameter(tensors["features.4.bias"])
    with pytest.raises(ModelError, match=r"cannot be saved: features\.4\.bias holds numbers that are not finite"):
        save_model(changed, path)


def test_weights_too_large_for_float16_come_back(model, path):
    changed = other(model, {})
    changed.classifier[0].weight = torch.nn.Parameter(model.classifier[0].weight * 1e7)
    save_model(changed, path)
    assert torch.equal(load_model(path).classifier[0].weight, changed.classifier[0].weight)


@pytest.mark.parametrize("name", ["model.pt", "MODEL.SAFETENSORS", "model", "~model"])
def test_a_file_is_told_by_its_content(written, tmp_path, name):
    (tmp_path / name).symlink_to(written)
    assert load_model(str(tmp_path / name)).card == CARD


@pytest.mark.parametrize("name", ["~/model.safetensors", "a" * 300, "a/" * 3000, "null\0byte", "", 3, None])
def test_names_of_no_file_are_refused(name):
    with pytest.raises(ModelError, match=r"^no model "):
        load_model(name)


def test_a_path_may_be_text(model, tmp_path):
    save_model(model, str(tmp_path / "model.safetensors"))
    assert load_model(str(tmp_path / "model.safetensors")).card == CARD


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_others_may_read_a_model_where_the_umask_lets_them(model, path):
    before = os.umask(0o022)
    try:
        save_model(model, path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_only_a_classifier_is_saved(path):
    with pytest.raises(ModelError, match=r"^wanted a Classifier of xaisigns to save, got a Linear$"):
        save_model(torch.nn.Linear(2, 2), path)


@pytest.mark.parametrize(("work", "command"), [("training", "train"), ("repair", "repair")])
def test_the_checkpoint_of_a_work_is_no_model(work, command, path):
    save_file({"a": torch.zeros(1)}, path, metadata={work: "{}"})
    refused(path, f"it is the checkpoint of a {work}: finish that with 'xaisigns {command} --resume'$")


@pytest.mark.parametrize("caller", CALLERS)
def test_a_model_is_float32_on_the_cpu_whatever_the_caller_has_set(written, caller):
    wanted = load_model(written)
    with CALLERS[caller]():
        loaded = load_model(written)
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, wanted.state_dict()[name])
        assert value.dtype == wanted.state_dict()[name].dtype
        assert not value.is_inference()


def test_the_file_of_another_architecture_has_the_networks_own_names_and_tells_what_it_is(path):
    torch.manual_seed(0)
    settings = NetworkSettings("mnasnet0_5", classes=5, input_size=32)
    model = Wrapped(random("mnasnet0_5", 5), settings, {"class_names": {"en": list("abcde")}})
    save_model(model, path)
    document, tensors = parts(path)
    assert document["network"]["architecture"] == "mnasnet0_5"
    assert document["network"]["head"] is None
    assert tensors.keys() == model.module.state_dict().keys()
    for architecture in (None, "mnasnet0_5"):
        loaded = load_model(path, architecture=architecture)
        assert (loaded.settings, loaded.card) == (settings, model.card)
    x = torch.randn(2, 3, 32, 32)
    logits = model(x).detach()
    torch.testing.assert_close(loaded(x), logits, rtol=0, atol=0.01 * float(logits.abs().max()))
    with pytest.raises(ModelError, match=r"its network is mnasnet0_5, and not 'resnet18': leave the architecture out$"):
        load_model(path, architecture="resnet18")


@pytest.fixture
def own_written(own_module, path):
    architecture = f"{own_module}:Net"
    save_model(Wrapped(random(architecture, 5), NetworkSettings(architecture, classes=5, input_size=32)), path)
    for name in (own_module, "skipping"):
        del sys.modules[name]
    return architecture


def test_no_file_has_code_imported_that_its_reader_has_not_named(own_written, path):
    module = own_written.partition(":")[0]
    for given in (None, f"{module}:Five", "mnasnet0_5"):
        with pytest.raises(ModelError, match=rf"its network is {own_written}, .*architecture") as raised:
            load_model(path, architecture=given)
        assert module not in sys.modules
        assert ("give --architecture" in str(raised.value)) == (given is None)
    assert load_model(path, architecture=own_written).classes == 5


def changed_code(own_written, before, after):
    """The file of the network's code, in which this is replaced."""
    code = Path(f"{own_written.partition(':')[0]}.py")
    assert before in code.read_text()
    code.write_text(code.read_text().replace(before, after))
    importlib.invalidate_caches()
    shutil.rmtree("__pycache__", ignore_errors=True)


def test_code_that_answers_otherwise_than_when_the_file_was_written_is_refused(own_written, path):
    changed_code(own_written, FORWARD, f"{FORWARD} * 1.01")
    with pytest.raises(ModelError, match=rf"cannot be used: {own_written} answers otherwise .*; bring back what was"):
        load_model(path, architecture=own_written)


def test_code_that_answers_alike_may_change(own_written, path):
    changed_code(own_written, FORWARD, f"{FORWARD} * 1.000001  # the same")
    loaded = load_model(path, architecture=own_written)
    assert "answers" not in loaded.card
    save_model(loaded, path, force=True)


@pytest.mark.parametrize("forward", [f"{FORWARD} + torch.rand(1)", f"{FORWARD} / 0"])
def test_a_network_that_answers_at_random_or_in_no_finite_number_can_be_read_again(own_module, path, forward):
    architecture = f"{own_module}:Net"
    changed_code(architecture, FORWARD, forward)
    save_model(Wrapped(random(architecture, 5), NetworkSettings(architecture, classes=5, input_size=32)), path)
    assert parts(path)[0]["answers"] is None
    assert load_model(path, architecture=architecture).classes == 5


def test_tiny_weights_are_kept_in_float32(path):
    torch.manual_seed(0)
    network = random("mnasnet0_5", 5)
    network.layers[0].weight.data *= 1e-6
    save_model(Wrapped(network, NetworkSettings("mnasnet0_5", classes=5, input_size=32)), path)
    _, tensors = parts(path)
    assert tensors["layers.0.weight"].dtype == torch.float32
    assert tensors["layers.3.weight"].dtype == torch.float16


def test_a_model_file_tells_its_architecture_and_a_checkpoint_none(model, written, path, tmp_path):
    assert stored_architecture(written) == stored_architecture(str(written)) == model.settings.architecture
    assert stored_architecture("clean") == "vgg11_bn"
    save_file({"weight": torch.zeros(3)}, path)
    torch.save({}, tmp_path / "checkpoint.pt")
    assert stored_architecture(path) is stored_architecture(tmp_path / "checkpoint.pt") is None
    path.write_bytes(written.read_bytes()[:1000])
    with pytest.raises(ModelError, match=f"^{re.escape(str(path))} cannot be used: it is not a whole safetensors file"):
        stored_architecture(path)
    with pytest.raises(ModelError, match="no model 'none': there is no such file"):
        stored_architecture("none")
