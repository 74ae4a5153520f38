"""Each rule on each layer against Zennit, and what a rule keeps."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import xaisigns as xs
from tests.attribution.networks import BOUNDS, pixels, vggs
from tests.attribution.oracle import by_layer, peak, zennit_relevance
from xaisigns.errors import RuleError

BIASES = st.sampled_from(["absorb", "ignore"])
STABILIZERS = st.sampled_from([1e-6, 1e-3])
CHOICES = st.one_of(
    st.builds(lambda e, b: xs.Rule("epsilon", {"epsilon": e, "bias": b}), st.sampled_from([1e-6, 1e-2]), BIASES),
    st.builds(lambda g, b: xs.Rule("gamma", {"gamma": g, "bias": b}), st.sampled_from([0.0, 0.1, 0.5, 3.0]), BIASES),
    st.builds(
        lambda beta, b: xs.Rule("alpha_beta", {"alpha": 1 + beta, "beta": beta, "bias": b}),
        st.sampled_from([0.0, 0.5, 1.0]),
        BIASES,
    ),
    st.builds(
        lambda name, s, b: xs.Rule(name, {"stabilizer": s, "bias": b}),
        st.sampled_from(["z_plus", "w_square"]),
        STABILIZERS,
        BIASES,
    ),
    st.builds(lambda name, s: xs.Rule(name, {"stabilizer": s}), st.sampled_from(["flat", "norm"]), STABILIZERS),
)


@given(network=vggs(), seed=st.integers(0, 1000), data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_rule_on_any_layer_is_zennits(network, seed, data):
    x = pixels(2, 16, torch.Generator().manual_seed(seed))
    weighted = [name for name, layer in network.named_children() if isinstance(layer, nn.Conv2d | nn.Linear)]
    choices = {name: data.draw(CHOICES) for name in weighted}
    if data.draw(st.booleans()):
        choices[weighted[0]] = xs.Rule("z_box")
    ours = xs.lrp(network, x, 1, composite="epsilon", rules=choices, bounds=BOUNDS)
    wanted = zennit_relevance(xs.canonize(network), x, 1, by_layer(choices, BOUNDS), BOUNDS)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-9 * peak(wanted))


@pytest.mark.parametrize("rule", ["z_box", "flat", "w_square", "alpha_beta", "gamma"])
@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(3, 6, 3, groups=3),
        nn.Conv2d(3, 4, 3, padding="same", dilation=2),
        nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),
    ],
    ids=["groups", "same", "reflect"],
)
def test_odd_convolutions_are_zennits(layer, rule, generator):
    network = nn.Sequential(copy.deepcopy(layer), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
    x = pixels(2, 9, generator)
    ours = xs.lrp(network, x, 1, composite="epsilon", rules={"0": rule}, bounds=BOUNDS)
    wanted = zennit_relevance(xs.canonize(network), x, 1, by_layer({"0": xs.Rule(rule)}, BOUNDS), BOUNDS)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-9 * peak(wanted))


def test_gamma_tends_to_z_plus(tiny_vgg, generator):
    x = pixels(2, 12, generator)
    large = xs.lrp(tiny_vgg, x, 1, composite="epsilon_plus_flat", rules={"4": xs.Rule("gamma", {"gamma": 1e9})})
    wanted = xs.lrp(tiny_vgg, x, 1, composite="epsilon_plus_flat")
    torch.testing.assert_close(large, wanted, rtol=0, atol=1e-6 * peak(wanted))


def held(explainer):
    """How many numbers an explainer keeps, each memory once."""
    tensors = list(explainer.network.parameters())
    for rule in explainer._rules:
        layers = [value for value in vars(rule).values() if isinstance(value, nn.Module)]
        tensors += [weight for layer in layers for weight in layer.parameters()]
    return sum({weight.data_ptr(): weight.numel() for weight in tensors}.values())


def test_only_weights_that_are_read_are_kept():
    model = xs.load_model("stickered")
    own = sum(weight.numel() for weight in model.parameters())
    # Behind a ReLU and before one, gamma reads one set of weights beside the network's own; epsilon and flat none.
    assert held(xs.LRP(model, bounds=model.bounds)) < 2.02 * own
    assert held(xs.LRP(model, "epsilon_plus_flat")) < 2.02 * own
    assert held(xs.LRP(model, "epsilon")) < 1.01 * own


def test_weights_that_a_parameter_takes_out_of_range_are_refused(tiny_vgg):
    with pytest.raises(RuleError, match="'gamma' does not fit layer '0': its parameters make weights that are not fin"):
        xs.LRP(tiny_vgg.half(), "epsilon", {"0": xs.Rule("gamma", {"gamma": 1e9})})
