"""Whether the canonized copy still is the model: what is explained must be what the model says."""

import copy
import itertools
from contextlib import suppress
from typing import TypeGuard

import torch
from torch import Tensor, nn

from xaisigns.attribution.accepted_images import misfit
from xaisigns.attribution.canonize import canonize
from xaisigns.attribution.layers import WEIGHTED
from xaisigns.attribution.network import Network, leaves
from xaisigns.attribution.sizes import SIDES
from xaisigns.errors import ModelError, RuleError


class Asked:
    """The caller's module, asked for its own logits in eval mode: never changed, its hooks run."""

    def __init__(self, module: nn.Module) -> None:
        if any(weight.is_meta for weight in module.parameters()):
            raise ModelError("the model's weights are on no device (meta): load them first")
        self._module = module
        self._twin = _evaluating(module)

    def logits(self, images: Tensor) -> Tensor:
        """``(N, classes)`` without a graph. Raises ModelError where they are not finite, RuleError for no logits."""
        twin = self._twin
        if twin is self._module:  # which may have gone into training since
            twin = _evaluating(twin)
        with torch.no_grad():
            said = twin(images.clone())  # which it may change
        if not _are_logits(said, len(images)):
            came = f"{tuple(said.shape)} of {said.dtype}" if isinstance(said, Tensor) else type(said).__name__
            raise RuleError(
                f"the model must give logits (N, classes) of floats, a row for each of {len(images)} images; it gives "
                f"{came}"
            )
        refuse_not_finite(said)
        return said.clone() if said.is_inference() else said


def refuse_not_finite(logits: Tensor) -> None:
    """Raise ModelError for logits ``(N, classes)`` that are NaN or infinite: there is nothing to explain."""
    if not logits.isfinite().all():
        broken = int((~logits.isfinite()).any(dim=1).sum())
        raise ModelError(
            f"the model gives NaN or infinity for {broken} of {len(logits)} images; "
            "look at its weights (did the training diverge?) and at the mean and std of its images"
        )


def faithful_copy(module: nn.Module) -> tuple[Network, Asked]:
    """The canonized copy in its faster memory order, seen to say on a probe what the module says.

    The probe is noise of a size that the network takes. For one that takes no square images there is none: the methods,
    which ask the module at each call, find out then. Raises RuleError where the two differ, and as ``canonize`` does.
    """
    _refuse_hooks_on_all()
    network = canonize(module)
    network = network.to(memory_format=memory_order(network))
    asked = Asked(module)
    probe = _probe(network)
    if probe is not None:
        refuse_difference(asked.logits(probe), logits_of(network, probe))
    return network, asked


def memory_order(network: nn.Module) -> torch.memory_format:
    """The faster order in float32. In float64, where references are compared, sums are kept in theirs."""
    weight = next(network.parameters(), None)
    fast = weight is not None and weight.dtype == torch.float32
    return torch.channels_last if fast else torch.contiguous_format


def logits_of(network: nn.Module, images: Tensor) -> Tensor:
    """Logits ``(N, classes)``, without a graph."""
    with torch.no_grad():
        logits: Tensor = network(images)
    return logits


def refuse_difference(said: Tensor, copied: Tensor) -> None:
    """Raise RuleError where a copy's logits ``(N, classes)`` are not those that the module ``said`` of the images."""
    # Folding and the order of sums move the last bits: half of the digits must agree, in each image.
    tolerance = torch.finfo(said.dtype).eps ** 0.5 * said.abs().amax(dim=1, keepdim=True)
    off = (copied - said).abs() if copied.shape == said.shape else torch.full_like(said, torch.inf)
    if not (off <= tolerance).all():
        raise RuleError(
            f"the model gives other outputs than its layers do (off by {float(off.max()):.3g}): a hook, or code of its "
            "own, changes inputs, weights or outputs, or the model was changed since; take the hook off, or build the "
            "method anew (or folding BatchNorm loses too many digits: try the model in float64)"
        )


def _are_logits(said: object, count: int) -> TypeGuard[Tensor]:
    strided = isinstance(said, Tensor) and said.layout == torch.strided and said.is_floating_point()
    return isinstance(said, Tensor) and strided and said.ndim == 2 and len(said) == count and said.shape[1] > 0


def _refuse_hooks_on_all() -> None:
    """Those on every module of the process change the copy, too, and what the rules see of its layers."""
    module = nn.modules.module
    if module._global_forward_hooks or module._global_forward_pre_hooks:
        raise RuleError("a hook on all modules (register_module_forward_hook) may change what they give: take it off")


def _evaluating(module: nn.Module) -> nn.Module:
    """The module itself where it is in eval mode, else a copy that is: being asked in training changes a network."""
    if not any(layer.training for layer in module.modules()):
        return module
    try:
        return copy.deepcopy(module).eval()
    except Exception as error:
        raise RuleError("the model is in training mode and cannot be copied: call model.eval() first") from error


def _probe(network: Network) -> Tensor | None:
    weighted = [layer for layer in leaves(network).values() if isinstance(layer, WEIGHTED)]
    if not weighted:
        return None
    first = weighted[0]
    channels = (first.in_channels,) if isinstance(first, nn.Conv2d) else (3, 1)
    shapes = [(count, side, side) for count, side in itertools.product(channels, SIDES)]
    usual = _noise(shapes[0], first.weight)
    # Tried, since to compute with shapes alone torch imports its compiler, which takes seconds.
    with suppress(RuntimeError, ValueError, IndexError):
        if _are_logits(logits_of(network, usual), 2):
            return usual
    shape = next((shape for shape in shapes if misfit(network, shape) is None), None)
    return None if shape is None else _noise(shape, first.weight)


def _noise(shape: tuple[int, ...], like: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, *shape, generator=generator, dtype=torch.float64).to(like.dtype).to(like.device)
