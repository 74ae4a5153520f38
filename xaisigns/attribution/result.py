"""An attribution with what it belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from xaisigns.attribution.contrast import Others
from xaisigns.attribution.inner import Channels
from xaisigns.attribution.lrp import LedgerEntry

_SHOWN = 8  # targets, where a result is printed


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """What an attribution method says of a batch of images.

    ``relevance`` is ``(N, C, H, W)``, for LRP in units of the target logit; ``target`` ``(N,)`` class ids, and
    ``against`` too where a contrast was asked for, or "rest"; ``logits`` ``(N, classes)`` of the model; ``method`` is
    the method's specification; ``composite`` is the LRP composite that was used, None for other methods; ``ledger``
    tells where relevance went and ``layers`` what reached inner layers, in the shapes of their outputs, where that was
    asked for; ``channels`` are those that relevance passed through alone, by layer.
    """

    relevance: Tensor
    target: Tensor
    against: Others | None
    logits: Tensor
    method: str
    composite: str | None = None
    ledger: Sequence[LedgerEntry] | None = None
    layers: Mapping[str, Tensor] = field(default_factory=dict)
    channels: Channels = field(default_factory=dict)

    def __repr__(self) -> str:
        targets, more = self.target[:_SHOWN].tolist(), ", ..." if len(self.target) > _SHOWN else ""
        told = f"{', '.join(map(str, targets))}{more}"
        return f"Result({self.method!r}, relevance of shape {tuple(self.relevance.shape)}, targets {told})"

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
