"""Which images a canonized network takes, and why it does not take others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from xaisigns.attribution.network import Network, counted, given, nodes_of
from xaisigns.attribution.rules import Bounds
from xaisigns.attribution.sizes import on_meta
from xaisigns.errors import ShapeError

_MESSAGE_LENGTH = 160
_FAR = 8.0  # times the range of pixels, outside of it: no image changed on purpose, but one that was not preprocessed


class Images:
    """Takes the caller's images for a network, never to be changed or marked.

    ``bounds`` are the lowest and the highest normalised pixel, where they are known.
    """

    def __init__(self, network: Network, bounds: Bounds | None = None) -> None:
        self._network, self._bounds = network, bounds
        self._weight = next(network.parameters(), None)

    def own(self, images: Tensor) -> Tensor:
        """The images without a graph.

        Raises ShapeError for what are no images of the network's type and device, and for pixels that were not
        preprocessed, of which a model says nothing of meaning.
        """
        if not isinstance(images, Tensor):
            raise ShapeError(
                f"images must be a tensor (N, C, H, W), as model.preprocess gives it; got {type(images).__name__}"
            )
        if images.is_nested or images.layout != torch.strided:
            raise ShapeError(f"images must be a dense tensor (N, C, H, W), got one of {images.layout}")
        if images.ndim != 4 or not images.numel() or not images.is_floating_point():
            raise ShapeError(
                f"images must be (N, C, H, W) of floats, at least one; got {tuple(images.shape)}, {images.dtype}"
            )
        weight = self._weight
        if weight is not None and (images.dtype, images.device) != (weight.dtype, weight.device):
            raise ShapeError(
                f"images must be {weight.dtype} on {weight.device} as the model is, got {images.dtype} on "
                f"{images.device}; bring both together with .to(...)"
            )
        own = images.detach()
        self._refuse_raw_pixels(own)
        return own.clone() if own.is_inference() else own

    def _refuse_raw_pixels(self, images: Tensor) -> None:
        if self._bounds is None:
            return
        low, high = (float(bound) for bound in (self._bounds[0].min(), self._bounds[1].max()))
        lowest, highest = (float(end) for end in images.aminmax())
        if max(low - lowest, highest - high) > _FAR * (high - low):
            raise ShapeError(
                f"the images have values from {lowest:.4g} to {highest:.4g}, and this model's preprocessing gives "
                f"{low:.4g} to {high:.4g}: give it what model.preprocess or its like returns"
            )

    @contextmanager
    def told(self, images: Tensor) -> Iterator[None]:
        """Where the network is run: raises ShapeError, naming the layer, for images that it does not take."""
        try:
            yield
        except Exception as error:
            # Asked only now: to compute with shapes alone, torch imports its compiler, which takes seconds.
            problem = misfit(self._network, images.shape[1:])
            if problem:
                raise ShapeError(f"the model does not take images {tuple(images.shape)}: {problem}") from error
            raise


def misfit(network: Network, shape: torch.Size | tuple[int, ...]) -> str | None:
    """Why a network gives no logits for images ``(C, H, W)``, None where it does: by shapes, without computing."""
    values: dict[Any, Any] = {}
    logits: Any = None
    for node, layer in nodes_of(network):
        try:
            if node.op == "placeholder":
                values[node] = torch.empty(2, *shape, device="meta")
                continue
            args, kwargs = given(node, values)
            values[node] = logits = counted(node, args, kwargs) if layer is None else on_meta(layer)(*args, **kwargs)
        except (RuntimeError, ValueError, IndexError) as error:
            what = f"layer {str(node.target)!r} of type {type(layer).__name__}" if layer else f"{node.target!r}"
            return f"{what} says: {str(error)[:_MESSAGE_LENGTH]}"
    if logits.ndim != 2 or len(logits) != 2:
        return f"it must give logits (N, classes), and gives {('N', *logits.shape[1:])}".replace("'", "")
    return None
