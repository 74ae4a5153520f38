"""What several tests explain: images between their bounds, and random networks like VGG."""

import torch
from hypothesis import strategies as st
from torch import nn

from tests.conftest import settled

BOUNDS = (torch.tensor([-2.0, -1.5, -1.0]).reshape(1, 3, 1, 1), torch.tensor([2.0, 1.5, 1.0]).reshape(1, 3, 1, 1))


def pixels(count, size, generator, dtype=torch.float64):
    low, high = (bound.to(dtype) for bound in BOUNDS)
    return low + (high - low) * torch.rand(count, 3, size, size, generator=generator, dtype=dtype)


@st.composite
def vggs(draw):
    """Random networks like VGG: depth, width, BatchNorm, kernel, stride, padding, pooling, bias, head."""
    torch.manual_seed(draw(st.integers(0, 1000)))
    layers, width = [], 3
    for _ in range(draw(st.integers(1, 3))):
        out, kernel = draw(st.integers(2, 6)), draw(st.sampled_from([1, 3, 5]))
        bias = draw(st.booleans())
        padding = draw(st.integers(0, 1)) if kernel < 5 else 2
        layers.append(nn.Conv2d(width, out, kernel, draw(st.sampled_from([1, 2])), padding, bias=bias))
        if draw(st.booleans()):
            layers.append(nn.BatchNorm2d(out))
        if draw(st.booleans()):  # without it the next layer's input may be negative
            layers.append(nn.ReLU(inplace=True))
        width = out
    side = nn.Sequential(*layers).eval()(torch.zeros(1, 3, 16, 16)).shape[-1]
    large_enough = [nn.MaxPool2d(2, 1, 0), nn.AvgPool2d(2)] if side > 1 else []
    layers.append(draw(st.sampled_from([nn.AdaptiveAvgPool2d(2), *large_enough])))
    network = nn.Sequential(*layers, nn.Flatten())
    features = network.eval()(torch.zeros(1, 3, 16, 16)).shape[1]
    wide = draw(st.sampled_from([0, 12, 96]))
    head = (
        [nn.Linear(features, wide), nn.ReLU(), nn.Dropout(), nn.Linear(wide, 4)] if wide else [nn.Linear(features, 4)]
    )
    return settled(nn.Sequential(*network, *head)).double()
