"""Every layer type with every argument that torch lets its constructor have: as a slow reference says, or refused."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

import xaisigns as xs
from tests.attribution.oracle import peak, zennit_relevance
from tests.conftest import settled

BOUNDS = (torch.full((1, 3, 1, 1), -3.0), torch.full((1, 3, 1, 1), 3.0))
SIDE = 11

small = st.integers(1, 3)


def one_or_two(numbers):
    return st.one_of(numbers, st.tuples(numbers, numbers))


def convolutions(inputs):
    groups = st.sampled_from([count for count in (1, 3, 4) if inputs % count == 0])
    return st.builds(
        lambda groups, kernel, stride, padding, dilation, mode, bias: (
            nn.Conv2d,
            (inputs, 2 * groups, kernel),
            {
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "groups": groups,
                "padding_mode": mode,
                "bias": bias,
            },
        ),
        groups,
        one_or_two(small),
        one_or_two(st.integers(1, 2)),
        st.one_of(st.sampled_from(["same", "valid"]), one_or_two(st.integers(0, 2))),
        one_or_two(st.integers(1, 2)),
        st.sampled_from(["zeros", "reflect", "replicate", "circular"]),
        st.booleans(),
    )


maxima = st.builds(
    lambda kernel, stride, padding, dilation, ceil, indices: (
        nn.MaxPool2d,
        (kernel,),
        {
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "ceil_mode": ceil,
            "return_indices": indices,
        },
    ),
    one_or_two(small),
    st.one_of(st.none(), one_or_two(small)),
    one_or_two(st.integers(0, 1)),
    one_or_two(st.integers(1, 2)),
    st.booleans(),
    st.sampled_from([False, False, False, True]),
)
means = st.builds(
    lambda kernel, stride, padding, ceil, count, divisor: (
        nn.AvgPool2d,
        (kernel,),
        {
            "stride": stride,
            "padding": padding,
            "ceil_mode": ceil,
            "count_include_pad": count,
            "divisor_override": divisor,
        },
    ),
    one_or_two(small),
    st.one_of(st.none(), one_or_two(small)),
    one_or_two(st.integers(0, 1)),
    st.booleans(),
    st.booleans(),
    st.one_of(st.none(), st.integers(1, 5)),
)
adaptive = st.builds(
    lambda size: (nn.AdaptiveAvgPool2d, (size,), {}),
    one_or_two(st.one_of(st.none(), small)).filter(lambda size: size is not None),
)
norms = st.builds(
    lambda eps, momentum, affine, track: (
        nn.BatchNorm2d,
        (4,),
        {"eps": eps, "momentum": momentum, "affine": affine, "track_running_stats": track},
    ),
    st.sampled_from([1e-5, 0.1]),
    st.sampled_from([None, 0.1]),
    st.booleans(),
    st.sampled_from([True, True, True, False]),
)
others = st.sampled_from(
    [
        (nn.ReLU, (), {"inplace": True}),
        (nn.ReLU, (), {}),
        (nn.Dropout, (1.0,), {"inplace": True}),
        (nn.Identity, (1, 2), {"a": 3}),
        (nn.Flatten, (2,), {}),
        (nn.Flatten, (0, 1), {}),
        (nn.Flatten, (1, 2), {}),
    ]
)


@st.composite
def networks(draw):
    """A layer under test behind a convolution, or a convolution under test in the first place."""
    torch.manual_seed(draw(st.integers(0, 1000)))
    kind, arguments, options = draw(st.one_of(convolutions(3), convolutions(4), maxima, means, adaptive, norms, others))
    try:
        layer = kind(*arguments, **options)
    except (ValueError, TypeError):
        assume(False)
    first = [] if isinstance(layer, nn.Conv2d) and layer.in_channels == 3 else [nn.Conv2d(3, 4, 3)]
    if first and not isinstance(layer, nn.BatchNorm2d) and draw(st.booleans()):
        first.append(nn.ReLU())
    behind = [nn.ReLU()] if draw(st.booleans()) else []
    body = nn.Sequential(*first, layer, *behind, nn.Flatten()).eval()
    try:
        with torch.no_grad():
            features = body(torch.zeros(2, 3, SIDE, SIDE)).shape[-1]
    except (RuntimeError, TypeError, ValueError, AttributeError):
        features = 5  # what torch cannot run, such as a convolution on flattened rows, must be refused
    head = nn.Linear(features, 4)
    return settled(nn.Sequential(*body, head)).double(), options


@given(network=networks(), seed=st.integers(0, 1000))
@settings(max_examples=80)
def test_any_layer_is_explained_as_defined_or_refused(network, seed):
    network, options = network
    x = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    try:
        logits = network(x).detach()
    except (RuntimeError, TypeError, ValueError, AttributeError):
        with pytest.raises(xs.XaisignsError):
            xs.attribute(network, x, 1, method="lrp:epsilon_plus")
        return
    try:
        ours = xs.lrp(network, x, 1, composite="epsilon_gamma_box", bounds=BOUNDS)
    except xs.XaisignsError:
        refusable = options.get("return_indices") or options.get("track_running_stats") is False or logits.ndim != 2
        assert refusable or len(logits) != 2
        return
    wanted = zennit_relevance(xs.canonize(network), x, 1, "epsilon_gamma_box", BOUNDS)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-9 * peak(wanted))
    leaf = x.clone().requires_grad_()
    for layer in network.modules():
        layer.inplace = False  # torch refuses the gradient of some of them
    gradient = torch.autograd.grad(network(leaf)[:, 1].sum(), leaf)[0]
    saliency = xs.attribute(network, x, 1, method="saliency")
    torch.testing.assert_close(saliency.relevance, gradient.abs(), rtol=0, atol=1e-9 * peak(gradient))
    torch.testing.assert_close(saliency.logits, logits)
