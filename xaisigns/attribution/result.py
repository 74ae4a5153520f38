"""An attribution with what it belongs to, and the one call that makes it for a model of this package."""

from dataclasses import dataclass

import torch
from torch import Tensor

from xaisigns.attribution.assignment import Rules
from xaisigns.attribution.composites import DEFAULT_COMPOSITE
from xaisigns.attribution.lrp import LRP, Target
from xaisigns.model.vgg import Classifier


@dataclass(frozen=True, eq=False)
class Result:
    """What an attribution method says of a batch of images.

    ``relevance`` is ``(N, C, H, W)`` in units of the target logit; ``target`` ``(N,)`` class ids, and ``against`` too
    where a contrast was asked for; ``logits`` ``(N, classes)`` of the unchanged model; ``composite`` is the LRP
    composite that was used.
    """

    relevance: Tensor
    target: Tensor
    against: Tensor | None
    logits: Tensor
    method: str
    composite: str

    @property
    def logit(self) -> Tensor:
        """The target's logit, ``(N,)``."""
        return self.logits.gather(1, self.target[:, None]).squeeze(1)

    @property
    def probabilities(self) -> Tensor:
        """Softmax of the logits, ``(N, classes)`` in 0..1."""
        return self.logits.softmax(dim=1)

    @property
    def predicted(self) -> Tensor:
        """The class of the highest logit, ``(N,)``."""
        return self.logits.argmax(dim=1)

    @property
    def heatmap(self) -> Tensor:
        """The relevance summed over the channels, ``(N, H, W)``."""
        return self.relevance.sum(dim=1)


def attribute(
    model: Classifier,
    x: Tensor,
    target: Target | None = None,
    against: Target | None = None,
    *,
    composite: str = DEFAULT_COMPOSITE,
    rules: Rules | None = None,
) -> Result:
    """Explain the model's prediction for each image by LRP, or the ``target`` class(es) where given.

    ``against`` asks what speaks for the target rather than for another class. ``x`` is ``(N, 3, S, S)`` as
    ``model.preprocess`` gives it. Raises RuleError and ShapeError as LRP does.
    """
    return explained(LRP(model, composite, rules, model.bounds), model, x, target, against)


def explained(
    lrp: LRP, model: Classifier, x: Tensor, target: Target | None = None, against: Target | None = None
) -> Result:
    """As ``attribute``, with an LRP of this model that was built before."""
    with torch.inference_mode():
        logits = model(x)
    logits = logits.clone()
    chosen = logits.argmax(dim=1) if target is None else torch.as_tensor(target).expand(len(x))
    others = None if against is None else torch.as_tensor(against).expand(len(x))
    return Result(lrp.attribute(x, chosen, others), chosen, others, logits, "lrp", lrp.composite)
