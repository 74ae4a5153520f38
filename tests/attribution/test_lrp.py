"""LRP against Zennit, and that a call leaves nothing behind."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision.models import resnet18, resnet50
from zennit.composites import EpsilonPlus
from zennit.torchvision import ResNetCanonizer

import xaisigns as xs
from benchmarks.networks import built, images, measured
from tests.attribution.networks import BOUNDS, pixels, vggs
from tests.attribution.oracle import named, peak, zennit_pass, zennit_relevance
from tests.conftest import settled
from xaisigns.attribution.composites import COMPOSITES
from xaisigns.attribution.layers import Sum
from xaisigns.attribution.network import leaves
from xaisigns.data.gtsrb import GTSRB
from xaisigns.errors import RuleError, ShapeError

IGNORING = [f"{composite}:bias=ignore" for composite in COMPOSITES]


@pytest.mark.parametrize("composite", [*COMPOSITES, *IGNORING])
def test_composite_gives_zennits_relevance(composite, tiny_vgg, generator):
    x = pixels(4, 12, generator)
    ours = xs.lrp(tiny_vgg, x, 3, composite=composite, bounds=BOUNDS)
    wanted = zennit_relevance(xs.canonize(tiny_vgg), x, 3, composite, BOUNDS)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-9 * peak(wanted))


@pytest.mark.parametrize("composite", [*COMPOSITES, *IGNORING])
@given(network=vggs(), seed=st.integers(0, 1000))
@settings(max_examples=12, deadline=None)
def test_random_networks_give_zennits_relevance(composite, network, seed):
    x = pixels(2, 16, torch.Generator().manual_seed(seed))
    target = network(x).argmax(dim=1)
    ours = xs.lrp(network, x, target, composite=composite, bounds=BOUNDS)
    wanted = zennit_relevance(xs.canonize(network), x, target, composite, BOUNDS)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-9 * peak(wanted))


@pytest.mark.parametrize(
    ("composite", "dtype", "tolerance"),
    [
        *((composite, torch.float64, 1e-9) for composite in (*COMPOSITES, *IGNORING)),
        # Uniform epsilon divides by sums near zero down to the pixels: Zennit's own float32 is 3e-5 off its float64.
        *((composite, torch.float32, 1e-5) for composite in COMPOSITES if composite != "epsilon"),
    ],
)
def test_the_shipped_model_gives_zennits_relevance_on_noise(composite, dtype, tolerance, generator):
    model = xs.load_model("stickered").to(dtype)
    x = torch.randn(2, 3, 64, 64, generator=generator, dtype=dtype).clamp(*(b.to(dtype) for b in model.bounds))
    ours = xs.lrp(model, x, torch.tensor([4, 2]), composite=composite, bounds=model.bounds)
    wanted = zennit_relevance(xs.canonize(model), x, torch.tensor([4, 2]), composite, model.bounds)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=tolerance * peak(wanted))


@pytest.mark.parametrize("composite", COMPOSITES)
@pytest.mark.parametrize("name", ["clean", "stickered"])
def test_the_shipped_models_give_zennits_relevance_on_real_images(composite, name, real_gtsrb):
    model = xs.load_model(name)
    data = GTSRB(real_gtsrb, "test")
    pixels_of_images = model.preprocess([data[index].image for index in range(0, len(data), 40)]).double()
    # One memory order for both: where pixels are saturated, max pooling chooses between equals by the last bit.
    x = pixels_of_images.contiguous()
    model = model.double()
    target = model(x).argmax(dim=1)
    ours = xs.lrp(model, x, target, composite=composite, bounds=model.bounds)
    wanted = zennit_relevance(xs.canonize(model), x, target, composite, model.bounds)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-9 * peak(wanted))


def resnet(build, steps=0):
    """In float64, with random weights or trained a little, and without the eps of BatchNorm.

    Zennit's canonizer leaves that in what it merges, which changes the logits.
    """
    torch.manual_seed(0)
    network = settled(build(num_classes=7)).train()
    optimiser = torch.optim.SGD(network.parameters(), 0.02, momentum=0.9)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        labels = torch.randint(7, (8,), generator=generator)
        images = pixels(8, 64, generator, torch.float32) + labels[:, None, None, None] / 7
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(images), labels).backward()
        optimiser.step()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = 0.0
    return network.double().eval()


@pytest.fixture(scope="module")
def resnets():
    return {"18": resnet(resnet18), "50": resnet(resnet50), "18, trained": resnet(resnet18, steps=8)}


@pytest.mark.parametrize("composite", COMPOSITES)
@pytest.mark.parametrize("which", ["18", "50", "18, trained"])
def test_residual_networks_give_zennits_relevance_with_its_rule_for_sums(which, composite, resnets, generator):
    network = resnets[which]
    x = pixels(1, 32, generator)
    ours = xs.lrp(network, x, 3, composite=composite, rules={Sum: "norm"}, bounds=BOUNDS)
    theirs = named(composite, tuple(bound.double() for bound in BOUNDS), [ResNetCanonizer()])
    wanted = zennit_relevance(network, x, 3, theirs, BOUNDS)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-9 * peak(wanted))


@pytest.mark.parametrize(
    "name",
    [
        "squeezenet1_1",
        "resnet18",
        "densenet121",
        "googlenet",
        "mobilenet_v2",
        "mobilenet_v3_small",
        "mnasnet0_5",
        "shufflenet_v2_x0_5",
        "regnet_y_400mf",
        "efficientnet_b0",
        "convnext_tiny",
    ],
)
def test_torchvisions_architectures_keep_outputs_and_relevance(name):
    """The bars of docs/networks.md, which benchmarks/networks.py measures on all and on larger images."""
    told = measured(built(name, 64).double(), images(1, 64).double())
    assert told.outputs < 1e-9
    assert told.ledger < 1e-6
    assert told.largest < 100
    assert told.finite


def test_a_contrast_starts_with_both_logits(tiny_vgg, generator):
    x = pixels(3, 12, generator)
    target, against = torch.tensor([0, 1, 2]), torch.tensor([3, 3, 4])

    def start(logits):
        signs = torch.zeros_like(logits).scatter_(1, target[:, None], 1.0).scatter_(1, against[:, None], -1.0)
        return signs * logits

    ours = xs.lrp(tiny_vgg, x, target, against, composite="epsilon_plus")
    wanted = zennit_pass(xs.canonize(tiny_vgg), x, start, EpsilonPlus())
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-9 * peak(wanted))


def test_a_contrast_with_the_rest_starts_with_all_logits(tiny_vgg, generator):
    x, target = pixels(3, 12, generator), torch.tensor([0, 1, 2])

    def start(logits):
        return logits * torch.full_like(logits, -1 / 4).scatter_(1, target[:, None], 1.0)

    ours = xs.lrp(tiny_vgg, x, target, "rest", composite="epsilon_plus")
    wanted = zennit_pass(xs.canonize(tiny_vgg), x, start, EpsilonPlus())
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-9 * peak(wanted))
    with pytest.raises(ShapeError, match=r"against must be 'rest', a class id or \(3,\) of them, got 'others'"):
        xs.lrp(tiny_vgg, x, target, "others", composite="epsilon_plus")


def test_the_ledger_follows_the_relevance(tiny_vgg, generator):
    x = pixels(3, 12, generator)
    explainer = xs.LRP(tiny_vgg, "epsilon_plus", bounds=BOUNDS)
    ledger = explainer.ledger(x, 2)
    logits = tiny_vgg(x).detach()[:, 2]
    assert [entry.assignment for entry in ledger] == explainer.assignments[::-1]
    torch.testing.assert_close(ledger[0].received, logits)
    torch.testing.assert_close(ledger[-1].passed, explainer.attribute(x, 2).sum(dim=(1, 2, 3)))
    for above, below in pairwise(ledger):
        torch.testing.assert_close(below.received, above.passed)
    for entry in ledger:
        told = entry.passed + entry.bias + entry.stabilizer
        torch.testing.assert_close(told, entry.received, rtol=0, atol=1e-12 * peak(logits))
        if entry.assignment.type in ("ReLU", "MaxPool2d", "Flatten", "Identity", "Dropout"):
            torch.testing.assert_close(entry.passed, entry.received)
    # Epsilon: what the bias had in the logit is absorbed.
    bias = tiny_vgg[12].bias[2].detach()
    torch.testing.assert_close(ledger[0].received - ledger[0].passed, bias.expand(3), rtol=1e-3, atol=1e-5)
    assert all(rule.record is None for rule in explainer._rules)


def test_without_bias_the_relevance_sums_to_the_logit(generator):
    torch.manual_seed(1)
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 9, bias=False), nn.ReLU(), nn.Linear(9, 3, bias=False)).double()
    x = torch.randn(5, 3, 4, 4, generator=generator, dtype=torch.float64)
    relevance = xs.lrp(network, x, 1, composite="epsilon_plus_flat", rules={"1": "epsilon"})
    torch.testing.assert_close(relevance.sum(dim=(1, 2, 3)), network(x)[:, 1].detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("composite", COMPOSITES)
def test_where_biases_are_ignored_only_stabilisers_absorb(composite, tiny_vgg, generator):
    x = pixels(3, 12, generator)
    ledger = xs.LRP(tiny_vgg, f"{composite}:bias=ignore", bounds=BOUNDS).ledger(x, 2)
    largest = max(peak(entry.received) for entry in ledger)
    assert max(peak(entry.bias) for entry in ledger) < 1e-12 * largest
    reached = ledger[-1].passed + sum(entry.stabilizer for entry in ledger)
    torch.testing.assert_close(reached, tiny_vgg(x).detach()[:, 2], rtol=0, atol=1e-12 * largest)
    assert max(peak(entry.bias) for entry in xs.LRP(tiny_vgg, composite, bounds=BOUNDS).ledger(x, 2)) > 1e-3


@pytest.mark.parametrize("norm", [nn.GroupNorm(2, 6), nn.LayerNorm([6, 10, 10]), nn.InstanceNorm2d(6, affine=True)])
def test_what_a_normalisation_adds_is_ignored_like_a_bias(norm, generator):
    torch.manual_seed(3)
    with torch.no_grad():
        for weight in norm.parameters():
            weight.uniform_(0.5, 1.5)
    network = nn.Sequential(nn.Conv2d(3, 6, 3), norm, nn.ReLU(), nn.Flatten(), nn.Linear(600, 3)).double()
    x = pixels(2, 12, generator)
    entries = xs.LRP(network, "epsilon:bias=ignore").ledger(x, 1)
    assert max(peak(entry.bias) for entry in entries) < 1e-12
    (entry,) = (entry for entry in entries if entry.assignment.layer == "1")
    torch.testing.assert_close(entry.passed + entry.stabilizer, entry.received)


def test_one_target_an_image(tiny_vgg, generator):
    x = pixels(3, 12, generator)
    explainer = xs.LRP(tiny_vgg, bounds=BOUNDS)
    together = explainer.attribute(x, torch.tensor([0, 4, 2]))
    alone = torch.cat([explainer.attribute(x[index : index + 1], target) for index, target in enumerate((0, 4, 2))])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12 * peak(alone))


def test_a_rule_by_name_overrides_the_composite(tiny_vgg, generator):
    x = pixels(2, 12, generator)
    plain = xs.lrp(tiny_vgg, x, 1, composite="epsilon_plus_flat")
    explainer = xs.LRP(tiny_vgg, "epsilon_plus_flat", {"4": xs.Rule("gamma", {"gamma": 0.1}), "0": "epsilon"})
    assert explainer.assignments[4].rule == xs.Rule("gamma", {"gamma": 0.1})
    assert not torch.allclose(explainer.attribute(x, 1), plain)


def test_calls_repeat_exactly(tiny_vgg, generator):
    """Captum 0.9 deletes the rules after a call and uses epsilon in the next."""
    x = pixels(2, 12, generator)
    explainer = xs.LRP(tiny_vgg, bounds=BOUNDS)
    first = explainer.attribute(x, 1)
    assert torch.equal(explainer.attribute(x, 1), first)


def test_nothing_of_the_callers_changes(tiny_vgg, generator):
    x = pixels(2, 12, generator)
    before, state = x.clone(), torch.get_rng_state()
    weights = {name: value.clone() for name, value in tiny_vgg.state_dict().items()}
    with torch.no_grad():
        xs.lrp(tiny_vgg, x, 1, bounds=BOUNDS)
        assert not torch.is_grad_enabled()
    assert torch.equal(x, before)
    assert not x.requires_grad
    assert x.grad is None
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, weights[name]) for name, value in tiny_vgg.state_dict().items())
    assert not any(hasattr(layer, "rule") or layer._forward_hooks for layer in tiny_vgg.modules())


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_after_an_error_in_the_backward_the_next_call_is_right(error, tiny_vgg, generator, monkeypatch):
    x = pixels(2, 12, generator)
    explainer = xs.LRP(tiny_vgg, bounds=BOUNDS)
    wanted = explainer.attribute(x, 1)

    def broken(*_):
        raise error("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(explainer._rules[4], "relevance", broken)
        with pytest.raises(error, match="in the middle"):
            explainer.attribute(x, 1)
    assert not x.requires_grad
    assert not any(layer._forward_hooks for layer in explainer.network.modules())
    assert torch.equal(explainer.attribute(x, 1), wanted)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_after_an_error_in_a_layers_forward_the_next_call_is_right(error, tiny_vgg, generator, monkeypatch):
    x = pixels(2, 12, generator)
    explainer = xs.LRP(tiny_vgg, bounds=BOUNDS)
    wanted, state = explainer.attribute(x, 1), torch.get_rng_state()

    def broken(*_):
        raise error("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(explainer.network.get_submodule("4"), "forward", broken)
        with pytest.raises(error, match="in the middle"):
            explainer.attribute(x, 1)
    assert not x.requires_grad
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(layer._forward_hooks for layer in explainer.network.modules())
    assert torch.equal(explainer.attribute(x, 1), wanted)


def test_a_thousand_calls_keep_nothing(tiny_vgg, generator):
    x = pixels(8, 12, generator)
    explainer = xs.LRP(tiny_vgg, bounds=BOUNDS)

    def tensors():
        gc.collect()
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    for _ in range(200):
        explainer.attribute(x, 1)
    before, bytes_before = tensors(), resident()
    for _ in range(800):
        explainer.attribute(x, 1)
    assert tensors() == before
    assert resident() - bytes_before < 4e6


def test_threads_share_an_explainer(tiny_vgg, generator):
    """Long enough passes, each of another class: without the lock they take each other's targets every time."""
    explainer = xs.LRP(tiny_vgg, bounds=BOUNDS)
    batches = [(pixels(256, 12, generator), target) for target in (0, 1, 2, 3) * 2]
    wanted = [explainer.attribute(*batch) for batch in batches]
    barrier = threading.Barrier(4, timeout=60)

    def explain(batch):
        barrier.wait()
        return explainer.attribute(*batch)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(explain, batches))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(results, wanted, strict=True))


