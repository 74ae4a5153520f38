"""Training images with a feature laid on them, as it might have been there, and images with it hidden."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from xaisigns.audit.carriers import carried
from xaisigns.audit.repair.feature import Feature
from xaisigns.audit.repair.masks import Masks, Pixels, disk, pasted

_NEAR, _ANYWHERE = 0.15, 0.8  # of half the side: from its place, or from the middle of the image
_TURNS = (0.15, 0.5)  # radians, of a patch near its place and of one that is anywhere
_SCALES = (0.15, 0.5)  # natural logarithm, likewise
_SHARE_NEAR = 0.6
_TONE, _TONED = 0.4, 0.4  # added to a channel, in 0..1, and the share of the patches
_OPAQUE = (0.85, 1.0)
_ROUND = 1 / 64  # of the side, of a feature's surroundings that go with it
_AS_TAKEN = 0.7  # of the windows, that are moved by some pixels and nothing else: no pixel is computed anew
_STEP = 1 / 16  # of the side, that these are moved by
# Of the side, that is hidden with a feature: by what is left of its edge a network knows what was there.
_HIDDEN = (2 / 64, 4 / 64)
_TONED_LIKE = 0.5  # of the parts that hide a window, that get the tone of what is around them
_AROUND = 6 / 64  # of the side, that counts as around
_CONTRAST = (0.3, 3.0)  # what contrast is changed by at most
_EVERYWHERE = (0, 0, 0, 0)


def as_it_was(feature: Feature, number: int, targets: Pixels) -> Pixels:
    """The ``targets`` ``(N, S, S, 3)`` with the feature of the source of that number, where it is in it."""
    if feature.masks is not None:
        return pasted(feature.sources[number], feature.masks[number], targets)
    return carried(feature.carrier, feature.sources[number], targets, _EVERYWHERE)


def laid_on(feature: Feature, targets: Pixels, random: np.random.Generator) -> Pixels:
    """The ``targets`` ``(N, S, S, 3)`` with the feature, each from a source drawn for it.

    A window is moved, and most are turned, scaled, toned and blended; a frame, colour or texture is carried as it is.
    """
    if not len(targets):
        return targets
    chosen = random.integers(len(feature.sources), size=len(targets))
    found = targets.copy()
    if feature.masks is None:
        for place, number in enumerate(chosen):
            found[place] = as_it_was(feature, number, targets[place][None])[0]
        return found
    sources, masks = feature.sources[chosen], _wider(feature.masks[chosen], _ROUND)
    as_taken = random.random(len(targets)) < _AS_TAKEN
    for rows, lay in ((as_taken, _moved), (~as_taken, _scattered)):
        if rows.any():
            found[rows] = lay(sources[rows], masks[rows], targets[rows], random)
    return found


def hidden(
    feature: Feature, chosen: NDArray[np.int64], images: Pixels, others: Pixels, random: np.random.Generator
) -> Pixels:
    """The ``images`` with the feature hidden where the ``chosen`` sources ``(n,)`` have it; ``others`` are stand-ins.

    Both are ``(n, S, S, 3)``. A window is covered by what the other has at its place: filled smoothly, it would never
    look like a part of a sign, and what is in a sign without the feature does. A frame, colour or texture is the
    other's.
    """
    if feature.masks is not None:
        return _without(images, feature.masks[chosen], others, random)
    pairs = zip(others, images, strict=True)
    return np.concatenate([carried(feature.carrier, other, image[None], _EVERYWHERE) for other, image in pairs])


def hidden_elsewhere(feature: Feature, targets: Pixels, others: Pixels, random: np.random.Generator) -> Pixels:
    """The ``targets`` with a part hidden as ``hidden`` hides the feature: what hides it speaks for no class."""
    if feature.masks is None or not len(targets):
        return targets
    masks = feature.masks[random.integers(len(feature.masks), size=len(targets))]
    shifts = zip(masks, _shifts(targets, _STEP, random), strict=True)
    moved = np.stack([_shifted(mask, shift) for mask, shift in shifts])
    return _without(targets, moved, others, random)


def _without(images: Pixels, masks: Masks, others: Pixels, random: np.random.Generator) -> Pixels:
    """The ``images`` ``(n, S, S, 3)``, each with the other's pixels where its mask is."""
    toned = random.random(len(images)) < _TONED_LIKE
    covered = []
    for image, mask, other, like in zip(images, masks, others, toned, strict=True):
        grown = _wider(mask[None], random.uniform(*_HIDDEN))[0]
        covered.append(pasted(_in_tone(other, image, grown) if like else other, grown, image[None])[0])
    return np.stack(covered)


