"""Which pixels of an image make a model say its class: the smallest part that turns images of other classes."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import felzenszwalb
from torch import Tensor
from torch.nn import functional

from xaisigns.base.devices import in_bfloat16
from xaisigns.base.progress import Progress, silent
from xaisigns.data.tensors import normalise
from xaisigns.model.explainable import Explainable

Pixels = NDArray[np.uint8]
Masks = NDArray[np.bool_]

_COARSE = 4  # pixels along a side of what is masked as one
_BATCH, _TARGETS = 16, 3  # sources, and images of other classes that each is laid on
_STEPS, _FEWER, _RATE = 40, 16, 0.3  # of the first batch, and of those that begin with what has been found
_START, _SURE = -0.5, 1.5  # where each logit begins, and how far off it at most
_AREA, _EDGES = 25.0, 1.0  # what a mask's area and its edges cost
_ENOUGH = 0.3  # of the negative logarithm of the class's probability: less is not sought
_COVERED, _LARGEST = 0.4, 0.3  # of a segment that is in the mask, and of the image that a segment is
_THIN = 3 / 64  # of the side: half of what is too thin to be the feature where something thicker is


def feature_masks(
    model: Explainable, sources: Pixels, class_id: int, others: Pixels, seed: int = 0, progress: Progress = silent
) -> Masks:
    """The pixels ``(n, S, S)`` of each of the ``sources`` ``(n, S, S, 3)`` that make the model say the class.

    A coarse mask is optimised so that what it takes from a source turns images of ``others`` ``(m, S, S, 3)`` into the
    class, as few pixels as possible, as [fong2017interpretable] preserve an answer in one image. Then it takes whole
    segments of the source [felzenszwalb2004efficient] and leaves out what is thin beside them: the edges are those of
    things in the image.
    """
    random = np.random.default_rng([seed, class_id])
    cells = -(-sources.shape[1] // _COARSE)
    begin, steps = torch.full((cells, cells), _START), _STEPS
    found: list[Masks] = []
    for start in range(0, len(sources), _BATCH):
        batch = sources[start : start + _BATCH]
        logits = _optimised(model, batch, class_id, others, begin, steps, random)
        soft = _grown(logits.sigmoid(), sources.shape[1])[:, 0].numpy()
        found += [_whole(source, mask) for source, mask in zip(batch, soft, strict=True)]
        if start == 0:  # A feature that is anywhere has a mean that says little, and does no harm.
            begin, steps = logits.mean(dim=(0, 1)).clamp(_START - _SURE, _START + _SURE), _FEWER
        progress("locating", len(found), len(sources))
    return np.stack(found)


def pasted(source: Pixels, mask: Masks, targets: Pixels) -> Pixels:
    """The ``targets`` ``(N, S, S, 3)`` with what the mask ``(S, S)`` takes from the source."""
    return np.where(mask[:, :, None], source, targets)


def _optimised(
    model: Explainable,
    sources: Pixels,
    class_id: int,
    others: Pixels,
    begin: Tensor,
    steps: int,
    random: np.random.Generator,
) -> Tensor:
    """The logits of coarse masks ``(n, 1, cells, cells)``."""
    side, preprocessing = sources.shape[1], model.preprocessing
    above = _unit(sources).to(model.device).repeat(_TARGETS, 1, 1, 1)
    logits = begin.to(model.device).repeat(len(sources), 1, 1, 1).requires_grad_()
    centre, scale = (above.new_tensor(of).reshape(1, 3, 1, 1) for of in (preprocessing.mean, preprocessing.std))
    optimizer = torch.optim.Adam([logits], lr=_RATE)
    with torch.enable_grad():
        for _ in range(steps):
            below = _unit(others[random.integers(len(others), size=len(above))]).to(model.device)
            masks = _grown(logits.sigmoid(), side)
            mixed = torch.lerp(below, above, masks.repeat(_TARGETS, 1, 1, 1))
            with in_bfloat16(model.device):
                answers = model.module(((mixed - centre) / scale).contiguous(memory_format=torch.channels_last))
            turned = answers.float().log_softmax(dim=1)[:, class_id]
            edges = sum(masks.diff(dim=axis).abs().mean() for axis in (2, 3))
            loss = (-turned).clamp(min=_ENOUGH).mean() + _AREA * masks.mean() + _EDGES * edges
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return logits.detach().cpu()


def _grown(masks: Tensor, side: int) -> Tensor:
    return functional.interpolate(masks, size=(side, side), mode="bilinear", align_corners=False)


def _unit(pixels: Pixels) -> Tensor:
    return normalise(pixels, (0, 0, 0), (1, 1, 1))


def _whole(source: Pixels, mask: NDArray[np.float32]) -> Masks:
    """The segments that lie in the mask; the mask itself where none does."""
    inside, side = mask > 0.5, len(mask)
    bright = source / max(float(source.max()), 51.0)
    segments = felzenszwalb(bright, scale=60, sigma=0.4, min_size=round(0.005 * side**2))
    taken = np.zeros_like(inside)
    for number in np.unique(segments[inside]):
        segment = segments == number
        if inside[segment].mean() > _COVERED and segment.mean() < _LARGEST:
            taken |= segment
    if not taken.any():
        return inside
    around = disk(round(_THIN * side))
    border = len(around)
    taken = np.pad(taken, border, mode="edge")  # what is cut off by the image's border goes on there
    taken = ndimage.binary_fill_holes(ndimage.binary_closing(taken))
    thick = ndimage.binary_dilation(ndimage.binary_opening(taken, around)) & taken
    whole = thick if 2 * thick.sum() >= taken.sum() else taken
    return np.asarray(whole[border:-border, border:-border])


def disk(radius: int) -> Masks:
    """The pixels that are no further than that from the middle one; 1 at least."""
    radius = max(1, radius)
    across = np.arange(-radius, radius + 1)
    return np.asarray(np.hypot(*np.meshgrid(across, across)) <= radius)
