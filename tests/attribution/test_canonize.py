"""The canonized copy: the same outputs, folded, in no way tied to the caller's module."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.models import alexnet, vgg11_bn

import xaisigns as xs
from tests.attribution.oracle import peak
from tests.conftest import settled
from xaisigns.attribution.network import changes_of, leaves
from xaisigns.errors import RuleError
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.vgg import VGG, initialise


def test_folding_keeps_the_logits(tiny_vgg):
    x = torch.randn(8, 3, 12, 12, dtype=torch.float64)
    wanted = tiny_vgg(x)
    torch.testing.assert_close(xs.canonize(tiny_vgg)(x), wanted, rtol=0, atol=1e-13 * peak(wanted))


def test_folding_keeps_the_logits_of_the_default_network_in_float32():
    torch.manual_seed(0)
    network = VGG(NetworkSettings(input_size=32))
    initialise(network)
    settled(network)
    x = torch.randn(4, 3, 32, 32)
    wanted = network(x)
    torch.testing.assert_close(xs.canonize(network)(x), wanted, rtol=0, atol=1e-5 * peak(wanted))


def test_no_batchnorm_and_nothing_in_place_is_left(tiny_vgg):
    layers = leaves(xs.canonize(tiny_vgg))
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in layers.values())
    assert not any(getattr(layer, "inplace", False) for layer in layers.values())


def test_layers_keep_their_names():
    with torch.device("meta"):
        network = VGG(NetworkSettings(head="torchvision", architecture="vgg11"))
    ours = [name for name in leaves(xs.canonize(network)) if name != "flatten"]
    assert ours == [name for name, layer in network.named_modules() if not list(layer.children())]


@pytest.mark.parametrize("build", [alexnet, vgg11_bn])
def test_torchvisions_networks_are_taken(build):
    torch.manual_seed(0)
    network = settled(
        build(weights=None, num_classes=5, init_weights=False) if build is vgg11_bn else build(num_classes=5)
    )
    x = torch.randn(1, 3, 64, 64)
    wanted = network(x)
    torch.testing.assert_close(xs.canonize(network)(x), wanted, rtol=0, atol=1e-5 * peak(wanted))


def test_the_callers_module_is_not_touched(tiny_vgg):
    seen = []
    tiny_vgg[0].register_forward_hook(lambda *_: seen.append(1))
    tiny_vgg.train()
    before, weights = copy.deepcopy(tiny_vgg.state_dict()), [p.data_ptr() for p in tiny_vgg.parameters()]
    canonized = xs.canonize(tiny_vgg)
    canonized(torch.randn(1, 3, 12, 12, dtype=torch.float64))
    with torch.no_grad():
        for weight in canonized.parameters():
            weight.add_(1)
    torch.testing.assert_close(tiny_vgg.state_dict(), before, rtol=0, atol=0)
    assert [p.data_ptr() for p in tiny_vgg.parameters()] == weights
    assert all(p.requires_grad for p in tiny_vgg.parameters())
    assert tiny_vgg.training
    assert tiny_vgg[2].inplace
    assert len(tiny_vgg[0]._forward_hooks) == 1
    assert seen == []


def test_a_layer_used_twice_becomes_two():
    shared = nn.Linear(4, 4)
    layers = leaves(xs.canonize(nn.Sequential(shared, nn.ReLU(), shared)))
    assert layers["0"] is not layers["2"]


def test_changes_are_told():
    shared = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.BatchNorm2d(4), nn.ReLU()
    assert changes_of(xs.canonize(nn.Sequential(*shared))) == {
        "1": ("folded", "0"),
        "2": ("out_of_place", None),
        "3": ("made_affine", None),
    }
    network = VGG(NetworkSettings(architecture="vgg11"))
    assert changes_of(xs.canonize(network))["flatten"] == ("made_layer", None)


class _Other(nn.Module):
    def forward(self, x):
        return x**2


class _Looking(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softmax(1)), "'1' of type Softmax: no rule is known for it"),
        (nn.Sequential(nn.Sequential(_Other())), r"'pow' in '0\.0' \(test_canonize.py, line \d+\): no rule is known"),
        (_Other(), r"'pow' \(test_canonize.py, line"),
        (nn.Sequential(nn.GLU(), nn.LSTM(2, 2)), "'0' of type GLU, '1' of type LSTM: no rule"),
        (
            nn.Sequential(_Looking()),
            r"layer '0' of type _Looking cannot be taken apart into layers \(test_canonize.py,",
        ),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)),
            "'1' keeps no running statistics",
        ),
    ],
)
def test_what_cannot_be_taken_is_refused_by_name(network, message):
    with pytest.raises(RuleError, match=message):
        xs.canonize(network)


class _Answering(nn.Module):
    """Gives its logits in something."""

    def __init__(self, put):
        super().__init__()
        self.first, self.head, self.put = nn.Conv2d(3, 4, 3), nn.Linear(4, 3), put

    def forward(self, images):
        return self.put(self.head(self.first(images).mean((2, 3))))


class _Taking(nn.Module):
    """Takes the logits out, as the error tells."""

    def __init__(self, model, key):
        super().__init__()
        self.model, self.key = model, key

    def forward(self, images):
        return self.model(images)[self.key]


@pytest.mark.parametrize(("put", "key"), [(lambda x: (x, x + 1), 0), (lambda x: {"logits": x}, "logits")])
def test_logits_in_something_are_refused_and_explained_once_they_are_taken_out(put, key, generator):
    model, images = _Answering(put).eval(), torch.randn(2, 3, 8, 8, generator=generator)
    with pytest.raises(RuleError, match=r"nothing around it; .* such as return self\.model\(images\)\[0\]"):
        xs.canonize(model)
    assert torch.equal(xs.canonize(_Taking(model, key).eval())(images), model(images)[key])


class Aliased(nn.Module):
    """Changes in place what a layer or function passed on; what it was given is used again."""

    def __init__(self, passes_on):
        super().__init__()
        self.first, self.passes_on, self.head = nn.Conv2d(3, 4, 3), passes_on, nn.Linear(4, 3)

    def forward(self, images):
        given = self.first(images)
        passed = self.passes_on(self.passes_on(given))
        changed = functional.relu_(passed)
        changed *= 2
        return self.head((given + 3 * passed + 5 * changed).mean((2, 3)))


@pytest.mark.parametrize(
    "passes_on",
    [
        nn.Identity(),
        nn.Dropout(),
        lambda x: functional.dropout(x, 0.5, training=False),
        lambda x: x.contiguous(),
        lambda x: x.double(),
        lambda x: x.clone(),
        lambda x: x + 0,
        lambda x: x.to(torch.float64, copy=True),
        nn.ReLU(inplace=True),
        nn.ReLU(),
    ],
)
def test_what_is_changed_in_place_is_changed_wherever_it_was_passed_on(passes_on, generator):
    torch.manual_seed(0)
    network = Aliased(passes_on).double().eval()
    images = torch.randn(2, 3, 8, 8, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(xs.canonize(network)(images), network(images), rtol=0, atol=1e-12)
