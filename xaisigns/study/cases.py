"""Images to explain, with what an attribution should point at where that is known: a sticker, or the sign."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from xaisigns.base.bounds import LARGEST_SEED
from xaisigns.base.cache import digest_of
from xaisigns.base.progress import Progress, silent
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.export import SIGN, STICKER, read_masks
from xaisigns.data.image_set import Box, ImageSet, Sample
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.preprocessing import read_image, resize, resize_mask
from xaisigns.data.stickers import keyed_random
from xaisigns.errors import DataError, ModelError
from xaisigns.metrics.settings import MOST_OF_A_CLASS, check_whole
from xaisigns.model.evaluation import refuse_unknown_classes
from xaisigns.model.explainable import Explainable, batch_for

Masks = Literal["sticker", "roi"]

NO_TRUTH = (
    "the data do not tell where in an image its object is; wanted a model that was trained with stickers "
    "(train --sticker-class), or a score by metrics that need no place (score --metrics complexity,flipping)"
)
_BATCH = 16


@dataclass(frozen=True, eq=False)
class Cases:
    """Images for a model, and what an attribution of ``target`` should point at in each.

    ``images`` ``(N, 3, S, S)`` are normalised, ``masks`` ``(N, S, S)`` bool, ``labels`` and ``target`` ``(N,)`` class
    ids, ``keys`` the images' names. ``masks`` cover the sticker or the sign, as ``kind`` says; for "image" they cover
    the whole image, since nothing is known.
    """

    kind: Masks | Literal["image"]
    images: Tensor
    masks: Tensor
    labels: Tensor
    target: Tensor
    keys: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.keys)

    def some(self, count: int) -> "Cases":
        """At most so many of them, evenly spread."""
        return self.at(range(0, len(self), -(-len(self) // count)))

    def at(self, chosen: Sequence[int]) -> "Cases":
        """Those at these places."""
        images, masks, labels, target = (
            one[list(chosen)] for one in (self.images, self.masks, self.labels, self.target)
        )
        return Cases(self.kind, images, masks, labels, target, tuple(self.keys[place] for place in chosen))

    @property
    def against(self) -> Tensor | None:
        """The class that a contrast takes off: the true one where a sticker hides it, else the runner-up (None)."""
        return self.labels if self.kind == "sticker" else None

    @cached_property
    def digest(self) -> str:
        """The same for the same images, masks and classes."""
        tensors = (self.images, self.masks, self.labels, self.target)
        return f"{self.kind} {digest_of(*(tensor.numpy(force=True) for tensor in tensors))}"


def find_cases(
    model: Explainable,
    data: ImageSet,
    kind: Masks | None,
    per_class: int,
    *,
    seed: int = 0,
    classes: Sequence[int] | None = None,
    progress: Progress = silent,
) -> Cases:
    """Up to ``per_class`` images of each class of the data, drawn by ``seed``, with what should be pointed at in each.

    ``classes`` are ids of those to draw from, without them all.

    "sticker": images of the other classes that the model, once a sticker is on them, calls the class that had stickers
    in its training; the mask is the sticker's, and that class is explained. "roi": images of every class; the mask is
    the sign's (exact where the data set has masks, else its box), and what the model calls the image is explained;
    where the data set has no boxes, the kind is "image". None: "sticker" for a model that was trained with stickers on
    a class, else "roi". ``progress`` hears how many images have been looked at.

    Raises ModelError for "sticker" with a model that was trained without, DataError for broken data and where no image
    qualifies, MetricError for a seed or a number of images out of bounds.
    """
    check_whole("the number of images of each class", per_class, 1, MOST_OF_A_CLASS)
    check_whole("seed", seed, 0, LARGEST_SEED)
    refuse_unknown_classes(model, data)
    samples = data.samples
    stickers = _stickers(model, kind)
    found: list[_Case] = []
    looked = 0
    for class_id, of_class in _by_class(samples, seed).items():
        if (classes is None or class_id in classes) and (not stickers or class_id != stickers.class_id):
            found += _of_class(model, data, of_class, per_class, stickers)
        looked += len(of_class)
        progress("finding images", looked, len(samples))
    if not found:
        raise DataError(
            f"no image below {data.root} fits: with a sticker on it, the model calls none what it was taught to"
        )
    known: Masks | Literal["image"] = "sticker" if stickers else "roi" if data.has_boxes else "image"
    return _joined(known, found, model)


@dataclass(frozen=True, eq=False)
class _Case:
    sample: Sample
    image: Image.Image
    mask: NDArray[np.bool_]
    called: int = -1


def _stickers(model: Explainable, kind: Masks | None) -> Manipulation | None:
    """Stickers like those of the training, for every image; None where signs are wanted."""
    trained_with = model.manipulation if kind != "roi" else None
    if trained_with and trained_with.class_id is not None:
        return replace(trained_with, fraction=1.0)
    if kind == "sticker":
        raise ModelError("the model was not trained with stickers on a class: leave out --masks")
    return None


def _by_class(samples: Sequence[Sample], seed: int) -> dict[int, list[Sample]]:
    """Each class's samples in an order drawn by the seed."""
    groups: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.class_id].append(sample)
    return {
        class_id: sorted(groups[class_id], key=lambda sample: keyed_random(seed, f"case/{sample.key}").random())
        for class_id in sorted(groups)
    }


