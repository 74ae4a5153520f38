"""What took long to find out about a model, kept on disk by all that it depends on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

from numpy.typing import NDArray
from torch import Tensor, nn

from xaisigns.base.cache import cached_arrays, digest_of, is_cached, made_by
from xaisigns.model.explainable import Explainable, is_explainable, module_of

_LAYERS = ("data", "model", "attribution", "metrics", "study")
_LIBRARIES = ("numpy", "pillow", "torch", "torchvision", "captum", "scikit-image", "scikit-learn")
_PACKAGES = ("torch", "torchvision", "xaisigns")  # whose code the key tells

Arrays = Mapping[str, NDArray[Any]]


class Store:
    """What is known about a model: arrays by kind and key, for this model's weights, settings and layers.

    Nothing is kept for a network with layers of other packages, with hooks, or with a forward of its own: two of them
    may have the same weights and answer differently.
    """

    def __init__(self, model: nn.Module | Explainable) -> None:
        self._model, self._module = model, module_of(model)

    def recall(self, kind: str, key: Sequence[Any], make: Callable[[], Arrays], *, keep: bool = True) -> Arrays:
        """The arrays that ``make`` gives, from the disk where they have been made before.

        ``key`` is plain data and says all that they depend on beside the model; with ``keep`` false it does not, and
        they are made each time.
        """
        return cached_arrays(kind, [*self._key, *key], make) if keep and self._known else make()

    def has(self, kind: str, key: Sequence[Any], *, keep: bool = True) -> bool:
        """Whether ``recall`` would find them on the disk."""
        return keep and self._known and is_cached(kind, [*self._key, *key])

    @cached_property
    def weights(self) -> str:
        """SHA-256 of the model's weights."""
        return digest_of(*(value.numpy(force=True) for value in self._module.state_dict().values()))

    @cached_property
    def _key(self) -> list[Any]:
        bounds: tuple[Tensor, ...] = getattr(self._model, "bounds", None) or ()
        return [
            made_by(_LAYERS, _LIBRARIES),
            self.weights,
            list(self._module.state_dict()),
            repr(self._module),
            asdict(self._model.preprocessing) if is_explainable(self._model) else None,
            digest_of(*(bound.numpy(force=True) for bound in bounds)),
        ]

    @cached_property
    def _known(self) -> bool:
        return all(_is_known(layer) for layer in self._module.modules())


def _is_known(layer: nn.Module) -> bool:
    """Whether a layer's type tells all that it does."""
    hooks = (layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks, layer._backward_pre_hooks)
    return type(layer).__module__.partition(".")[0] in _PACKAGES and not any(hooks) and "forward" not in vars(layer)
