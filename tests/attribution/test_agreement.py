"""What is explained is what the model says, or it is refused: hooks, code of one's own, NaN, the caller's torch."""

import contextlib

import pytest
import torch
from torch import nn
from torchvision.models import vgg11

import xaisigns as xs
from tests.attribution.agreement import ANOTHER, explained_as_said, network, refused
from xaisigns.attribution.methods import find_method
from xaisigns.errors import ModelError, RuleError

METHODS = ("lrp:epsilon_plus", "saliency", "gradcam", "occlusion:window=4", "deep_lift")


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


def test_code_around_the_layers_is_refused(images):
    refused(_Flipping(*network()), images, "its class has a __call__ of its own")


class _Backwards(nn.Sequential):
    def __iter__(self):
        return reversed(list(self._modules.values()))


def test_a_container_that_runs_its_layers_in_its_own_order_is_followed(images):
    net = nn.Sequential(_Backwards(nn.ReLU(), nn.Conv2d(3, 3, 1)), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    explained_as_said(net, images)


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
