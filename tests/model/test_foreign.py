"""Checkpoints of torchvision's VGGs: recognised by names and shapes, read without running code."""

import os

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import vgg11, vgg11_bn, vgg13, vgg19_bn

from tests.conftest import settled
from xaisigns.errors import ModelError
from xaisigns.model.checkpoint import load_model, save_model
from xaisigns.model.foreign import Preprocessing
from xaisigns.model.vgg import Classifier, NetworkSettings

PREPROCESSING = Preprocessing(64, (0.3505, 0.3142, 0.3272), (0.2753, 0.2594, 0.2670))


def torchvisions(build, outputs=7):
    """A network of torchvision's with a head small enough for tests."""
    torch.manual_seed(0)
    network = settled(build(weights=None, num_classes=5, init_weights=False))
    network.avgpool = torch.nn.AdaptiveAvgPool2d(1)
    network.classifier = torch.nn.Sequential(torch.nn.Linear(512, outputs))
    return network


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize("build", [vgg11, vgg11_bn])
def test_a_state_dict_gives_torchvisions_logits(build, suffix, tmp_path):
    network = torchvisions(build)
    path = tmp_path / f"mine{suffix}"
    save = save_file if suffix == ".safetensors" else torch.save
    save(network.state_dict(), path)
    model = load_model(path, PREPROCESSING)
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(model(x), network(x), rtol=0, atol=0)
    assert model.settings.classes == 7
    assert (model.settings.input_size, model.settings.mean) == (64, (0.3505, 0.3142, 0.3272))
    assert model.class_name(3) == "class 3"
    assert not model.training


@pytest.mark.parametrize(("build", "name"), [(vgg13, "vgg13"), (vgg19_bn, "vgg19_bn")])
def test_which_vgg_it_is_follows_from_the_shapes(build, name, tmp_path):
    path = tmp_path / "mine.pt"
    torch.save(torchvisions(build).state_dict(), path)
    assert load_model(path, PREPROCESSING).settings.architecture == name


class _Bomb:
    def __reduce__(self):
        return os.mkdir, ("this-code-ran",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"weight": _Bomb()},
            r"it holds Python objects \(.*mkdir\), which are never loaded; where it was made, save the state dict alone: "
            r"torch\.save\(model\.state_dict\(\), \"weights\.pt\"\)$",
        ),
        ({"a": torch.zeros(3)}, "is not a state dict of torchvision's vgg11.*its first entries are a"),
        ({"epoch": 3}, "is not a state dict of .*: its first entries are epoch$"),
        ({}, "is not a state dict of .*: its first entries are none$"),
        ([torch.zeros(3)], "is not a state dict of .*: it holds a list, wanted names with tensors$"),
        (torch.zeros(3), "it holds a Tensor, wanted names with tensors$"),
    ],
)
def test_anything_else_is_refused_in_one_line(content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "other.pt"
    torch.save(content, path)
    with pytest.raises(ModelError, match=message) as raised:
        load_model(path, PREPROCESSING)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "this-code-ran").exists()


@pytest.mark.parametrize("kept", [0, 100, 10_000])
def test_a_file_that_is_cut_off_is_refused(kept, tmp_path):
    path = tmp_path / "mine.pt"
    torch.save(torchvisions(vgg11).state_dict(), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        ModelError, match=r"mine\.pt cannot be used: it is (not whole \(.+\)|neither .+); .*copy .* again$"
    ):
        load_model(path, PREPROCESSING)


def test_a_state_dict_with_a_wrong_shape_is_refused(tmp_path):
    weights = torchvisions(vgg11).state_dict()
    weights["features.3.weight"] = torch.zeros(128, 64, 5, 5)
    torch.save(weights, tmp_path / "mine.pt")
    with pytest.raises(ModelError, match="is not a state dict of torchvision's vgg11"):
        load_model(tmp_path / "mine.pt", PREPROCESSING)


def test_a_network_with_one_output_is_refused(tmp_path):
    torch.save(torchvisions(vgg11, outputs=1).state_dict(), tmp_path / "mine.pt")
    with pytest.raises(ModelError, match="has one output; wanted one for each class"):
        load_model(tmp_path / "mine.pt", PREPROCESSING)


def test_the_preprocessing_is_asked_for(tmp_path):
    torch.save(torchvisions(vgg11).state_dict(), tmp_path / "mine.pt")
    with pytest.raises(ModelError, match="give --input-size, --mean and --std"):
        load_model(tmp_path / "mine.pt")


def test_a_file_of_our_own_knows_its_preprocessing(untrained):
    with pytest.raises(ModelError, match="knows its input size, mean and std itself"):
        load_model(untrained, PREPROCESSING)


def test_a_preprocessing_that_cannot_be():
    with pytest.raises(ModelError, match=r"^std: wanted three numbers .*, got \(0\.2, 0\.0, 0\.2\)"):
        Preprocessing(64, (0, 0, 0), (0.2, 0.0, 0.2))


def test_every_vgg_can_be_saved_and_loaded(tmp_path):
    torch.manual_seed(0)
    model = Classifier(NetworkSettings(architecture="vgg13_bn", input_size=32)).eval()
    save_model(model, tmp_path / "mine.safetensors")
    assert load_model(tmp_path / "mine.safetensors").settings == model.settings
