"""The suspects of all classes, kept once they have been found: looking for them takes most of a second audit's time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaisigns.attribution.lrp import LRP
from xaisigns.audit.clusters import clusters
from xaisigns.audit.evidence import Suspect
from xaisigns.audit.transplant import box_of
from xaisigns.audit.windows import suspect
from xaisigns.base.cache import digest_of, made_by
from xaisigns.model.explainable import Explainable
from xaisigns.study.model_cache import Arrays, ModelCache
from xaisigns.study.responses import Responses


def kept_suspects(
    model: Explainable,
    explainer: LRP,
    responses: Responses,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    objects: NDArray[np.int64],
    seed: int,
    least: float,
) -> dict[int, Suspect]:
    """By class, the part that stands out, of those with ``least`` separation; from the disk where they are known.

    ``pixels`` ``(N, S, S, 3)`` are those that ``responses`` are about, with ``labels`` and ``objects`` ``(N,)``.
    """
    layers = list(responses.layers)

    def make() -> Arrays:
        found = clusters(responses, labels, objects, seed, least=least)
        return _flat([suspect(cluster, explainer, model, pixels) for cluster in found], layers)

    heard = digest_of(responses.logits, responses.parts)  # which a store may have from another device
    key = [made_by(("audit",), ("numpy", "scipy")), digest_of(pixels, labels, objects), heard, seed, least]
    known = _told(ModelCache(model).recall("suspects", key, make), layers)
    return {one.class_id: one for one in known}


def _flat(found: Sequence[Suspect], layers: Sequence[str]) -> Arrays:
    """Suspects as arrays: a row for each one, and one after the other for what is of each image or channel."""
    numbers = [[one.class_id, one.count, layers.index(one.layer), len(one.images), len(one.channels)] for one in found]
    none: list[NDArray[Any]] = [np.zeros(0, dtype=np.int64)]
    return {
        "numbers": np.array(numbers, dtype=np.int64).reshape(-1, 5),
        "shares": np.array([[one.separation, one.stability] for one in found]).reshape(-1, 2),
        "window": np.array([one.window for one in found], dtype=np.int64).reshape(-1, 4),
        "images": np.concatenate([*none, *(one.images for one in found)]),
        "windows": np.concatenate([*none, *(one.windows.ravel() for one in found)]),
        "channels": np.concatenate([*none, *(np.array(one.channels, dtype=np.int64) for one in found)]),
    }


def _told(arrays: Arrays, layers: Sequence[str]) -> list[Suspect]:
    numbers = arrays["numbers"]
    of_images, of_channels = (numbers[:, column].cumsum() for column in (3, 4))
    images, windows = np.split(arrays["images"], of_images), np.split(arrays["windows"].reshape(-1, 4), of_images)
    channels = np.split(arrays["channels"], of_channels)
    rows = zip(numbers.tolist(), arrays["shares"].tolist(), strict=True)
    return [
        Suspect(
            class_id=class_id,
            images=images[row],
            count=count,
            separation=separation,
            stability=stability,
            layer=layers[layer],
            channels=tuple(channels[row].tolist()),
            window=box_of(arrays["window"][row]),
            windows=windows[row],
        )
        for row, ((class_id, count, layer, *_), (separation, stability)) in enumerate(rows)
    ]
