"""What a forward does is recorded without touching the module or the process, or refused with name and line."""

import copy
import threading

import pytest
import torch
from torch import fx, nn
from torchvision.models import VisionTransformer, swin_t

import xaisigns as xs
from tests.attribution.oracle import peak
from tests.conftest import settled
from xaisigns.attribution.recording import layer_kind, place_of, record
from xaisigns.errors import RuleError


class Block(nn.Module):
    """A skip connection with one ReLU that is used twice."""

    def __init__(self, width=4):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.relu(self.norm(self.conv(x)))
        out += x
        return self.relu(out)


def skipping():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3), Block(), Block(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    return settled(nn.Sequential(*layers)).double()


def told(recorded):
    return [f"{node.op} {node.target}" for node in recorded.graph.nodes if node.op == "call_module"]


@pytest.fixture
def x():
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_each_call_has_its_own_name_and_the_callers_layer():
    network = skipping()
    recorded = record(network)
    names = ["0", "1.conv", "1.norm", "1.relu", "1.relu_1", "2.conv", "2.norm", "2.relu", "2.relu_1", "3", "4", "5"]
    assert list(recorded.layers) == names
    assert recorded.layers["1.relu_1"] is network[1].relu
    assert [name for name, layer in recorded.layers.items() if dict(network.named_modules()).get(name) is layer] == [
        name for name in names if not name.endswith("_1")
    ]


def test_a_module_reached_by_two_names_is_named_as_it_is_called(x):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Conv2d(3, 3, 3, padding=1)
            self.other = self.one

        def forward(self, x):
            return self.other(self.one(self.other(x)))

    network = Twice().double()
    assert list(record(network).layers) == ["other", "one", "other_1"]
    wanted = network(x)
    torch.testing.assert_close(xs.canonize(network)(x), wanted, rtol=0, atol=1e-12 * peak(wanted))


def test_a_name_that_a_second_call_would_get_may_be_taken():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu, self.relu_1 = nn.ReLU(), nn.Tanh()

        def forward(self, x):
            return self.relu(self.relu_1(self.relu(x)))

    layers = record(Named()).layers
    assert [type(layer) for layer in layers.values()] == [nn.ReLU, nn.Tanh, nn.ReLU]
    assert len(set(layers)) == 3


def test_the_module_is_not_touched():
    network = skipping().train()
    seen = []
    for layer in network.modules():
        layer.register_forward_hook(lambda *_: seen.append("forward"))
        layer.register_forward_pre_hook(lambda *_: seen.append("before"))
    weights, attributes = copy.deepcopy(network.state_dict()), [dict(vars(layer)) for layer in network.modules()]
    record(network)
    assert seen == []
    assert all(layer.training for layer in network.modules())
    assert [dict(vars(layer)) for layer in network.modules()] == attributes
    torch.testing.assert_close(network.state_dict(), weights, rtol=0, atol=0)


def test_what_a_forward_changes_in_the_module_is_changed_in_the_twin():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))
            self.scale = nn.Parameter(torch.ones(3, 1, 1))
            self.last = None

        def forward(self, x):
            self.calls += 1
            self.last = x
            self.scale = nn.Parameter(self.scale * 2)
            return x * self.scale

    network = Counting()
    scale = network.scale
    record(network)
    assert network.calls == 0
    assert network.last is None
    assert network.scale is scale


def test_the_process_is_not_touched(x):
    before = nn.Module.__call__, nn.Module.__getattr__, torch.relu, torch.is_grad_enabled()
    record(skipping())
    with pytest.raises(RuleError):
        record(nn.Sequential(Looking()))
    assert (nn.Module.__call__, nn.Module.__getattr__, torch.relu, torch.is_grad_enabled()) == before


def test_another_thread_runs_a_network_meanwhile(x):
    """torch.fx's own tracer would put its symbols into that thread's network."""
    network, other = skipping(), skipping()
    wanted, running = other(x), threading.Event()
    results = []

    class Waiting(nn.Module):
        def forward(self, x):
            running.set()
            thread.join()
            return x + 1

    def run():
        running.wait(10)
        results.append(other(x))

    thread = threading.Thread(target=run)
    thread.start()
    record(nn.Sequential(network, Waiting()))
    assert torch.equal(results[0], wanted)


def test_constants_and_weights_of_a_forward_are_kept():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1))
            self.plain = torch.tensor(5.0)

        def forward(self, x):
            return x * self.scale + self.plain

    recorded = record(Scaled())
    assert [tuple(value.shape) for value in recorded.constants.values()] == [(3, 1, 1), ()]
    assert not any(value.requires_grad for value in recorded.constants.values())


