"""What several tests explain: images between their bounds, and random networks like VGG."""

import torch
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

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


class Graph(nn.Module):
    """Runs steps one after the other; each is a layer or a function, and the numbers of the values it is given.

    Value 0 is the first convolution's; all are ``(N, 4, 8, 8)``. The head sees the sum of them.
    """

    def __init__(self, steps):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, 2, 1)
        self.steps = [(kind, given) for kind, given in steps]
        self.layers = nn.ModuleList(step if isinstance(step, nn.Module) else nn.Identity() for step, _ in steps)
        self.head = nn.Linear(4, 3)

    def forward(self, images):
        values = [self.first(images)]
        for layer, (step, given) in zip(self.layers, self.steps, strict=True):
            run = layer if isinstance(step, nn.Module) else step
            values.append(run(*(values[place % len(values)] for place in given)))
        return self.head(sum(values).mean((2, 3)))


class _Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.randn(4, 1, 1))

    def forward(self, x):
        return x * self.scale


class _Excitation(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)

    def forward(self, x):
        gate = torch.sigmoid(self.fc2(functional.relu(self.fc1(functional.adaptive_avg_pool2d(x, 1)))))
        return gate.expand_as(x) * x


def _shuffled(x):
    first, second = x.chunk(2, dim=1)
    return torch.cat((second, first), 1)


def _increased(x, y):
    x = x.clone()
    x += y
    return x


_ONE = (
    lambda: nn.Conv2d(4, 4, 3, padding=1),
    lambda: nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False),
    lambda: nn.ConvTranspose2d(4, 4, 3, padding=1),
    lambda: nn.Sequential(nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True)),
    lambda: nn.BatchNorm2d(4),
    lambda: nn.GroupNorm(2, 4),
    lambda: nn.LayerNorm((4, 8, 8)),
    nn.ReLU,
    nn.GELU,
    nn.SiLU,
    lambda: nn.LeakyReLU(0.1),
    lambda: nn.MaxPool2d(3, 1, 1),
    lambda: nn.AvgPool2d(3, 1, 1),
    lambda: nn.Dropout(0.5),
    _Scale,
    _Excitation,
    lambda: _shuffled,
    lambda: functional.relu_,
    lambda: torch.tanh,
)
_TWO = (torch.add, torch.sub, _increased, lambda x, y: x * torch.sigmoid(y))


@st.composite
def graphs(draw):
    """Random networks with branches: sums, differences, gates, concatenations, norms, pools, what works in place."""
    torch.manual_seed(draw(st.integers(0, 1000)))
    places, steps = st.integers(0, 7), []
    for _ in range(draw(st.integers(1, 7))):
        if draw(st.booleans()):
            steps.append((draw(st.sampled_from(_ONE))(), (draw(places),)))
        else:
            steps.append((draw(st.sampled_from(_TWO)), (draw(places), draw(places))))
    network = settled(Graph(steps)).double()
    for layer in network.modules():
        if isinstance(layer, nn.GroupNorm | nn.LayerNorm):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.2)
    return network
