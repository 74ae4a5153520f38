"""What is explained is what the model says, or it is refused: hooks, code of one's own, NaN, the caller's torch."""

import contextlib
import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm
from torchvision.models import vgg11

import xaisigns as xs
from tests.attribution.oracle import peak
from xaisigns.attribution.methods import find_method
from xaisigns.errors import ModelError, RuleError, ShapeError

METHODS = ("lrp:epsilon_plus", "saliency", "gradcam", "occlusion:window=4", "deep_lift")
ANOTHER = "gives other outputs than its layers do"


def network():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5)
    return nn.Sequential(*layers).eval()


@pytest.fixture
def images(generator):
    return torch.randn(2, 3, 16, 16, generator=generator)


def refused(net, images, match=ANOTHER, error=RuleError):
    for explain in (
        lambda: xs.LRP(net, "epsilon_plus"),
        lambda: xs.attribute(net, images, 1, method="lrp:epsilon_plus"),
        lambda: xs.attribute(net, images, 1, method="saliency"),
    ):
        with pytest.raises(error, match=match):
            explain()


def explained_as_said(net, images):
    for method in ("lrp:epsilon_plus", "saliency"):
        result = xs.attribute(net, images, 1, method=method)
        said = net(images).detach()
        torch.testing.assert_close(result.logits, said, rtol=0, atol=1e-5 * peak(said))
    leaf = images.clone().requires_grad_()
    gradient = torch.autograd.grad(net(leaf)[:, 1].sum(), leaf)[0]
    torch.testing.assert_close(result.relevance, gradient.abs(), rtol=0, atol=1e-5 * peak(gradient))


