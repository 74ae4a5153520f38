"""Where in an image the relevance lies that a class gets through some channels, as a square window."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv2d

from xaisigns.attribution.inner import Channels
from xaisigns.attribution.lrp import LRP
from xaisigns.audit.clusters import Cluster
from xaisigns.audit.evidence import Box, Suspect
from xaisigns.audit.exhibits import spread
from xaisigns.data.tensors import normalise
from xaisigns.model.explainable import Explainable

_SHARE = 5 / 16  # of the image's side: a window of 10 in 32 or 20 in 64 pixels
_BATCH = 32
_EXPLAINED = 24  # images of a cluster


class Windows(NamedTuple):
    """The window of the relevance of all images together, and that of each ``(n, 4)``: left, top, right, bottom."""

    common: Box
    each: NDArray[np.int64]


def suspect(cluster: Cluster, explainer: LRP, model: Explainable, pixels: NDArray[np.uint8]) -> Suspect:
    """A cluster with the windows that the relevance of its channels points at.

    ``pixels`` ``(N, S, S, 3)`` uint8 are those of the data. Only 24 of the images are explained, spread over all; each
    other one has the common window.
    """
    count = len(cluster.images)
    explained = np.array(spread(range(count), _EXPLAINED))
    chosen = pixels[cluster.images[explained]]
    found = relevant_windows(explainer, model, chosen, cluster.class_id, {cluster.layer: cluster.channels})
    windows = np.tile(np.array(found.common, dtype=np.int64), (count, 1))
    windows[explained] = found.each
    return Suspect(
        class_id=cluster.class_id,
        images=cluster.images,
        count=cluster.count,
        separation=cluster.separation,
        stability=cluster.stability,
        layer=cluster.layer,
        channels=cluster.channels,
        window=found.common,
        windows=windows,
    )


def relevant_windows(
    explainer: LRP,
    model: Explainable,
    pixels: NDArray[np.uint8],
    class_id: int,
    channels: Channels | None = None,
) -> Windows:
    """The windows around the most positive relevance for the class, of decoded images ``(n, S, S, 3)`` uint8.

    With ``channels`` only relevance that passes them counts [achtibat2023attribution]. An image that has no positive
    relevance gets the common window, in which each other one weighs alike; where no image has any it is the middle.
    Raises RuleError for a layer or channel that does not exist.
    """
    heat = torch.cat(
        [
            _heat(explainer, model, pixels[start : start + _BATCH], class_id, channels)
            for start in range(0, len(pixels), _BATCH)
        ]
    )
    side = round(_SHARE * heat.shape[-1])
    common = _window(heat.mean(dim=0), side)
    each = [_window(one, side) if one.any() else common for one in heat]
    return Windows(common, np.array(each, dtype=np.int64))


def _heat(
    explainer: LRP, model: Explainable, pixels: NDArray[np.uint8], class_id: int, channels: Channels | None
) -> Tensor:
    """Positive relevance of the pixels, ``(n, S, S)``; its sum is 1 in each image that has any."""
    weight = next(model.module.parameters())
    images = normalise(np.asarray(pixels), model.preprocessing.mean, model.preprocessing.std)
    relevance = explainer.attribute(images.to(weight.dtype).to(weight.device), class_id, channels=channels)
    positive = relevance.sum(dim=1).clamp(min=0).double().cpu()
    total = positive.sum(dim=(1, 2), keepdim=True)
    return torch.where(total > 0, positive / total, 0.0)


def _window(heat: Tensor, side: int) -> Box:
    """The square with the most heat, the more so the nearer to its middle; that of the image where there is none."""
    slope = torch.arange(side, dtype=heat.dtype)
    slope = 1 + torch.minimum(slope, slope.flip(0))
    within = conv2d(heat[None, None], torch.outer(slope, slope)[None, None])[0, 0]
    if within.any():
        top, left = divmod(int(within.argmax()), within.shape[1])
    else:
        left = top = (heat.shape[-1] - side) // 2
    return left, top, left + side, top + side
