"""Options as a signature tells them: defaults of numbers, with their ranges."""

import math
from typing import Annotated, Literal

import pytest

from xaisigns.attribution.named_rules import RULES
from xaisigns.attribution.options import Between, Option, options_of


def test_parameters_with_a_number_as_default_are_options():
    def method(network, images, *, steps: Annotated[int, Between(1, 9)] = 5, noise=0.5, name="a", on=True, off=None):
        pass

    unbounded = Between(-math.inf, math.inf)
    assert options_of(method) == {"steps": Option(5, Between(1, 9)), "noise": Option(0.5, unbounded)}


def test_annotations_as_text_are_read():
    def method(x: "Annotated[float, 'in pixels', Between(0, 2)]" = 1.0):
        pass

    assert options_of(method) == {"x": Option(1.0, Between(0, 2))}


def test_a_type_that_is_imported_for_type_checkers_only_is_no_hindrance():
    def method(network: "NoSuchType", samples=4):  # noqa: F821
        pass

    assert options_of(method) == {"samples": Option(4)}


def test_a_class_has_the_options_of_its_constructor():
    class Rule:
        def __init__(self, layer, gamma: Annotated[float, Between(0, 1)] = 0.25):
            pass

    assert options_of(Rule) == {"gamma": Option(0.25, Between(0, 1))}


def test_a_text_with_its_choices_is_an_option():
    def method(network, how: Literal["fast", "slow"] = "fast", layer: Literal[1, 2] = 1, name: str = "a"):
        pass

    found = options_of(method)
    assert found == {"how": Option("fast", choices=("fast", "slow")), "layer": Option(1)}
    assert found["how"].takes("slow")
    assert not found["how"].takes("quick")
    assert not found["how"].takes(1)


@pytest.mark.parametrize("name", RULES)
def test_every_default_of_a_rule_is_one_of_its_values(name):
    for option in options_of(RULES[name]).values():
        assert option.takes(option.default)
