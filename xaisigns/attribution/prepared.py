"""A method made ready for a model: what explains batch after batch."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from xaisigns.attribution.accepted_images import Images
from xaisigns.attribution.agreement import Asked, faithful_copy, logits_of, refuse_difference
from xaisigns.attribution.captum_state import QUIET
from xaisigns.attribution.contrast import Others, contrasted
from xaisigns.attribution.inner import Channels
from xaisigns.attribution.lrp import LRP, LedgerEntry, Propagation
from xaisigns.attribution.network import Network
from xaisigns.attribution.options import BATCH
from xaisigns.attribution.result import Result
from xaisigns.attribution.rules import Bounds
from xaisigns.attribution.shifts import shifted, shifted_back
from xaisigns.attribution.targets import Against, Target, check_outputs, class_ids, other_classes
from xaisigns.base.torch_state import own_torch_state
from xaisigns.errors import MethodError, ShapeError, XaisignsError
from xaisigns.model.explainable import Explainable, is_explainable, module_of

if TYPE_CHECKING:
    from xaisigns.attribution.methods import Method


class _Batch(NamedTuple):
    """Images with what the model says of them, the classes to explain and what to contrast them with."""

    images: Tensor
    logits: Tensor
    targets: Tensor
    others: Others | None


class _Extra(NamedTuple):
    """What LRP alone gives and takes, as ``LRP.propagate`` has it."""

    ledger: bool = False
    layers: Sequence[str] = ()
    channels: Channels | None = None


class _Way(Protocol):
    """Gives a batch's relevance, with the ledger and inner layers if wanted.

    Raises RuleError where the copy says something else than the model.
    """

    network: Network

    def __call__(self, batch: _Batch, extra: _Extra) -> Propagation: ...


class Prepared:
    """A method made ready for a model, for many calls; made by ``Method.prepared``."""

    def __init__(self, method: "Method", model: nn.Module | Explainable, bounds: Bounds | None = None) -> None:
        self._method = method
        module = module_of(model)
        pixels = model.preprocessing.bounds if is_explainable(model) else None
        with own_torch_state():
            if method.composite is not None:
                known = getattr(model, "bounds", None) if bounds is None else bounds
                self._way: _Way = _ByLRP(LRP(module, method.composite, method.rules, known), method.smooth)
            else:
                assert method.function is not None  # noqa: S101 (for the type checker: a method has one of the two)
                self._way = _ByFunction(method, method.function, module)
            self._asked, self._taken = Asked(module), Images(self._way.network, pixels)
        self._lock = threading.Lock()

    def __call__(
        self,
        images: Tensor,
        target: Target | None = None,
        against: Against | None = None,
        *,
        ledger: bool = False,
        layers: Sequence[str] = (),
        channels: Channels | None = None,
    ) -> Result:
        """Explain images ``(N, 3, H, W)``, any number of them in bounded memory.

        ``target`` is a class id or ``(N,)`` of them, without it each image's predicted class. ``against`` is used by a
        contrast only, "rest" is the mean of all other logits; without it that takes the runner-up, the highest logit
        but the target's. ``ledger`` asks LRP for where the relevance went, too, ``layers`` for that of inner layers;
        ``channels`` are as for ``LRP.attribute``. Threads may share it, and wait for each other.

        Raises ShapeError for images, class ids or a relevance that do not fit, and for pixels that were not
        preprocessed; RuleError for a model that gives other
        outputs than its layers do, ModelError for one that gives NaN; MethodError for an option, and for a ledger,
        layers or channels of any method but LRP.
        """
        extra = _Extra(ledger, layers, channels)
        if any(extra) and self._method.smooth:
            raise MethodError(
                "a ledger, inner layers and channels are of one pass, smooth takes the mean of several: leave it out"
            )
        if any(extra) and self._method.composite is None:
            raise MethodError(
                "only LRP keeps a ledger and knows of layers and channels; "
                f"{self._method.name!r} hands nothing on from layer to layer"
            )
        with own_torch_state(), self._lock:
            own = self._taken.own(images)
            with self._taken.told(own):
                logits = torch.cat([self._asked.logits(batch) for batch in own.split(BATCH)])
            targets = logits.argmax(dim=1) if target is None else class_ids(target, len(own), "target", own.device)
            check_outputs(logits, targets)
            others = self._others(logits, targets, against)
            parts = []
            for start in range(0, len(own), BATCH):
                some = slice(start, start + BATCH)
                those = others[some] if isinstance(others, Tensor) else others
                batch = _Batch(own[some], logits[some], targets[some], those)
                found = self._way(batch, extra)
                parts.append(found._replace(relevance=self._checked(found.relevance, batch.images)))
        return Result(
            torch.cat([part.relevance for part in parts]),
            targets,
            others,
            logits,
            self._method.name,
            self._method.composite,
            _joined([part.ledger for part in parts if part.ledger is not None]) if ledger else None,
            {name: torch.cat([part.layers[name] for part in parts]) for name in layers},
            channels or {},
        )

    def _others(self, logits: Tensor, targets: Tensor, against: Against | None) -> Others | None:
        if not self._method.contrast:
            return None
        if logits.shape[1] < 2:
            raise MethodError("a contrast needs a network of 2 classes or more, this one has 1")
        if against is None:
            return logits.scatter(1, targets[:, None], -torch.inf).argmax(dim=1)
        others = other_classes(against, len(logits), logits.device)
        if isinstance(others, Tensor):
            check_outputs(logits, others)
        return others

    def _checked(self, relevance: Tensor, images: Tensor) -> Tensor:
        """Relevance of every channel; a method that knows none gives each channel the same share."""
        count, channels, *sides = images.shape
        shape = tuple(relevance.shape) if isinstance(relevance, Tensor) else type(relevance).__name__
        if shape not in ((count, *sides), (count, 1, *sides), (count, channels, *sides)):
            raise ShapeError(
                f"relevance of method {self._method.name!r} must be a tensor (N, {channels}, H, W), (N, 1, H, W) or "
                f"(N, H, W) for images {tuple(images.shape)}, got {shape}"
            )
        if not relevance.isfinite().all():
            raise MethodError(f"method {self._method.name!r} gives relevance that is not finite for these images")
        spread = relevance[:, None] if relevance.ndim == 3 else relevance
        spread = spread.detach().to(images.dtype)
        return spread if spread.shape[1] == channels else spread.expand(images.shape) / channels


class _ByLRP:
    """One pass gives all, or one for each shift."""

    def __init__(self, explainer: LRP, smooth: int) -> None:
        self._explainer, self.network, self._smooth = explainer, explainer.network, smooth

    def __call__(self, batch: _Batch, extra: _Extra) -> Propagation:
        found = self._explainer.propagate(batch.images, batch.targets, batch.others, **extra._asdict())
        refuse_difference(batch.logits, found.logits)
        return self._smoothed(found, batch) if self._smooth else found

    def _smoothed(self, found: Propagation, batch: _Batch) -> Propagation:
        """The mean over the image and all its shifts; of the relevance alone, the rest is that of the image."""
        total = found.relevance
        shifts = list(product(range(-self._smooth, self._smooth + 1), repeat=batch.images.ndim - 2))
        for shift in shifts:
            if any(shift):
                moved = self._explainer.attribute(shifted(batch.images, shift), batch.targets, batch.others)
                total = total + shifted_back(moved, shift)
        return found._replace(relevance=total / len(shifts))


class _ByFunction:
    """A function of a network, images and class ids explains the copy."""

    def __init__(self, method: "Method", function: Callable[..., Tensor], module: nn.Module) -> None:
        self._name, self._is_own, self._function = method.name, method.known, partial(function, **method.options)
        self.network, _ = faithful_copy(module)

    def __call__(self, batch: _Batch, extra: _Extra) -> Propagation:  # noqa: ARG002 (LRP's)
        refuse_difference(batch.logits, logits_of(self.network, batch.images))
        explained: nn.Module = self.network
        targets = batch.targets
        if batch.others is not None:
            explained, targets = contrasted(self.network, batch.images, targets, batch.others)
        with QUIET, _hooks_taken_off(self.network), self._named_failure():
            relevance = self._function(explained, batch.images.clone().requires_grad_(), targets)
        return Propagation(relevance, batch.logits, None, {})

    @contextmanager
    def _named_failure(self) -> Iterator[None]:
        """A function of the caller's is named where it fails."""
        try:
            yield
        except XaisignsError:
            raise
        except Exception as error:
            if self._is_own:
                raise
            raise MethodError(
                f"the method {self._name!r} failed: {type(error).__name__}: {error}; mend its function"
            ) from error


@contextmanager
def _hooks_taken_off(network: Network) -> Iterator[None]:
    """Captum takes its hooks off again, but where Ctrl-C comes between: the next call would run into them."""
    try:
        yield
    except BaseException:
        for layer in network.modules():
            for hooks in (layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks):
                hooks.clear()
        raise


def _joined(ledgers: Sequence[Sequence[LedgerEntry]]) -> list[LedgerEntry]:
    """The ledgers of several batches as one."""
    return [
        LedgerEntry(
            entries[0].assignment,
            *(torch.cat(sums) for sums in zip(*(entry[1:] for entry in entries), strict=True)),
        )
        for entries in zip(*ledgers, strict=True)
    ]
