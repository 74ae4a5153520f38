"""Attributions on another device than the CPU: nothing is left on the CPU by accident, and the numbers are the same."""

import copy

import pytest
import torch
from torch import nn

import xaisigns as xs
from tests.conftest import settled
from xaisigns.attribution.composites import COMPOSITES
from xaisigns.attribution.methods import METHODS, find_method
from xaisigns.attribution.named_rules import RULES

BOUNDS = torch.full((1, 3, 1, 1), -3.0), torch.full((1, 3, 1, 1), 3.0)
OPTIONS = {
    "smoothgrad": ":samples=6",
    "gradient_shap": ":samples=6",
    "kernel_shap": ":samples=10:segments=6",
    "feature_ablation": ":segments=6",
    "occlusion": ":window=4:stride=4",
}
OF_PIXELS = ("alpha_beta", "epsilon", "flat", "gamma", "w_square", "z_box", "z_plus")


class Gated(nn.Module):
    """A skip connection, a gate, a normalisation by groups, a concatenation and a constant: all kinds of layers."""

    def __init__(self):
        super().__init__()
        self.conv, self.batch, self.groups = nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6), nn.GroupNorm(2, 6)
        self.gate = nn.Linear(6, 6)

    def forward(self, x):
        y = self.batch(self.conv(x)).relu()
        gate = torch.sigmoid(self.gate(y.mean((2, 3))))[:, :, None, None]
        return self.groups(torch.cat([(x + y * gate)[:, :3], x[:, 3:]], dim=1)) + 0.1


def network(*inside):
    torch.manual_seed(0)
    first = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)
    return settled(nn.Sequential(*first, *inside, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 5)))


GATED, PLAIN = network(Gated(), nn.ReLU()), network()
IMAGES = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def compared(explain, elsewhere, module=GATED):
    wanted = explain(module, IMAGES)
    found = explain(copy.deepcopy(module).to(elsewhere), IMAGES.to(elsewhere))
    assert found.device == elsewhere
    torch.testing.assert_close(found.cpu(), wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


@pytest.mark.parametrize("contrast", ["", ":contrast"])
@pytest.mark.parametrize("name", sorted(set(METHODS) - {"lrp"}))
def test_a_method_gives_what_it_gives_on_the_cpu(name, contrast, elsewhere):
    if contrast and METHODS[name].control:
        pytest.skip("a control has no contrast")
    method = find_method(f"{name}{OPTIONS.get(name, '')}{contrast}")
    compared(lambda module, x: method(module, x).relevance, elsewhere, PLAIN if name == "deep_lift" else GATED)


@pytest.mark.parametrize("composite", COMPOSITES)
def test_a_composite_gives_what_it_gives_on_the_cpu(composite, elsewhere):
    targets = torch.tensor([0, 1, 2])  # on the CPU, as callers have them
    compared(lambda module, x: xs.lrp(module, x, targets, 1, composite=composite, bounds=BOUNDS), elsewhere)


@pytest.mark.parametrize("rule", OF_PIXELS)
def test_a_rule_gives_what_it_gives_on_the_cpu(rule, elsewhere):
    assert rule in RULES
    compared(lambda module, x: xs.lrp(module, x, 2, rules={"0": rule}, bounds=BOUNDS), elsewhere)


def test_a_ledger_is_where_the_images_are(elsewhere):
    compared(
        lambda module, x: torch.stack(
            [part for entry in xs.LRP(module, "epsilon_plus_flat").ledger(x, 1) for part in entry[1:]]
        ),
        elsewhere,
    )


def test_a_device_refuses_what_is_on_the_cpu(elsewhere):
    here, there = torch.ones(3), torch.ones(3).to(elsewhere)
    with pytest.raises(RuntimeError):
        here + there
    with pytest.raises(TypeError):
        there.numpy()


def test_nothing_is_drawn_where_the_images_are(elsewhere):
    """Seeds give the same on every device, and the device's own generator is left alone."""
    if elsewhere.type == "cuda":
        before = torch.cuda.get_rng_state(elsewhere)
        find_method("smoothgrad:samples=6")(copy.deepcopy(GATED).to(elsewhere), IMAGES.to(elsewhere))
        assert torch.equal(torch.cuda.get_rng_state(elsewhere), before)
    from xaisigns.attribution.captum_state import seeded

    with seeded(3):
        found = torch.normal(0, torch.ones(5, device=elsewhere))
    with seeded(3):
        wanted = torch.normal(0, torch.ones(5))
    assert found.device == elsewhere
    assert torch.equal(found.cpu(), wanted)