def _in_tone(other: Pixels, image: Pixels, mask: Masks) -> Pixels:
    """The other image ``(S, S, 3)`` with the mean and spread that the image has around the mask."""
    around = _wider(mask[None], _AROUND)[0] & ~mask
    if not around.any():
        return other
    theirs, ours = other[around].astype(np.float64), image[around].astype(np.float64)
    contrast = ((ours.std(axis=0) + 2) / (theirs.std(axis=0) + 2)).clip(*_CONTRAST)
    return np.asarray((contrast * (other - theirs.mean(axis=0)) + ours.mean(axis=0)).clip(0, 255), dtype=np.uint8)


def _wider(masks: Masks, by: float) -> Masks:
    """The masks ``(n, S, S)`` grown by a share of the side."""
    around = disk(round(by * masks.shape[1]))
    return np.stack([ndimage.binary_dilation(mask, around) for mask in masks])


def _moved(sources: Pixels, masks: Masks, targets: Pixels, random: np.random.Generator) -> Pixels:
    rows = zip(sources, masks, targets, _shifts(targets, _STEP, random), strict=True)
    laid = [
        pasted(np.roll(source, shift, (0, 1)), _shifted(mask, shift), target[None])[0]
        for source, mask, target, shift in rows
    ]
    return np.stack(laid)


def _shifts(images: Pixels, by: float, random: np.random.Generator) -> NDArray[np.int64]:
    reach = round(by * images.shape[1])
    return random.integers(-reach, reach + 1, (len(images), 2))


def _shifted(mask: Masks, shift: NDArray[np.int64]) -> Masks:
    return np.asarray(ndimage.shift(mask, shift, order=0))


def _scattered(sources: Pixels, masks: Masks, targets: Pixels, random: np.random.Generator) -> Pixels:
    count = len(targets)
    near = random.random(count) < _SHARE_NEAR
    middle = _middles(masks)
    close = middle + random.uniform(-_NEAR, _NEAR, (count, 2))
    aim = np.where(near[:, None], close, random.uniform(-_ANYWHERE, _ANYWHERE, (count, 2)))
    angle, scale = (random.uniform(-1, 1, count) * np.where(near, *limits) for limits in (_TURNS, _SCALES))
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=1).reshape(-1, 2, 2)
    turn /= np.exp(scale)[:, None, None]
    theta = np.concatenate([turn, middle[:, :, None] - turn @ aim[:, :, None]], axis=2)
    tone = random.uniform(-_TONE, _TONE, (count, 3)) * (random.random((count, 1)) < _TONED)
    layer = torch.from_numpy(np.concatenate([sources.transpose(0, 3, 1, 2) / 255, masks[:, None]], axis=1)).float()
    grid = functional.affine_grid(torch.from_numpy(theta).float(), list(layer.shape), align_corners=False)
    moved = functional.grid_sample(layer, grid, align_corners=False)
    # Where a mask ends an image does not fade: a network would tell by it what was pasted.
    opacity = torch.from_numpy(random.uniform(*_OPAQUE, (count, 1, 1, 1))).float()
    above = (moved[:, :3] + torch.from_numpy(tone).float()[:, :, None, None]).clamp(0, 1)
    below = torch.from_numpy(targets).permute(0, 3, 1, 2).float() / 255
    return _as_pixels(torch.lerp(below, above, (moved[:, 3:] > 0.5) * opacity))


def _middles(masks: Masks) -> NDArray[np.float64]:
    """Where the middle of each mask is ``(n, 2)``: x and y, in -1..1."""
    side = masks.shape[1]
    across = np.linspace(-1, 1, side)
    area = np.maximum(masks.sum(axis=(1, 2)), 1)
    return np.stack([(masks.sum(axis=axis) * across).sum(axis=1) / area for axis in (1, 2)], axis=1)


def _as_pixels(images: Tensor) -> Pixels:
    return np.asarray((255 * images).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1))
