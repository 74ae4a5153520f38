"""What an audit compares: images as the training had them, images that it did not see, and a reference model."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from xaisigns.base.cache import digest_of
from xaisigns.base.progress import Progress, silent
from xaisigns.data.classes import CLASS_NAMES, names_in
from xaisigns.data.decoded import Images, decode
from xaisigns.data.image_set import ImageSet, Split
from xaisigns.data.layouts import open_images
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.preprocessing import read_image, resize
from xaisigns.errors import AuditError, DataError
from xaisigns.model.evaluation import refuse_unknown_classes
from xaisigns.model.explainable import Explainable
from xaisigns.model.loading import Named, loaded
from xaisigns.study.model_cache import ModelCache
from xaisigns.study.study import Data, images_of

NO_REFERENCE = "none"
_SHIPPED = "clean"


@dataclass(frozen=True, eq=False)
class Material:
    """Images of a data set, decoded; ``stickers`` were put on in memory; ``copies`` are test images among them."""

    data: ImageSet
    stickers: Manipulation | None
    images: Images
    copies: int = 0


def find_material(
    model: Explainable, data: Data, split: Split, progress: Progress = silent
) -> tuple[Material, Material | None]:
    """The images to audit, and test images, which the training did not see; None where there are none.

    Test images that have, at the model's size, the pixels of an image to audit were seen: they are left out.
    Of a folder, or of drawn signs, the images of the split, the training images as the model's trainer had them: with
    the stickers that its card tells of, unless they are on the images already. A data set is taken as it is. Raises
    DataError for data that are missing or broken, or have other classes than the model.
    """
    images = images_of(data, split, progress)
    stickers = None if isinstance(data, ImageSet) else _stickers(model, images)
    seen = _decoded(model, images, stickers, progress)
    if images.split == "test":
        return seen, seen
    test = _test_images(images)
    return (seen, None) if test is None else _without_copies(seen, _decoded(model, test, None, progress))


def find_reference(model: Explainable, data: ImageSet, wanted: Named | None) -> tuple[Explainable | None, str | None]:
    """The model that flips are compared with, and its name; a name or a file is loaded to where the model is.

    Without one it is the shipped "clean" for a model of GTSRB's classes, but not for itself; "none" is none. Raises
    AuditError for a model that would be its own reference, or a reference with other classes, and as ``loaded`` does.
    """
    if wanted == NO_REFERENCE or (wanted is None and not _has_gtsrb_classes(model, data)):
        return None, None
    chosen = _SHIPPED if wanted is None else wanted
    name = str(chosen) if isinstance(chosen, Path | str) else None
    reference = loaded(chosen, model.device)
    if ModelCache(reference).weights == ModelCache(model).weights:
        if wanted is None:
            return None, None
        raise AuditError(
            f"the reference {name or 'model'} has the weights of the audited model, which differs in nothing from "
            "itself: name another reference, or none"
        )
    _refuse_other_classes(model, reference)
    return reference, name


def _stickers(model: Explainable, images: ImageSet) -> Manipulation | None:
    return model.manipulation if images.split == "train" and images.manipulation is None else None


def _decoded(model: Explainable, data: ImageSet, stickers: Manipulation | None, progress: Progress) -> Material:
    refuse_unknown_classes(model, data)
    pixels = decode(data, model.preprocessing.input_size, stickers, progress=progress)
    return Material(data, stickers, Images(pixels, torch.tensor([sample.class_id for sample in data.samples])))


def _without_copies(seen: Material, test: Material) -> tuple[Material, Material | None]:
    """Both, the test images without those that are among the seen ones, which note how many these were."""
    known = {digest_of(pixels) for pixels in seen.images.pixels}
    if seen.stickers is not None:  # the same images without them are no others
        own = [sample for sample in seen.data.samples if seen.stickers.class_id in (None, sample.class_id)]
        known |= {digest_of(resize(read_image(sample.path), test.images.pixels.shape[1])) for sample in own}
    new = np.array([digest_of(pixels) not in known for pixels in test.images.pixels], dtype=bool)
    if new.all():
        return seen, test
    seen = replace(seen, copies=int((~new).sum()))
    if not new.any():
        return seen, None
    samples = [sample for sample, is_new in zip(test.data.samples, new, strict=True) if is_new]
    data = ImageSet(test.data.root, test.data.split, samples, test.data.class_names, test.data.layout)
    images = Images(test.images.pixels[new], test.images.labels[torch.from_numpy(new)])
    return seen, replace(test, data=data, images=images)


def _test_images(data: ImageSet) -> ImageSet | None:
    try:
        return open_images(data.root, "test")
    except DataError as error:
        if isinstance(error.__cause__, PermissionError):  # what may not be looked at is not missing
            raise
        return None


def _has_gtsrb_classes(model: Explainable, data: ImageSet) -> bool:
    names = names_in(model.class_names, "en") or names_in(data.class_names, "en")
    return model.classes == len(names) and list(names) == CLASS_NAMES["en"]


def _refuse_other_classes(model: Explainable, reference: Explainable) -> None:
    ours, theirs = (list(names_in(one.class_names, "en")) for one in (model, reference))
    if model.classes != reference.classes or (ours and theirs and ours != theirs):
        raise AuditError(
            f"the reference tells {reference.classes} classes apart, the model {model.classes}, or they are others: "
            "name a reference that was trained for the same classes, or none"
        )