@pytest.mark.parametrize("change", ["+=", "-=", "*=", "/="])
def test_what_changes_a_value_changes_it_for_whoever_else_has_it(change, x):
    class Changing(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, images):
            x = same = self.conv(images)
            place = {"x": x}
            exec(f"x {change} 2", {}, place)
            return same + place["x"]

    network = Changing().double()
    wanted = network(x)
    torch.testing.assert_close(xs.canonize(network)(x), wanted, rtol=0, atol=1e-12 * peak(wanted))


def test_a_size_that_grows_is_a_number(x):
    class Sized(nn.Module):
        def forward(self, x):
            channels = x.size(1)
            channels *= 8
            return x.view(x.size(0), channels, 8)

    assert xs.canonize(Sized())(x).shape == (2, 24, 8)


class OwnConvolution(nn.Conv2d):
    def forward(self, x):
        return super().forward(x) * 2


class Named(nn.Conv2d):
    """Nothing but a name of one's own."""


def test_a_subclass_with_a_forward_of_its_own_is_taken_apart(x):
    network = nn.Sequential(OwnConvolution(3, 4, 3), Named(4, 4, 3)).double()
    recorded = record(network)
    assert list(recorded.layers) == ["1"]
    wanted = network(x)
    torch.testing.assert_close(xs.canonize(network)(x), wanted, rtol=0, atol=1e-12 * peak(wanted))
    assert [layer_kind(layer) for layer in (network, network[0], network[1])] == [None, None, nn.Conv2d]


def test_a_place_is_told_with_name_and_line():
    class Squaring(nn.Module):
        def forward(self, x):
            return x**2

    recorded = record(nn.Sequential(nn.ReLU(), Squaring()))
    (node,) = (node for node in recorded.graph.nodes if node.op == "call_function")
    assert isinstance(node, fx.Node)
    line = Squaring.forward.__code__.co_firstlineno + 1
    assert place_of(node) == f"'pow' in '1' (test_recording.py, line {line})"


class Looking(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


class Looping(nn.Module):
    def forward(self, x):
        for _ in range(x.shape[2]):
            x = x + 1
        return x


class Constant(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Linear(2, 3)

    def forward(self, x):
        return x.flatten(1)[:, :3] + self.table(torch.ones(1, 2))


class Calling(nn.Module):
    def __call__(self, x):
        return x


class Failing(nn.Module):
    def forward(self, x):
        raise ValueError("the weights are\nnot there")


def with_own_forward():
    network = nn.Sequential(nn.ReLU())
    network[0].forward = lambda x: x
    return network


def in_itself():
    network = nn.Sequential(nn.ReLU())
    network.add_module("again", network)
    return network


TRANSFORMER = "relevance through attention needs rules of its own"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: nn.Sequential(Looking()),
            r"'0' of type Looking cannot be taken apart into layers \(test_recording.py",
        ),
        (lambda: nn.Sequential(Looping()), r"'0' of type Looping .*must not depend on the values of images"),
        (lambda: nn.Sequential(Failing()), r"'0' of type Failing .*line \d+\): the weights are; what"),
        (lambda: nn.Sequential(Constant()), "layer '0.table' of type Linear is given no values of the images"),
        (lambda: nn.Sequential(Calling()), "layer '0' of type Calling: its class has a __call__ of its own"),
        (with_own_forward, "layer '0' of type ReLU: its forward was set on the instance"),
        (in_itself, "layer 'again' of type Sequential contains itself"),
        (lambda: nn.DataParallel(skipping()), "a module of type DataParallel: it wraps a network; explain .* module"),
        (lambda: torch.jit.trace(skipping().float(), torch.zeros(1, 3, 8, 8)), "it is traced or scripted"),
        (lambda: nn.Sequential(nn.MultiheadAttention(4, 2)), f"'0' of type MultiheadAttention: {TRANSFORMER}"),
        (lambda: nn.Sequential(nn.Transformer(4, 2, 1, 1, 4)), f"'0' of type Transformer: {TRANSFORMER}"),
        (
            lambda: VisionTransformer(32, 16, 1, 2, 8, 8),
            f"a module of type VisionTransformer: {TRANSFORMER}.*so vision transformers cannot",
        ),
        (swin_t, f"of type SwinTransformer: {TRANSFORMER}"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit.trace")
@pytest.mark.filterwarnings("ignore:.*enable_nested_tensor")
def test_what_cannot_be_recorded_is_refused_by_name_and_line(build, message):
    with pytest.raises(RuleError, match=message):
        record(build())
