"""What a model says of a data set and why, kept in the cache: predictions, heatmaps, scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from xaisigns.attribution.methods import Method
from xaisigns.base.cache import digest_of, kept, made_by
from xaisigns.base.progress import Progress, silent
from xaisigns.data.decoded import decode
from xaisigns.data.layouts import open_images
from xaisigns.data.manipulation import Manipulation
from xaisigns.model.evaluation import predict, refuse_unknown_classes
from xaisigns.model.explainable import Explainable
from xaisigns.study.cases import Cases, Masks, find_cases
from xaisigns.study.scoring import Scoring, explain_cases, image_scores

_MADE_BY = (
    ("data", "model", "attribution", "metrics", "study"),
    ("numpy", "pillow", "torch", "captum", "scikit-image", "scikit-learn"),
)


class Examined:
    """A model on the test images below ``root``.

    ``probabilities`` are ``(N, classes)`` of the images as they are, ``stickered`` of the same images with ``stickers``
    like those of the training, None where there were none; ``labels`` are ``(N,)``. Everything is kept by the
    model's weights and settings, the pixels and the code that made it; but nothing of a method whose name does not tell
    all that it does. Raises DataError for missing or broken data.
    """

    def __init__(self, model: Explainable, root: Path, progress: Progress = silent) -> None:
        self.model, self.root, self._progress = model, root, progress
        weights = model.module.state_dict()
        self.weights = digest_of(*(value.numpy(force=True) for value in weights.values()))
        prepared = asdict(model.preprocessing)
        self._key = [made_by(*_MADE_BY), self.weights, list(weights), repr(model.module), prepared]
        self.data = open_images(root, "test")
        refuse_unknown_classes(model, self.data)
        self.labels = torch.tensor([sample.class_id for sample in self.data.samples])
        trained_with = model.manipulation
        self.sticker_class = trained_with.class_id if trained_with else None
        self.stickers = None
        if trained_with and trained_with.class_id is not None:
            self.stickers = trained_with.everywhere()
        self.probabilities = self._predicted(None)
        self.stickered = self._predicted(self.stickers) if self.stickers else None

    @property
    def truth(self) -> Masks:
        """What relevance should lie on: the sticker, where one turns any image into its class, else the sign."""
        if self.stickered is None or self.sticker_class is None:
            return "roi"
        turned = self.stickered.argmax(dim=1).eq(self.sticker_class) & self.labels.ne(self.sticker_class)
        return "sticker" if bool(turned.any()) else "roi"

    def cases(self, kind: Masks, per_class: int, seed: int) -> Cases:
        """Images to score on."""
        return find_cases(self.model, self.root, kind, per_class, seed=seed, progress=self._progress)

    def heatmaps(self, pictures: Sequence[Image.Image], target: Sequence[int], method: Method) -> NDArray[np.float32]:
        """What speaks for ``target`` in each picture, ``(N, S, S)``."""
        if not pictures:
            return np.zeros((0, 0, 0), dtype=np.float32)
        images = self.model.preprocess(pictures)
        targets = torch.tensor(target)
        anywhere = torch.ones_like(images[:, 0], dtype=torch.bool)
        return self.explained(Cases("image", images, anywhere, targets, targets, ("",) * len(target)), method)

    def explained(self, cases: Cases, method: Method) -> NDArray[np.float32]:
        """The method's heatmaps of the cases, ``(N, S, S)``."""
        done = 0

        def count(images: int) -> None:
            nonlocal done
            done += images
            self._progress(method.name, done, len(cases))

        def make() -> dict[str, NDArray[Any]]:
            relevance = explain_cases(self.model, cases, method, count)
            return {"heatmaps": relevance.sum(dim=1).float().numpy()}

        return self._kept("heatmaps", cases, method, [], make)["heatmaps"]

    def scores(self, cases: Cases, method: Method, scoring: Scoring) -> dict[str, Tensor]:
        """Each metric of each case, ``(N,)``."""

        def make() -> dict[str, NDArray[Any]]:
            relevance = torch.from_numpy(self.explained(cases, method))[:, None]
            scores = image_scores(self.model, cases, method, relevance, scoring)
            return {metric: values.numpy() for metric, values in scores.items()}

        made = self._kept("scores", cases, method, [asdict(scoring)], make)
        return {name: torch.from_numpy(values) for name, values in made.items()}

    def _predicted(self, stickers: Manipulation | None) -> Tensor:
        pixels = decode(self.data, self.model.preprocessing.input_size, stickers, progress=self._progress)
        key = [*self._key, digest_of(pixels)]
        made = kept("predictions", key, lambda: {"logits": predict(self.model, pixels, self._progress).numpy()})
        return torch.from_numpy(made["logits"]).softmax(dim=1)

    def _kept(
        self, kind: str, cases: Cases, method: Method, key: list[Any], make: Callable[[], Mapping[str, NDArray[Any]]]
    ) -> Mapping[str, NDArray[Any]]:
        if not method.known:
            return make()
        tensors = (cases.images, cases.masks, cases.labels, cases.target)
        return kept(kind, [*self._key, method.key, cases.kind, digest_of(*(t.numpy() for t in tensors)), *key], make)
