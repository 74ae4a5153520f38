"""How good a model is on a data set, and what a sticker does to it."""

from typing import Any

import torch

from xaisigns.base.language import Language
from xaisigns.base.progress import Progress, silent
from xaisigns.model.evaluation import accuracy_report, class_name, sticker_report
from xaisigns.model.loading import Named, loaded
from xaisigns.study.study import Data, Study, images_of


def evaluate(
    model: Named,
    data: Data = None,
    *,
    language: Language | None = None,
    device: str | torch.device | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Measure the model on test images: the document of ``xaisigns evaluate --json``, plain data.

    ``model`` is loaded, or a name or file that ``load_model`` takes; ``data`` is a data set, a folder with test images,
    or None for drawn signs. ``split`` says which images were used. For a model that was trained with stickers,
    ``sticker`` says what the same kind does on every image. Classes are named in ``language``, as ``chosen_language``
    takes it; ``device`` is as ``loaded`` takes it. What has been computed before comes from the cache. Raises DataError
    for data that is missing or broken, or has classes that the model does not have.
    """
    model = loaded(model, device)
    study = Study(model, images_of(data, "test", progress), progress)
    classes = model.classes
    accuracy = accuracy_report(study.labels, study.logits.argmax(dim=1), classes)
    report = {"split": study.data.split, **accuracy}
    for row in report["classes"]:
        row["name"] = class_name(model, study.data, row["id"], language)
    if study.stickered_logits is not None and study.sticker_class is not None:
        called = study.stickered_logits.argmax(dim=1)
        report["sticker"] = sticker_report(study.labels, called, study.sticker_class, classes)
    return report
