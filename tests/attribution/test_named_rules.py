"""Rules by name: the package's and one's own."""

import functools
from typing import Annotated, Literal

import pytest
import torch
from torch import nn

import xaisigns as xs
from tests.attribution.oracle import peak
from xaisigns.attribution.assignment import read_rules, write_rules
from xaisigns.attribution.methods import find_method
from xaisigns.attribution.rules import Epsilon
from xaisigns.errors import RuleError


class Scaled(xs.LayerRule):
    """The epsilon rule, times a factor."""

    def __init__(self, layer, factor: Annotated[float, xs.Between(0, 10)] = 1.0, **signs):
        super().__init__(layer, **signs)
        self.factor = factor

    def relevance(self, x, z, r):
        return self.factor * self.pulled_back(self.layer, x, r / self.stabilised(z)) * x


@pytest.fixture
def scaled(registries):
    xs.register_rule("scaled", Scaled)


@pytest.fixture
def images(generator):
    return torch.randn(3, 3, 12, 12, generator=generator, dtype=torch.float64)


def test_a_rule_of_ones_own_is_one_like_every_other(scaled, tiny_vgg, images, tmp_path):
    (tmp_path / "rules.toml").write_text('[name]\n"0" = {rule = "scaled", factor = 2}\n')
    wanted = xs.lrp(tiny_vgg, images, 1, composite="epsilon") * 2
    for rules in ({0: xs.Rule("scaled", {"factor": 2})}, read_rules(tmp_path / "rules.toml")):
        ours = xs.lrp(tiny_vgg, images, 1, composite="epsilon", rules=rules)
        torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-9 * peak(wanted))


def test_nothing_that_a_rule_of_ones_own_does_is_told_by_its_name(scaled):
    assert find_method("lrp", rules={0: "flat"}).known
    assert not find_method("lrp", rules={0: "scaled"}).known


def test_its_parameters_are_checked(scaled):
    assert xs.Rule("scaled").settings == {"factor": 1.0}
    with pytest.raises(RuleError, match=r"parameter 'factor' of rule 'scaled' must be a number from 0 to 10, got 11"):
        xs.Rule("scaled", {"factor": 11})
    with pytest.raises(RuleError, match=r"rule 'scaled' has no parameter 'stabilizer'; it has factor"):
        xs.Rule("scaled", {"stabilizer": 1})


class Silent(xs.LayerRule):
    pass


class Unsigned(Scaled):
    def __init__(self, layer):
        super().__init__(layer)


class Texted(Scaled):
    def __init__(self, layer, kind="wide", **signs):
        super().__init__(layer, **signs)


class Undecided(Scaled):
    def __init__(self, layer, kind: Literal["wide", "deep"] = "high", **signs):
        super().__init__(layer, **signs)


class Outside(Scaled):
    def __init__(self, layer, factor: Annotated[float, xs.Between(0, 1)] = 2.0, **signs):
        super().__init__(layer, factor, **signs)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Scaled(nn.Linear(1, 1)), r"a rule is a subclass of LayerRule, got"),
        (nn.ReLU, r"a rule is a subclass of LayerRule, got"),
        (Silent, r"rule Silent must say what becomes of the relevance: def relevance\(self, x, z, r\)"),
        (Unsigned, r"the constructor of rule Unsigned must take signs=... and hand it on"),
        (
            Texted,
            r"must take a layer and then parameters with a number as default, or with a text that .*; kind is none",
        ),
        (Undecided, r"kind of rule Undecided is high by default, its choices are wide, deep"),
        (Outside, r"factor of rule Outside is 2 by default, its range is 0 to 1"),
    ],
)
def test_what_is_no_rule_is_refused(rule, message, registries):
    with pytest.raises(RuleError, match=message):
        xs.register_rule("mine", rule)


class Weighed(Scaled):
    """A rule with a choice."""

    def __init__(self, layer, how: Literal["whole", "half"] = "whole", **signs):
        super().__init__(layer, 0.5 if how == "half" else 1.0, **signs)