def _of_class(
    model: Explainable,
    data: ImageSet,
    samples: Sequence[Sample],
    count: int,
    stickers: Manipulation | None,
) -> list[_Case]:
    """The first ``count`` of one class's samples that qualify."""
    wanted = stickers.class_id if stickers else None
    found: list[_Case] = []
    for start in range(0, len(samples), _BATCH):
        if len(found) >= count:
            break
        batch = samples[start : start + _BATCH]
        found += _called(
            model, [_case(data, sample, stickers, model.preprocessing.input_size) for sample in batch], wanted
        )
    return found[:count]


def _case(data: ImageSet, sample: Sample, stickers: Manipulation | None, size: int) -> _Case:
    image = read_image(sample.path)
    if stickers is None:
        mask = sign_mask(data, sample, image)
    else:
        masks = read_masks(data, sample, image)
        image, mask = (image, masks[STICKER]) if STICKER in masks else stickers.apply(image, sample)
    # Resized at once: a photograph takes a thousand times the memory.
    return _Case(sample, Image.fromarray(resize(image, size)), resize_mask(mask, size))


def sign_mask(data: ImageSet, sample: Sample, image: Image.Image) -> NDArray[np.bool_]:
    """Where the sign is in the sample's image, ``(H, W)``: exact where the data set has masks, else its box.

    Raises DataError as ``read_masks`` and ``Sample.box`` do.
    """
    return read_masks(data, sample, image).get(SIGN, _box(sample.box(image), image.size))


def _box(roi: Box, size: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros((size[1], size[0]), dtype=np.bool_)
    mask[roi[1] : roi[3] + 1, roi[0] : roi[2] + 1] = True
    return mask


def _called(model: Explainable, cases: list[_Case], wanted: int | None) -> list[_Case]:
    """The cases with what the model calls them; only those of the wanted class where there is one."""
    with own_torch_state(), torch.inference_mode():
        called = model.module(batch_for(model, [case.image for case in cases])).argmax(dim=1).tolist()
    answered = [replace(case, called=class_id) for case, class_id in zip(cases, called, strict=True)]
    return [case for case in answered if wanted in (None, case.called)]


def _joined(kind: Masks | Literal["image"], cases: list[_Case], model: Explainable) -> Cases:
    masks = np.stack([case.mask for case in cases])
    return Cases(
        kind,
        batch_for(model, [case.image for case in cases]),
        torch.from_numpy(masks),
        torch.tensor([case.sample.class_id for case in cases]),
        torch.tensor([case.called for case in cases]),
        tuple(case.sample.key for case in cases),
    )