class _Normalising(nn.Module):
    """A network that takes plain pixels; a negative factor swaps their bounds."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64).reshape(1, 3, 1, 1))

    def normalised(self, x):
        return (x - self.mean) / -0.5

    def forward(self, x):
        return self.network(self.normalised(x))


@pytest.mark.parametrize("composite", COMPOSITES)
def test_a_pixel_has_the_relevance_of_the_same_pixel_in_other_units(composite, tiny_vgg, generator):
    network, x = _Normalising(tiny_vgg), pixels(2, 12, generator)
    high, low = (network.normalised(bound.double()) for bound in BOUNDS)
    wanted = xs.lrp(tiny_vgg, network.normalised(x), 1, composite=composite, bounds=(low, high))
    found = xs.lrp(network, x, 1, composite=composite, bounds=BOUNDS)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12 * peak(wanted))


@pytest.mark.parametrize("composite", COMPOSITES)
def test_an_explainer_is_gone_with_its_last_user(composite, tiny_vgg, generator):
    # What measures coverage exchanges code when it first runs, and may hold on to a frame of then.
    xs.LRP(tiny_vgg, composite, bounds=BOUNDS).ledger(pixels(2, 12, generator), 1)
    gc.disable()
    try:
        explainer = xs.LRP(tiny_vgg, composite, bounds=BOUNDS)
        explainer.attribute(pixels(2, 12, generator), 1)
        explainer.ledger(pixels(2, 12, generator), 1)
        last = weakref.ref(explainer), weakref.ref(explainer.network.get_submodule("0"))
        del explainer
        assert [reference() for reference in last] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"composite": "no_such"}, "no composite 'no_such'; there are epsilon, epsilon_plus"),
        ({"rules": {"99": "epsilon"}}, "no layer '99'; there are 0, 1, 2"),
        ({"rules": {"0": "delta"}}, "no rule 'delta'; there are epsilon, gamma"),
        ({"rules": {"4": "z_box"}}, "rule 'z_box' does not fit layer '4': z_box is for pixels"),
        ({"rules": {"*": "pass"}}, "rule 'pass' does not fit layer '0': this rule needs a layer that gives each value"),
        ({"rules": {"3": "z_plus"}}, "rule 'z_plus' does not fit layer '3': this rule needs a layer with weights"),
        ({"rules": {"2": "z_plus"}}, "rule 'z_plus' does not fit layer '2': this rule needs a layer with weights"),
        (
            {"bounds": None},
            "rule 'z_box' does not fit layer '0': z_box needs bounds=.*, or another composite such as epsilon_plus",
        ),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(arguments, message, tiny_vgg):
    with pytest.raises(RuleError, match=message):
        xs.LRP(tiny_vgg, **{"bounds": BOUNDS, **arguments})


@pytest.mark.parametrize("target", [5, -1, torch.tensor([0, 1, 2]), torch.tensor([0.0, 1.0])])
def test_a_target_that_does_not_fit_is_refused(target, tiny_vgg, generator):
    with pytest.raises(ShapeError, match=r"target (and against )?must"):
        xs.lrp(tiny_vgg, pixels(2, 12, generator), target, bounds=BOUNDS)


@pytest.mark.parametrize("rule", ["flat", "w_square"])
def test_a_rule_that_uses_the_memory_of_its_output_leaves_the_logits(rule, tiny_vgg, generator):
    x = torch.randn(3, 3, 12, 12, generator=generator, dtype=torch.float64)
    last = list(leaves(xs.canonize(tiny_vgg)))[-1]
    explainer = xs.LRP(tiny_vgg, "epsilon_plus_flat", {last: rule})
    found, again = (explainer.propagate(x, 1, ledger=ledger) for ledger in (False, True))
    torch.testing.assert_close(found.logits, tiny_vgg(x).detach())
    torch.testing.assert_close(found.relevance, again.relevance)
    torch.testing.assert_close(again.ledger[0].received, found.logits[:, 1])


def test_without_a_target_a_pass_explains_what_it_predicts(tiny_vgg, generator):
    x = pixels(12, 12, generator)
    tiny_vgg[-1].bias.data -= tiny_vgg(x).mean(dim=0)
    predicted = tiny_vgg(x).argmax(dim=1)
    assert len(predicted.unique()) > 1
    lrp = xs.LRP(tiny_vgg, bounds=BOUNDS)
    found, wanted = lrp.propagate(x, None, "rest", ledger=True), lrp.propagate(x, predicted, "rest", ledger=True)
    assert torch.equal(found.relevance, wanted.relevance)
    for one, other in zip(found.ledger, wanted.ledger, strict=True):
        assert torch.equal(one.received, other.received)
    for explain in (lrp.attribute, lrp.ledger):
        with pytest.raises(ShapeError, match="target must be a class id or one for each image, got None"):
            explain(x, None)