def test_a_rule_of_ones_own_may_have_a_choice(registries, tiny_vgg, images, tmp_path):
    xs.register_rule("weighed", Weighed)
    rule = xs.Rule("weighed", {"how": "half"})
    assert xs.Rule("weighed").settings == {"how": "whole"}
    write_rules(tmp_path / "rules.toml", {"0": rule}, "half")
    (tmp_path / "by_hand.toml").write_text('[index]\n0 = {rule = "weighed", how = "half"}\n')
    assert read_rules(tmp_path / "rules.toml") == {"0": rule}
    whole, half = (xs.lrp(tiny_vgg, images, 1, composite="epsilon", rules={0: one}) for one in ("weighed", rule))
    torch.testing.assert_close(half, whole / 2)
    by_hand = read_rules(tmp_path / "by_hand.toml")
    assert torch.equal(xs.lrp(tiny_vgg, images, 1, composite="epsilon", rules=by_hand), half)
    with pytest.raises(RuleError, match="parameter 'how' of rule 'weighed' must be whole or half, got 'third'"):
        xs.Rule("weighed", {"how": "third"})


@pytest.mark.parametrize(
    ("name", "message"), [("flat", "there is a rule 'flat' already"), ("My-Rule", "a rule needs a")]
)
def test_a_name_that_is_taken_or_cannot_be_written_is_refused(name, message, registries):
    with pytest.raises(RuleError, match=message):
        xs.register_rule(name, Scaled)


def test_an_unknown_parameter_is_refused():
    with pytest.raises(RuleError, match="rule 'gamma' has no parameter 'gama'; it has gamma, stabilizer, bias"):
        xs.Rule("gamma", {"gama": 0.1})


@pytest.mark.parametrize(
    ("rule", "parameter", "value"),
    [
        ("gamma", "gamma", float("nan")),
        ("gamma", "gamma", float("inf")),
        ("gamma", "gamma", -0.1),
        ("gamma", "gamma", 10**400),
        ("gamma", "gamma", True),
        ("epsilon", "epsilon", 0),
        ("epsilon", "epsilon", -1e-6),
        ("z_plus", "stabilizer", 1e30),
        ("alpha_beta", "alpha", "2"),
    ],
)
def test_a_parameter_that_a_rule_cannot_have_is_refused(rule, parameter, value):
    with pytest.raises(RuleError, match=f"parameter '{parameter}' of rule '{rule}' must be a number from"):
        xs.Rule(rule, {parameter: value})


class Broken(xs.LayerRule):
    """Gives what is no relevance of the input."""

    def relevance(self, x, z, r):
        return r


class Short(xs.LayerRule):
    """Takes too little."""

    def relevance(self, x, r):
        return r


def test_a_rule_that_cannot_be_called_is_refused():
    with pytest.raises(RuleError, match=r"^rule Short must say .*; its own cannot be called so: too many positional"):
        xs.register_rule("short", Short)


def test_a_rule_of_ones_own_that_gives_no_relevance_is_named(registries, tiny_vgg):
    xs.register_rule("broken", Broken)
    explainer = xs.LRP(tiny_vgg, "epsilon", rules={0: "broken"})
    with pytest.raises(
        RuleError, match=r"^rule Broken gave \(1, 6, 12, 12\), wanted the shape of its input \(1, 3, 12"
    ):
        explainer.attribute(torch.randn(1, 3, 12, 12, dtype=torch.float64), 1)
    assert not xs.Rule("broken").is_built_in


def test_what_is_made_to_look_like_a_rule_of_the_package_is_none(registries):
    alike = functools.wraps(Epsilon, updated=())(type("Alike", (Epsilon,), {}))
    xs.register_rule("alike", alike)
    assert not xs.Rule("alike").is_built_in
    assert xs.Rule("epsilon").is_built_in
