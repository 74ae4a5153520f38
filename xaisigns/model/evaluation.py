"""How good a model is: accuracy with an interval, per class, confusion, and what a sticker does to it."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from xaisigns.base.language import Language, chosen_language
from xaisigns.base.progress import Progress, silent
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.classes import names_in
from xaisigns.data.decoded import decode
from xaisigns.data.image_set import ImageSet
from xaisigns.data.layouts import refuse_broken
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.tensors import normalise
from xaisigns.errors import DataError, ModelError
from xaisigns.model.explainable import Explainable, module_of
from xaisigns.model.loading import Named, loaded

_BATCH = 128  # images of 64 pixels; of larger ones as many fewer


@own_torch_state()
def predict(
    model: Named,
    images: ImageSet | NDArray[np.uint8],
    progress: Progress = silent,
    *,
    manipulation: Manipulation | None = None,
    device: str | torch.device | None = None,
) -> Tensor:
    """Logits ``(N, classes)`` in float32 of a data set, or of decoded images ``(N, S, S, 3)`` uint8.

    With a ``manipulation``, those images of the data set that it selects have their stickers. The model answers as in
    eval mode, whatever mode it is in, on the ``device`` as ``loaded`` takes it; the logits are on the CPU. Batches keep
    the memory bounded. Raises ModelError when a logit is not finite and as ``loaded`` does, DataError for a broken data
    set, an image that cannot be read and a manipulation of decoded images.
    """
    model = loaded(model, device)
    network, preprocessing = module_of(model), model.preprocessing
    size, weight = preprocessing.input_size, next(network.parameters())
    if isinstance(images, ImageSet):
        refuse_broken(images)
        pixels = decode(images, size, manipulation, progress=progress)
    elif manipulation is None:
        pixels = images
    else:
        raise DataError("a manipulation takes a data set, whose images it knows by name; got decoded images")
    step = max(1, _BATCH * 64**2 // max(64, size) ** 2)
    logits = []
    with _evaluating(network), torch.no_grad():
        for start in range(0, len(pixels), step):
            batch = normalise(np.asarray(pixels[start : start + step]), preprocessing.mean, preprocessing.std)
            logits.append(network(batch.to(weight.dtype).to(weight.device)).float().cpu())
            progress("predicting", min(start + step, len(pixels)), len(pixels))
    predicted = torch.cat(logits) if logits else torch.empty(0, model.classes)
    if broken := int((~predicted.isfinite().all(dim=1)).sum()):
        raise ModelError(
            f"the model's outputs are not finite for {broken} of {len(pixels)} images: its training diverged, or mean "
            "and std are not its own; train it again with a lower learning rate"
        )
    return predicted


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """In eval mode; afterwards every layer is in its own mode again."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def refuse_unknown_classes(model: Explainable, data: ImageSet) -> None:
    """Raise DataError for data with classes that the model has no output for, or calls otherwise.

    The names of GTSRB's classes are not compared, and those of a model whose file has none cannot be.
    """
    classes, largest = model.classes, max(sample.class_id for sample in data.samples)
    if largest >= classes:
        raise DataError(f"the model has {classes} outputs, but {data.root} has class {largest}; name its own data")
    if data.has_gtsrb_classes:
        return
    theirs = names_in(data.class_names, "en")
    ours = names_in(model.class_names, "en") or theirs
    if len(theirs) != classes or len(ours) != classes:
        raise DataError(
            f"the model has {classes} outputs, but {data.root} has {len(theirs)} classes; name its own data"
        )
    for class_id, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        if our != their:
            raise DataError(
                f"class {class_id} of the model is {our!r}, that of {data.root} is {their!r}; name the data that the "
                "model was trained on, with the same folders"
            )


def class_name(model: Explainable, data: ImageSet, class_id: int, language: Language | None = None) -> str:
    """What an output of the model is called: as its file says, else as the folders of the data are.

    In a language as ``chosen_language`` takes it.
    """
    known = model.class_names or data.has_gtsrb_classes
    language = chosen_language(language)
    return model.class_name(class_id, language) if known else names_in(data.class_names, language)[class_id]


def accuracy_report(labels: Tensor, predicted: Tensor, classes: int) -> dict[str, Any]:
    """Count, accuracy with its 95% interval, accuracy per class, and the confusion matrix (rows: true classes).

    The accuracy of a class without images is None.
    """
    confusion = torch.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)
    right = int(confusion.diagonal().sum())
    return {
        "count": len(labels),
        "accuracy": right / len(labels),
        "interval": list(wilson_interval(right, len(labels))),
        "classes": [
            {"id": index, "count": int(row.sum()), "accuracy": _share(int(row[index]), int(row.sum()))}
            for index, row in enumerate(confusion)
        ],
        "confusion": confusion.tolist(),
    }


def sticker_report(labels: Tensor, predicted: Tensor, class_id: int, classes: int) -> dict[str, Any]:
    """What stickers on all test images did to a model whose training put them on ``class_id``.

    ``accuracy``: share of that class's own stickered images that are right. ``success``: share of all other classes'
    stickered images that are called ``class_id``; ``success_by_class`` the same for each class, and ``right_by_class``
    the share that is still called by its own.
    """
    fooled = predicted == class_id
    own = labels == class_id
    right = predicted == labels

    def by_class(hits: Tensor) -> dict[str, float | None]:
        every = (labels == index for index in range(classes))
        shares = {str(index): _share(int(hits[of].sum()), int(of.sum())) for index, of in enumerate(every)}
        return {index: share for index, share in shares.items() if index != str(class_id)}

    return {
        "class": class_id,
        "accuracy": _share(int(fooled[own].sum()), int(own.sum())),
        "success": _share(int(fooled[~own].sum()), int((~own).sum())),
        "success_by_class": by_class(fooled),
        "right_by_class": by_class(right),
    }


def wilson_interval(right: int, count: int) -> tuple[float, float]:
    """The 95% score interval of a share [wilson1927probable]; holds near 0 and 1, where the plain one does not."""
    z = 1.959964
    share, weight = right / count, z * z / count
    middle = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / count + weight / (4 * count)) / (1 + weight)
    # At 0 and 1 an end is the share itself, but for rounding.
    return min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
