"""What took long to find out about a model, kept in the cache by all that it depends on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xaisigns.base.cache import cached_arrays, digest_of, is_cached, made_by
from xaisigns.model.explainable import Explainable, is_explainable, module_of

_LAYERS = ("base", "data", "model", "attribution", "metrics", "study")
_LIBRARIES = ("numpy", "pillow", "torch", "torchvision", "captum", "scikit-image", "scikit-learn")
# Whose layers tell by type, repr and plain attributes all that they do.
_LAYERS_OF = ("torch.nn.modules.", "torchvision.models.", "torchvision.ops.", "xaisigns.")
_PLAIN = (bool, int, float, str, type(None))

Arrays = Mapping[str, NDArray[Any]]


class ModelCache:
    """What is known about a model: arrays by kind and key, for this model's weights, settings, layers and device.

    Nothing is kept for a network with other layers than torch's and the package's own, with hooks, or with a forward of
    its own: two of them may have the same weights and answer differently. Weights that change in place while a study
    lasts are another model's; changes behind torch's back, by ``.data``, are not seen.
    """

    def __init__(self, model: nn.Module | Explainable) -> None:
        self._model, self._module = model, module_of(model)
        self._of_weights: tuple[object, str] | None = None

    def recall(self, kind: str, key: Sequence[Any], make: Callable[[], Arrays], *, keep: bool = True) -> Arrays:
        """The arrays that ``make`` gives, from the disk where they have been made before.

        ``key`` is plain data and says all that they depend on beside the model; with ``keep`` false it does not, and
        they are made each time.
        """
        return cached_arrays(kind, [*self.parts.values(), *key], make) if keep and self._known else make()

    def has(self, kind: str, key: Sequence[Any], *, keep: bool = True) -> bool:
        """Whether ``recall`` would find them on the disk."""
        return keep and self._known and is_cached(kind, [*self.parts.values(), *key])

    @property
    def weights(self) -> str:
        """SHA-256 of the model's weights as they are now."""
        tensors = [value.detach() for value in self._module.state_dict().values()]
        # What was made in inference mode counts no versions, and cannot be changed outside of it.
        state = [(tensor.data_ptr(), None if tensor.is_inference() else tensor._version) for tensor in tensors]
        if self._of_weights is None or self._of_weights[0] != state:
            self._of_weights = state, digest_of(*map(_bytes_of, tensors))
        return self._of_weights[1]

    @property
    def parts(self) -> dict[str, Any]:
        """All that tells the model from others, plain data by name."""
        bounds: tuple[Tensor, ...] = getattr(self._model, "bounds", None) or ()
        return {
            "code": made_by(_LAYERS, _LIBRARIES),
            "weights": self.weights,
            "names": list(self._module.state_dict()),
            "network": repr(self._module),
            "attributes": [_plain_attributes(layer) for layer in self._module.modules()],
            "preprocessing": asdict(self._model.preprocessing) if is_explainable(self._model) else None,
            "bounds": digest_of(*(bound.numpy(force=True) for bound in bounds)),
            "devices": _devices(self._module),
        }

    @property
    def _known(self) -> bool:
        return not strange_layers(self._module) and not has_strange_state(self._module)


def strange_layers(network: nn.Module) -> list[nn.Module]:
    """Those whose type and attributes do not tell all that they do: other code than torch's and ours, or hooks."""
    return [layer for layer in network.modules() if not _is_known(layer)]


def is_patched(layer: nn.Module) -> bool:
    """Whether a layer does something else than its type says: it has hooks, or a forward of its own."""
    hooks = (layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks, layer._backward_pre_hooks)
    return any(hooks) or "forward" in vars(layer)


def has_strange_state(network: nn.Module) -> bool:
    """Whether its state holds anything but tensors."""
    return not all(isinstance(value, Tensor) for value in network.state_dict().values())


def _devices(network: nn.Module) -> list[str]:
    """Where its weights are: the same network rounds otherwise on another device."""
    return sorted({str(value.device) for value in network.state_dict().values() if isinstance(value, Tensor)})


def _plain_attributes(layer: nn.Module) -> dict[str, Any]:
    """Such as ``transform_input`` of GoogLeNet, which its repr does not tell; all answer as in eval mode."""
    told = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(layer).items()}
    return {name: value for name, value in told.items() if _is_plain(value) and name != "training"}


def _is_plain(value: object) -> bool:
    return isinstance(value, _PLAIN) or (isinstance(value, list) and all(isinstance(one, _PLAIN) for one in value))


def _is_known(layer: nn.Module) -> bool:
    """Whether a layer's type tells all that it does."""
    return f"{type(layer).__module__}.".startswith(_LAYERS_OF) and not is_patched(layer)


def _bytes_of(tensor: Tensor) -> NDArray[Any]:
    """What the tensor holds, also of types that NumPy does not know."""
    whole = tensor.cpu().contiguous()
    return whole.reshape(-1).view(torch.uint8).numpy() if whole.dtype == torch.bfloat16 else whole.numpy()