MAKERS = {
    "weight_norm": (weight_norm, "weight_g"),
    "spectral_norm": (spectral_norm, "weight_orig"),
    "pruned": (lambda layer: prune.l1_unstructured(layer, "weight", 0.5), "weight_orig"),
    "parametrized weight_norm": (parametrizations.weight_norm, "parametrizations.weight.original0"),
    "parametrized spectral_norm": (parametrizations.spectral_norm, "parametrizations.weight.original"),
    "orthogonal": (lambda layer: parametrizations.orthogonal(layer.to(torch.float32)), None),
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("asked_before", [False, True])
@pytest.mark.parametrize("place", [0, 4])
def test_weights_made_at_every_call_are_those_of_the_next_call(name, asked_before, place, images):
    make, original = MAKERS[name]
    net = network()
    make(net[place])
    net.eval()
    if asked_before:
        net(images)
    if original:
        with torch.no_grad():  # a training step, or load_state_dict, since the last prediction
            net[place].get_parameter(original).mul_(3.0)
    before = copy.deepcopy(net.state_dict())
    explained_as_said(net, images)
    torch.testing.assert_close(net.state_dict(), before, rtol=0, atol=0)


def test_explaining_a_network_in_training_leaves_what_spectral_norm_has_estimated(images):
    net = network()
    parametrizations.spectral_norm(net[0])
    net.train()
    before = copy.deepcopy(net.state_dict())
    xs.attribute(net, images, 1, method="lrp:epsilon_plus")
    torch.testing.assert_close(net.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize("layer", [0, 1, 4])
@pytest.mark.parametrize("training", [False, True])
def test_a_hook_that_changes_inputs_or_outputs_is_refused(layer, training, images):
    for register, hook in (
        ("register_forward_pre_hook", lambda _, given: (given[0] + 0.5,)),
        ("register_forward_hook", lambda _, __, output: output * 1.5 + 0.1),
    ):
        net = network().train(training)
        getattr(net[layer], register)(hook)
        refused(net, images)


def test_a_hook_on_the_whole_network_is_refused(images):
    net = network()
    net.register_forward_hook(lambda _, __, logits: logits[:, [4, 3, 2, 1, 0]])
    refused(net, images)


def test_a_hook_that_changes_weights_is_refused(images):
    net = network()

    def standardised(layer, _):
        layer.weight.data = torch.randn(layer.weight.shape)

    net[0].register_forward_pre_hook(standardised)
    refused(net, images)


def test_a_hook_on_all_modules_is_refused(images):
    """It would change the copy in the same way, and what rules see of each layer."""
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        refused(network(), images, "a hook on all modules")
    finally:
        handle.remove()
    explained_as_said(network(), images)


def test_a_hook_that_only_looks_is_no_hindrance(images):
    net, seen = network(), []
    net[1].register_forward_hook(lambda _, __, output: seen.append(output.shape))
    explained_as_said(net, images)
    assert seen


def test_a_hook_that_comes_later_is_found_by_the_next_call(images):
    net = network()
    explain = find_method("saliency").prepared(net)
    explain(images, 1)
    net[1].register_forward_hook(lambda _, __, output: output + 1)
    with pytest.raises(RuleError, match=ANOTHER):
        explain(images, 1)


def test_a_model_that_was_trained_on_is_found_by_the_next_call(images):
    net = network()
    explain = find_method("lrp:epsilon_plus").prepared(net)
    with torch.no_grad():
        net[4].weight.mul_(2)
    with pytest.raises(RuleError, match="or the model was changed since"):
        explain(images, 1)


def test_a_forward_set_on_the_instance_is_refused(images):
    net = vgg11(num_classes=5).eval()
    plain = net.forward
    net.forward = lambda x: plain(x.flip(1))
    refused(net, images, "of type VGG: its forward was set on the instance")
    inner = network()
    inner[1].forward = torch.tanh
    refused(inner, images, "'1' of type ReLU: its forward was set on the instance")


class _Flipping(nn.Sequential):
    def __call__(self, x):
        return super().__call__(x.flip(1))


class _Backwards(nn.Sequential):
    def __iter__(self):
        return reversed(list(self._modules.values()))


def test_code_around_the_layers_is_refused(images):
    refused(_Flipping(*network()), images, "its class has a __call__ of its own")
    net = nn.Sequential(_Backwards(nn.Conv2d(3, 3, 1), nn.ReLU()), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    refused(net, images)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*is deprecated")
def test_traced_scripted_and_wrapped_networks_are_refused_by_name(images):
    for net, reason in (
        (torch.jit.trace(network(), images), "it is traced or scripted"),
        (torch.jit.script(network()), "it is traced or scripted"),
        (torch.compile(network()), "it wraps a network; explain that, its attribute _orig_mod"),
        (nn.DataParallel(network()), "it wraps a network; explain that, its attribute module"),
    ):
        refused(net, images, reason)
        with pytest.raises(RuleError, match=reason):
            xs.canonize(net)


def test_a_maximum_that_returns_indices_is_refused():
    with pytest.raises(RuleError, match="'0' of type MaxPool2d: it also returns indices"):
        xs.canonize(nn.Sequential(nn.MaxPool2d(2, return_indices=True)))


def test_a_network_that_gives_nan_is_refused(images):
    net = network()
    with torch.no_grad():
        net[4].bias[3] = torch.nan
    refused(net, images, "the model gives NaN or infinity for 2 of 2 images", ModelError)


def test_images_that_give_nan_are_refused(images):
    images[1, 0, 0, 0] = torch.nan
    for explain in (
        lambda: xs.attribute(network(), images, 1, method="saliency"),
        lambda: xs.LRP(network(), "epsilon_plus").attribute(images, 1),
    ):
        with pytest.raises(ModelError, match="gives NaN or infinity for 1 of 2 images"):
            explain()


@pytest.mark.filterwarnings("ignore:Complex modules")
def test_weights_of_two_types_or_on_no_device_are_refused(images):
    mixed = network()
    mixed[4].double()
    refused(mixed, images, "all weights must be of one dtype")
    refused(network().to("meta"), images, "weights are on no device", ModelError)
    refused(network().to(torch.complex64), images, "must be a dense tensor of floats, they are torch.complex64")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "state",
    [
        lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        lambda: _default_dtype(torch.float64),
        lambda: torch.device("meta"),
        lambda: _deterministic(),
        torch.inference_mode,
        torch.no_grad,
        lambda: torch.set_grad_enabled(False),
    ],
    ids=["autocast", "float64", "meta", "deterministic", "inference", "no_grad", "grad mode"],
)
def test_the_callers_torch_state_does_not_leak_in(method, state, images):
    net = network()
    wanted = xs.attribute(net, images, 1, method=method)
    with state():
        found = xs.attribute(net, images, 1, method=method)
    assert torch.equal(found.relevance, wanted.relevance)
    assert torch.equal(found.logits, wanted.logits)
    assert found.relevance.dtype == torch.float32


@contextlib.contextmanager
def _default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        assert torch.get_default_dtype() == dtype
        torch.set_default_dtype(before)


@contextlib.contextmanager
def _deterministic():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        assert torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(False)


IMAGES = {
    "no tensor": (lambda x: x.numpy(), "images must be a tensor"),
    "uint8": (lambda x: x.byte(), "of floats, at least one; got"),
    "one image": (lambda x: x[0], r"images must be \(N, C, H, W\)"),
    "none": (lambda x: x[:0], "at least one; got"),
    "float64": (lambda x: x.double(), "images must be torch.float32 on cpu as the model is, got torch.float64"),
    "another device": (lambda x: x.to("meta"), "images must be torch.float32 on cpu .* got torch.float32 on meta"),
    "one channel": (lambda x: x[:, :1], r"does not take images \(2, 1, 16, 16\): layer '0' of type Conv2d says"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_images_that_do_not_fit_are_refused_at_every_entrance(name, images):
    change, message = IMAGES[name]
    net = network()
    lrp = xs.LRP(net, "epsilon_plus")
    for explain in (
        lambda x: lrp.attribute(x, 1),
        lambda x: lrp.ledger(x, 1),
        lambda x: xs.attribute(net, x, 1, method="saliency"),
        lambda x: xs.attribute(net, x, 1, method="uniform"),
    ):
        with pytest.raises(ShapeError, match=message):
            explain(change(images))


def test_images_that_are_too_small_are_refused():
    with pytest.raises(ShapeError, match=r"'features\.\d+' of type MaxPool2d says"):
        xs.attribute(xs.load_model("stickered"), torch.zeros(1, 3, 5, 5))


@pytest.mark.parametrize("target", [True, 2**70, "stop", None, 1.5, torch.tensor([True, False]), torch.ones(1) * 1j])
def test_a_target_that_is_no_class_is_refused(target, images):
    with pytest.raises(ShapeError, match="target must be a class id"):
        xs.LRP(network(), "epsilon_plus").attribute(images, target)


def test_a_target_follows_the_images_device(images):
    """Told by a device that computes nothing: numbers would need a real one."""
    from xaisigns.attribution.lrp import class_ids

    assert class_ids(2, 4, "target", torch.device("meta")).device.type == "meta"
    assert class_ids(torch.tensor([1, 2]), 2, "target", torch.device("meta")).device.type == "meta"


def test_numbers_of_numpy_are_class_ids(images):
    import numpy as np

    ours = [xs.attribute(network(), images, target, method="saliency").target for target in (np.int64(2), [2, 2])]
    assert torch.equal(*ours)
