"""What is explained is what the model says, or it is refused."""

import pytest
import torch
from torch import nn

import xaisigns as xs
from tests.attribution.oracle import peak
from xaisigns.errors import RuleError

ANOTHER = "gives other outputs than its layers do"


def network():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5)
    return nn.Sequential(*layers).eval()


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
