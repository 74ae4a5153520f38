"""Relevance on graphs: as a slow reference has it, finite, and all accounted for."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import xaisigns as xs
from tests.attribution.networks import BOUNDS, graphs, pixels
from tests.attribution.oracle import peak
from tests.attribution.slow_lrp import slow_relevance
from xaisigns.attribution.composites import COMPOSITES
from xaisigns.attribution.layer_rule import held_scale, modified_layer, stabilised
from xaisigns.attribution.layers import Affine, Gate, Sum
from xaisigns.attribution.rules import Epsilon, Magnitudes, Norm, Signal
from xaisigns.errors import RuleError


@given(network=graphs(), seed=st.integers(0, 1000))
@settings(max_examples=30)
def test_random_graphs_are_explained_as_the_formulas_say(network, seed):
    x = pixels(2, 16, torch.Generator().manual_seed(seed))
    ours = xs.lrp(network, x, 1, composite="epsilon")
    wanted = slow_relevance(xs.canonize(network), x, 1)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-9 * peak(wanted))


@pytest.mark.parametrize("composite", COMPOSITES)
@given(network=graphs(), seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_the_ledger_closes_at_every_node_and_as_a_whole(composite, network, seed):
    x = pixels(2, 16, torch.Generator().manual_seed(seed))
    logits = network(x).detach()
    told = xs.LRP(network, composite, bounds=BOUNDS).propagate(x, 1, ledger=True)
    torch.testing.assert_close(told.logits, logits, rtol=0, atol=1e-9 * peak(logits))
    assert told.relevance.isfinite().all()
    largest = max(peak(entry.received) for entry in told.ledger)
    for entry in told.ledger:
        parts = entry.passed + entry.bias + entry.stabilizer
        torch.testing.assert_close(parts, entry.received, rtol=0, atol=1e-9 * largest)
    absorbed = sum(entry.bias + entry.stabilizer for entry in told.ledger)
    torch.testing.assert_close(told.relevance.sum((1, 2, 3)) + absorbed, logits[:, 1], rtol=0, atol=1e-9 * largest)


def relevance_of(rule, inputs, r):
    return rule.shared_out(tuple(inputs), rule.layer(*inputs), r)


def test_magnitudes_share_a_sum_by_sizes_and_norm_by_values():
    inputs = torch.tensor([[3.0]]), torch.tensor([[-1.0]])
    r = torch.tensor([[8.0]])
    by_size = relevance_of(Magnitudes(Sum(), 0), inputs, r)
    by_value = relevance_of(Norm(Sum(), 0), inputs, r)
    assert [float(share) for share in by_size] == [6, 2]
    assert [float(share) for share in by_value] == [12, -4]  # of 2, which is 3 and -1
    difference = relevance_of(Norm(Sum((1, -1)), 0), inputs, r)
    assert [float(share) for share in difference] == [6, 2]


@given(seed=st.integers(0, 1000), count=st.integers(2, 4))
def test_no_summand_gets_more_than_there_is(seed, count):
    generator = torch.Generator().manual_seed(seed)
    inputs = [torch.randn(2, 3, 4, generator=generator, dtype=torch.float64) for _ in range(count)]
    r = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    shares = relevance_of(Magnitudes(Sum([1] * count)), inputs, r)
    assert all(bool((share.abs() <= r.abs()).all()) for share in shares)
    assert all(bool((share * r >= 0).all()) for share in shares)


@pytest.mark.parametrize("rule", [Magnitudes, Norm])
def test_a_summand_that_broadcasts_gets_all_of_its_shares(rule):
    inputs = torch.full((2, 3, 4, 4), 2.0), torch.full((2, 3, 1, 1), 2.0)
    shares = relevance_of(rule(Sum(), 0), inputs, torch.ones(2, 3, 4, 4))
    assert [tuple(share.shape) for share in shares] == [(2, 3, 4, 4), (2, 3, 1, 1)]
    torch.testing.assert_close(shares[0], torch.full((2, 3, 4, 4), 0.5))
    torch.testing.assert_close(shares[1], torch.full((2, 3, 1, 1), 8.0))


def test_a_gates_signal_gets_all():
    signal, gate = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 1, 1)
    r = torch.randn(2, 3, 4, 4)
    to_signal, to_gate = relevance_of(Signal(Gate()), (signal, gate), r)
    assert torch.equal(to_signal, r)
    assert to_gate is None


def test_an_affine_layer_shares_with_its_bias():
    """Of an output 2 * 3 + 4 = 10, the input has 6 parts in 10."""
    rule = Epsilon(Affine(torch.tensor([2.0]), torch.tensor([4.0]), per_channel=True), 0)
    (share,) = relevance_of(rule, (torch.full((1, 1, 1, 1), 3.0),), torch.full((1, 1, 1, 1), 5.0))
    assert float(share) == 3


@pytest.mark.parametrize(
    "norm",
    [
        nn.GroupNorm(2, 4),
        nn.GroupNorm(4, 4, affine=False),
        nn.LayerNorm((4, 5, 6)),
        nn.LayerNorm(6, elementwise_affine=False),
        nn.InstanceNorm2d(4, affine=True),
        nn.InstanceNorm2d(4),
    ],
)
def test_with_its_statistics_held_a_norm_is_a_scale_and_a_shift(norm):
    """Two images of the same statistics differ in the output by the scale times their difference."""
    x = torch.randn(2, 4, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    norm = norm.double()
    for weight in norm.parameters():
        nn.init.uniform_(weight, 0.5, 1.5)
    centred = norm(x) - norm(-x)  # the shift falls away, and the means are each other's negative
    mean = {nn.GroupNorm: lambda: x.reshape(2, norm.num_groups, -1).mean(2).repeat_interleave(4 // norm.num_groups, 1)}
    if isinstance(norm, nn.LayerNorm):
        middle = x.mean(tuple(range(-len(norm.normalized_shape), 0)), keepdim=True)
    elif isinstance(norm, nn.GroupNorm):
        middle = mean[nn.GroupNorm]()[..., None, None]
    else:
        middle = x.mean((2, 3), keepdim=True)
    torch.testing.assert_close(2 * held_scale(norm, x) * (x - middle), centred)


@pytest.mark.parametrize("value", [0.0, -0.0, 3.0, -3.0, 1e-9, -1e-9])
def test_a_stabiliser_moves_away_from_zero(value):
    moved = float(stabilised(torch.tensor(value, dtype=torch.float64), 0.5))
    assert moved == value + (0.5 if value >= 0 else -0.5)


def test_a_modified_layer_is_another():
    layer = nn.Conv2d(3, 4, 3)
    changed = modified_layer(layer, torch.zeros_like)
    assert torch.equal(changed.weight, torch.zeros(4, 3, 3, 3))
    assert not torch.equal(layer.weight, changed.weight)
    assert modified_layer(layer, torch.zeros_like, bias=False).bias is None
    with pytest.raises(RuleError, match="make weights that are not finite"):
        modified_layer(layer, lambda weights: weights / 0)


@pytest.mark.parametrize(
    ("rule", "layer", "message"),
    [
        (Magnitudes, Gate(), "this rule needs a sum, got Gate"),
        (Signal, Sum(), "this rule needs a gate, got Sum"),
        (Norm, Gate(), "needs a layer with one input, or a sum, got Gate"),
        (Epsilon, Sum(), "needs a layer with one input, got Sum"),
    ],
)
def test_a_rule_on_a_layer_that_it_does_not_fit_is_refused(rule, layer, message):
    with pytest.raises(RuleError, match=message):
        rule(layer)


@pytest.mark.parametrize("activation", [nn.GELU, nn.SiLU, nn.Sigmoid, nn.Softplus])
def test_epsilon_on_a_curve_tells_what_its_tangent_leaves_out(activation):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), activation(), nn.Flatten(), nn.Linear(64, 3)).double()
    x = pixels(2, 6, torch.Generator().manual_seed(0))
    told = xs.LRP(network, "epsilon", {activation: "epsilon"}).propagate(x, 0, ledger=True)
    for entry in told.ledger:
        torch.testing.assert_close(entry.passed + entry.bias + entry.stabilizer, entry.received)
