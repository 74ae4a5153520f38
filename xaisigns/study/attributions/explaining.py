"""From a batch of decoded images to all that a store keeps of them."""

from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xaisigns.attribution.agreement import faithful_copy
from xaisigns.attribution.methods import Method
from xaisigns.attribution.network import Network
from xaisigns.attribution.options import BATCH
from xaisigns.attribution.prepared import Prepared
from xaisigns.attribution.result import Result
from xaisigns.data.image_set import ImageSet
from xaisigns.data.tensors import normalise
from xaisigns.errors import MethodError, XaisignsError
from xaisigns.model.explainable import Explainable
from xaisigns.study.attributions.ahead import Batch
from xaisigns.study.attributions.halves import to_halves
from xaisigns.study.attributions.identity import Wanted
from xaisigns.study.attributions.layout import EXPLAINED, SKIPPED, Layout, shard_of
from xaisigns.study.cases import Cases
from xaisigns.study.measuring import explanation_of
from xaisigns.study.responses import listen, listened_to


class BatchExplainer:
    """Explains batches of a data set by all wanted methods, which are made ready once, when they are first needed."""

    def __init__(self, model: Explainable, data: ImageSet, wanted: Wanted) -> None:
        self._model, self._data, self._wanted = model, data, wanted

    @cached_property
    def _methods(self) -> list[Prepared]:
        return [method.prepared(self._model) for method in self._wanted.methods]

    @cached_property
    def _listened(self) -> tuple[Network, dict[str, int]]:
        """The network whose layers are listened to, and how many channels each of these has."""
        network, _ = faithful_copy(self._model.module)
        return network, listened_to(network)

    def layout(self) -> Layout:
        """The sizes of the store, by a try with one grey image.

        Raises MethodError for layers where no method is LRP, RuleError for one that does not exist, and what methods
        and ``listened_to`` raise.
        """
        wanted, side = self._wanted, self._model.preprocessing.input_size
        if wanted.layers and not any(map(_has_layers, wanted.methods)):
            raise MethodError(
                "inner layers have relevance by lrp alone, and without smooth: add lrp to the methods, or leave out "
                "the layers"
            )
        grey = self._images(np.full((1, side, side, 3), 127, dtype=np.uint8))
        results = [self._explained(place, grey, None) for place in range(len(self._methods))]
        layers = next((result.layers for result in results if result.layers), {})
        return Layout(
            len(self._data),
            results[0].logits.shape[1],
            side,
            [method.name for method in wanted.methods],
            [metric.name for metric in wanted.metrics],
            {name: relevance.shape[1] for name, relevance in layers.items()},
            [method.name for method in wanted.methods if wanted.layers and _has_layers(method)],
            wanted.half,
            shard_of(len(wanted.methods), side, half=wanted.half),
            BATCH,
            self._listened[1] if wanted.responses else {},
        )

    def explain(self, batch: Batch, layout: Layout) -> dict[str, NDArray[Any]]:
        """The batch's rows of every array; an image that could not be read has the state SKIPPED, and why.

        Raises what the methods and metrics raise, with the images named.
        """
        arrays = layout.empty(len(batch.places))
        for place, error in batch.errors.items():
            arrays["state"][place - batch.places.start] = SKIPPED
            arrays["error"][place - batch.places.start] = error
        if batch.read:
            rows = np.array(batch.read) - batch.places.start
            arrays["state"][rows] = EXPLAINED
            try:
                for name, values in self._rows(batch).items():
                    arrays[name][rows] = values
            except XaisignsError as error:
                first, last = (self._data.samples[batch.read[end]].key for end in (0, -1))
                raise type(error)(f"images {first} to {last}: {error}") from error
        return arrays

    def _rows(self, batch: Batch) -> dict[str, NDArray[Any]]:
        images = self._images(batch.pixels)
        target: Tensor | None = None
        heatmaps, scores = [], []
        layers: dict[str, list[NDArray[np.float32]]] = {}
        rows: dict[str, NDArray[Any]] = {}
        for place in range(len(self._methods)):
            result = self._explained(place, images, target)
            if target is None:
                target = result.target
                rows["logits"] = _numbers(result.logits)
                rows["predicted"] = rows["target"] = result.target.numpy(force=True).astype(np.int32)
            heatmaps.append(self._heatmap(place, result))
            for name, relevance in result.layers.items():
                layers.setdefault(name, []).append(
                    _numbers(relevance.flatten(2).sum(dim=2) if relevance.ndim > 2 else relevance)
                )
            if self._wanted.metrics:
                scores.append(self._scores(place, images, batch, result))
        rows["heatmaps"] = np.stack(heatmaps, axis=1)
        if self._wanted.half:
            halves, scales = zip(*map(to_halves, heatmaps), strict=True)
            rows["heatmaps"], rows["scale"] = np.stack(halves, axis=1), np.stack(scales, axis=1)
        if self._wanted.responses:
            network, layers_heard = self._listened
            rows["responses"] = listen(network, list(layers_heard), images)
        if scores:
            rows["scores"] = np.stack(scores, axis=1)
        return rows | {f"layers/{name}": np.stack(found, axis=1) for name, found in layers.items()}

    def _images(self, pixels: NDArray[np.uint8]) -> Tensor:
        preprocessing = self._model.preprocessing
        weight = next(self._model.module.parameters())
        return normalise(pixels, preprocessing.mean, preprocessing.std).to(weight.device, weight.dtype)

    def _explained(self, place: int, images: Tensor, target: Tensor | None) -> Result:
        layers = self._wanted.layers if _has_layers(self._wanted.methods[place]) else ()
        return self._methods[place](images, target, layers=layers)

    def _heatmap(self, place: int, result: Result) -> NDArray[np.float32]:
        found = _numbers(result.heatmap)
        if not np.isfinite(found).all():
            raise MethodError(
                f"method {self._wanted.methods[place].name!r} gives heatmaps that are not finite in float32"
            )
        return found

    def _scores(self, place: int, images: Tensor, batch: Batch, result: Result) -> NDArray[np.float32]:
        """``(N, metrics)``."""
        labels = torch.tensor([self._data.samples[one].class_id for one in batch.read])
        keys = tuple(self._data.samples[one].key for one in batch.read)
        masks = (
            torch.ones_like(images[:, 0], dtype=torch.bool) if batch.masks is None else torch.from_numpy(batch.masks)
        )
        cases = Cases("image" if batch.masks is None else "roi", images, masks, labels, result.target.cpu(), keys)
        scoring = self._wanted.scoring
        assert scoring is not None  # noqa: S101 (for the type checker: there are metrics)
        explanation = explanation_of(self._model, cases, self._wanted.methods[place], result.relevance, scoring)
        return np.stack([_numbers(metric.measure(explanation)) for metric in self._wanted.metrics], axis=1)


def _has_layers(method: Method) -> bool:
    return method.composite is not None and not method.smooth


def _numbers(values: Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = values.float().numpy(force=True)
    return found
