"""Zennit on a canonized network: the reference that our relevance has to equal."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from zennit import composites, rules
from zennit.attribution import Gradient
from zennit.canonizers import Canonizer
from zennit.core import Composite
from zennit.types import Linear

from xaisigns.attribution.named_rules import Rule
from xaisigns.attribution.rules import Bounds


def zennit_relevance(
    network: nn.Module, x: Tensor, target: int | Tensor, composite: str | Composite, bounds: Bounds
) -> Tensor:
    """Relevance by Zennit 0.5.1 of the target logit; the network's BatchNorm must be folded already."""

    def start(logits: Tensor) -> Tensor:
        return one_hot(torch.as_tensor(target).expand(len(x)), logits.shape[1]).to(logits) * logits

    return zennit_pass(network, x, start, named(composite, bounds) if isinstance(composite, str) else composite)


def zennit_pass(network: nn.Module, x: Tensor, start, composite: Composite) -> Tensor:
    """Relevance by Zennit from any start, a function of the logits."""
    with Gradient(network, composite) as attributor:
        _, relevance = attributor(x.detach().clone(), start)
    return relevance.detach()


def named(composite: str, bounds: Bounds, canonizers: Sequence[Canonizer] = ()) -> Composite:
    """Zennit's composite of this name, with bias=ignore or without.

    The uniform epsilon, which it has not, is made of its parts.
    """
    name, _, option = composite.partition(":")
    zero = {"zero_params": "bias"} if option == "bias=ignore" else {}
    own = {"canonizers": list(canonizers)}
    if name == "epsilon":
        return composites.LayerMapComposite([*composites.layer_map_base(), (Linear, rules.Epsilon(**zero))], **own)
    if name == "epsilon_gamma_box":
        return composites.EpsilonGammaBox(low=bounds[0], high=bounds[1], **zero, **own)
    return composites.COMPOSITES[name](**zero, **own)


def by_layer(choices: Mapping[str, Rule], bounds: Bounds) -> Composite:
    """Zennit's composite that gives each named layer this rule, and the others their base rule."""
    makers = {
        "epsilon": rules.Epsilon,
        "gamma": rules.Gamma,
        "alpha_beta": rules.AlphaBeta,
        "z_plus": rules.ZPlus,
        "flat": rules.Flat,
        "w_square": rules.WSquare,
        "z_box": lambda **given: rules.ZBox(bounds[0], bounds[1], **given),
        "norm": rules.Norm,
    }
    hooks = [((name,), makers[rule.name](**_theirs(rule))) for name, rule in choices.items() if rule.name in makers]
    return composites.NameLayerMapComposite(name_map=hooks, layer_map=composites.layer_map_base())


def _theirs(rule: Rule) -> dict[str, object]:
    given = {name: value for name, value in rule.parameters.items() if name != "bias"}
    return {**given, "zero_params": "bias"} if rule.parameters.get("bias") == "ignore" else given


def peak(values: Tensor) -> float:
    """The largest magnitude: what tolerances are measured by."""
    return float(values.detach().abs().max())
