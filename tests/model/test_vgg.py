import math

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import nn
from torch.nn import functional

from tests.conftest import settled
from xaisigns.errors import LanguageError, ShapeError
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.vgg import VGG, initialise

ARCHITECTURES = ("vgg11_bn", "vgg11")
GREY = 120


def torchvisions(architecture):
    return getattr(torchvision.models, architecture)(num_classes=43, init_weights=False)


def unfilled(architecture="vgg11_bn", head="compact"):
    """A classifier whose weights take no memory."""
    with torch.device("meta"):
        return VGG(NetworkSettings(architecture=architecture, head=head))


def filled(network):
    """A network from the meta device with weights of rank one: cheap for the 119 M of torchvision's head."""
    network.to_empty(device="cpu")
    for weight in network.parameters():
        rows = torch.randn(len(weight), *[1] * (weight.ndim - 1))
        weight.data.copy_(rows * torch.randn(1, *weight.shape[1:]) / math.sqrt(weight[0].numel()))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    return settled(network)


@pytest.fixture(scope="module")
def oracle():
    torch.manual_seed(0)
    with torch.device("meta"):
        network = torchvisions("vgg11_bn")
    return filled(network)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_torchvision_head_has_torchvisions_names_shapes_and_layers(architecture):
    ours = unfilled(architecture, "torchvision")
    with torch.device("meta"):
        wanted = torchvisions(architecture)
    assert [(name, value.shape) for name, value in ours.state_dict().items()] == [
        (name, value.shape) for name, value in wanted.state_dict().items()
    ]
    for part in ("features", "classifier"):
        assert repr(getattr(ours, part)) == repr(getattr(wanted, part))


@torch.inference_mode()
def test_the_torchvision_head_gives_torchvisions_logits(oracle):
    ours = unfilled(head="torchvision").eval()
    ours.load_state_dict(oracle.state_dict(), assign=True)
    images = torch.randn(2, 3, 64, 64)
    logits = ours(images)
    assert logits.shape == (2, 43)
    assert logits.std() > 0
    torch.testing.assert_close(logits, oracle(images), rtol=0, atol=0)


@torch.inference_mode()
def test_the_compact_head_is_one_linear_layer_on_the_mean_of_torchvisions_features(oracle):
    ours = filled(unfilled())
    ours.features.load_state_dict(oracle.features.state_dict())
    images = torch.randn(2, 3, 64, 64)
    layer = ours.classifier[0]
    wanted = functional.linear(oracle.features(images).mean(dim=(2, 3)), layer.weight, layer.bias)
    assert wanted.shape == (2, 43)
    assert wanted.std() > 0
    torch.testing.assert_close(ours(images), wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))


def test_the_default_network_has_9_2_million_weights():
    assert round(sum(weight.numel() for weight in unfilled().parameters()) / 1e6, 1) == 9.2


def test_weights_are_drawn_as_torchvision_draws_them():
    torch.manual_seed(0)
    network = VGG(NetworkSettings())
    initialise(network)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            wanted = math.sqrt(2 / (module.out_channels * 9))
            assert float(module.weight.detach().std()) == pytest.approx(wanted, rel=0.05)
        elif isinstance(module, nn.Linear):
            assert float(module.weight.detach().std()) == pytest.approx(0.01, rel=0.05)
        if isinstance(module, nn.Conv2d | nn.Linear):
            assert not module.bias.any()


@pytest.mark.parametrize("size", [32, 48])
def test_preprocessed_pixels_are_less_the_mean_and_over_the_deviation(size):
    with torch.device("meta"):
        network = VGG(NetworkSettings(input_size=size, mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0)))
    pixels = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    batch = network.preprocessing.batch([Image.fromarray(image) for image in pixels])
    assert batch.shape == (2, 3, size, size)
    assert batch.dtype == torch.float32
    for image, place in ((0, (0, 0)), (1, (3, 5)), (1, (size - 1, 0))):
        red, green, blue = pixels[image][place] / 255
        wanted = [(red - 0.1) / 0.5, (green - 0.2) / 1.0, (blue - 0.3) / 2.0]
        assert batch[image, :, *place].tolist() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV"])
@pytest.mark.parametrize("size", [(1, 1), (20, 90), (64, 64), (301, 7)])
def test_images_of_any_mode_and_size_become_one_batch(mode, size):
    network = unfilled()
    grey = Image.new("RGB", size, (GREY, GREY, GREY))
    batch = network.preprocessing.batch([grey.quantize() if mode == "P" else grey.convert(mode), grey])
    assert batch.shape == (2, 3, 64, 64)
    mean, std = (torch.tensor(value).reshape(3, 1, 1) for value in (network.settings.mean, network.settings.std))
    wanted = ((GREY / 255 - mean) / std).expand(2, 3, 64, 64)
    torch.testing.assert_close(batch, wanted, rtol=0, atol=1.01 / 255 / min(network.settings.std))


def test_a_path_an_image_and_an_array_give_the_same_numbers(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "phone.png", exif=exif)
    with Image.open(tmp_path / "phone.png") as opened:
        upright = np.rot90(pixels, -1)
        batch = unfilled().preprocessing.batch(
            [tmp_path / "phone.png", str(tmp_path / "phone.png"), opened, upright, upright / 255]
        )
    for other in batch[1:]:
        assert torch.equal(other, batch[0])


@pytest.mark.parametrize(
    ("images", "told"),
    [([], "at least one picture"), (Image.new("RGB", (4, 4)), "put a single one into a list"), ("a.png", "a list")],
)
def test_what_is_no_list_of_pictures_is_refused(images, told):
    with pytest.raises(ShapeError, match=told):
        unfilled().preprocessing.batch(images)


def test_an_image_is_stretched_not_cut():
    wide = Image.new("RGB", (200, 20))
    wide.paste((255, 255, 255), (100, 0, 200, 20))
    batch = unfilled().preprocessing.batch([wide])
    assert bool((batch[..., :30] < 0).all())
    assert bool((batch[..., 34:] > 0).all())


def test_bounds_are_what_black_and_white_become():
    network = unfilled()
    black, white = network.preprocessing.batch([Image.new("RGB", (9, 9), colour) for colour in ("black", "white")])
    low, high = network.bounds
    assert low.shape == high.shape == (1, 3, 1, 1)
    torch.testing.assert_close(low.expand(1, 3, 64, 64)[0], black)
    torch.testing.assert_close(high.expand(1, 3, 64, 64)[0], white)


def test_a_class_without_a_name_is_called_by_its_number(monkeypatch):
    with torch.device("meta"):
        network = VGG(NetworkSettings(), {"class_names": {"en": ["Stop"], "de": ["Halt", "Vorfahrt"]}})
    assert network.class_name(0) == "Stop"
    assert network.class_name(0, "de") == "Halt"
    assert network.class_name(1, "de") == "Vorfahrt"
    assert network.class_name(1) == "class 1"
    assert network.class_name(2, "de") == "Klasse 2"
    assert unfilled().class_name(42) == "class 42"
    monkeypatch.setenv("XAISIGNS_LANG", "de")
    assert network.class_name(0) == "Halt"
    assert network.class_name(0, "en") == "Stop"
    with pytest.raises(LanguageError, match=r"must be de or en.*, got 'qq'"):
        network.class_name(0, "qq")
