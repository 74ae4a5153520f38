"""Networks of torchvision's, and how their images are prepared."""

import torch

from tests.conftest import settled
from xaisigns.model.architectures import build
from xaisigns.model.explainable import Preprocessing

PREPROCESSING = Preprocessing(64, (0.3505, 0.3142, 0.3272), (0.2753, 0.2594, 0.2670))


def torchvisions(build, outputs=7):
    """A network of torchvision's with a head small enough for tests."""
    torch.manual_seed(0)
    network = settled(build(weights=None, num_classes=5, init_weights=False))
    network.avgpool = torch.nn.AdaptiveAvgPool2d(1)
    network.classifier = torch.nn.Sequential(torch.nn.Linear(512, outputs))
    return network


def random(architecture, classes):
    """A network of any architecture with random weights, and BatchNorm that has something to fold."""
    torch.manual_seed(0)
    return settled(build(architecture, classes))
