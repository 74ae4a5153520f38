"""Composites by name: the package's and one's own."""

import pytest
import torch
from torch import nn

import xaisigns as xs
from xaisigns.attribution.composites import COMPOSITES
from xaisigns.attribution.method_sets import select_methods
from xaisigns.attribution.methods import find_method
from xaisigns.errors import RuleError


@pytest.fixture
def mine(registries):
    """The built-in epsilon_plus under another name."""
    xs.register_composite("my-plus", xs.Composite(COMPOSITES["epsilon_plus"].rows))


def test_a_composite_of_ones_own_is_one_like_every_other(mine, tiny_vgg, generator):
    images = torch.randn(3, 3, 12, 12, generator=generator, dtype=torch.float64)
    wanted = xs.lrp(tiny_vgg, images, 1, composite="epsilon_plus:epsilon=0.1")
    assert torch.equal(xs.lrp(tiny_vgg, images, 1, composite="my-plus:epsilon=0.1"), wanted)
    assert torch.equal(xs.attribute(tiny_vgg, images, 1, method="lrp:my_plus:epsilon=0.1").relevance, wanted)


def test_its_name_does_not_tell_what_it_does(mine):
    assert find_method("lrp:epsilon_plus").known
    assert not find_method("lrp:my_plus").known


def test_it_is_in_the_sets(mine):
    for name in ("composites", "all"):
        assert {"lrp:my_plus", "lrp:my_plus:contrast"} <= {method.name for method in select_methods(name)}


def test_a_list_of_rows_is_taken_as_it_was(registries):
    rows = [((nn.ReLU,), xs.Rule("pass"))]
    composite = xs.Composite(rows)
    rows.clear()
    assert len(composite.rows) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((),), r"a composite wants rows such as \(\(nn.Conv2d,\), Rule\('epsilon'\)\), got \(\)"),
        (([("epsilon",)],), r"a row of a composite is \(\(types of layers\), Rule\)"),
        (([(nn.ReLU, xs.Rule("pass"))],), r"a row of a composite is \(\(types of layers\), Rule\)"),
        (([((int,), xs.Rule("pass"))],), r"a row of a composite is \(\(types of layers\), Rule\)"),
        (([((nn.ReLU,), "pass")],), r"the rule of a row must be a Rule such as Rule\('epsilon'\), got 'pass'"),
        (([((nn.ReLU,), xs.Rule("pass"))], "flat"), r"the first layer's rule must be a Rule or None, got 'flat'"),
    ],
)
def test_what_is_no_composite_is_refused(arguments, message):
    with pytest.raises(RuleError, match=message):
        xs.Composite(*arguments)


def test_only_composites_are_registered_and_each_name_once(mine):
    with pytest.raises(RuleError, match=r"a composite is wanted as Composite\(rows, first\), got \{\}"):
        xs.register_composite("other", {})
    with pytest.raises(RuleError, match="there is a composite 'my_plus' already"):
        xs.register_composite("my_plus", COMPOSITES["epsilon"])
