"""Explains image files: pictures, raw relevance, and the plain data that says what is in them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from xaisigns.attribution.composites import DEFAULT_COMPOSITE
from xaisigns.attribution.result import Result, attribute
from xaisigns.data.classes import Language
from xaisigns.data.files import whole_file
from xaisigns.data.preprocessing import read_image
from xaisigns.errors import DataError, ModelError
from xaisigns.model.vgg import Classifier
from xaisigns.report.figures import save_figure, show

_BATCH = 16
_TOP = 5


def explain_files(
    model: Classifier,
    paths: Sequence[Path],
    out: Path,
    *,
    composite: str = DEFAULT_COMPOSITE,
    target: int | None = None,
    npy: bool = False,
    language: Language = "en",
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Explain each image for its predicted class, or for ``target``, and write its picture to ``out``.

    With ``npy`` the relevance ``(3, S, S)`` float32 is written too. Gives the document of ``explain --json``; an image
    that cannot be read is in its "skipped". No file of the call is written over another or over an image. Raises
    ModelError for a target that the model does not have, OutputError when ``out`` cannot be written.
    """
    classes = model.settings.classes
    if target is not None and target not in range(classes):
        raise ModelError(f"the model has no class {target}; give --target a number from 0 to {classes - 1}")
    results: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    names = _Names(out, paths)
    for batch in _batches(paths, skipped):
        pictures = [image for _, image in batch]
        result = attribute(model, model.preprocess(pictures), target, composite=composite)
        for index, (path, image) in enumerate(batch):
            one = _only(result, index)
            files = {"picture": names.take(path)}
            save_figure(show(model, [image], one, language=language), files["picture"])
            if npy:
                files["relevance"] = files["picture"].with_suffix(".npy")
                _save_array(one.relevance[0], files["relevance"])
            results.append(_document(model, path, one, files, language))
            if progress:
                progress(len(results) + len(skipped), len(paths))
    return {"results": results, "skipped": skipped}


class _Names:
    """Gives every image a picture's name of its own, that of the image where it is free."""

    def __init__(self, folder: Path, images: Sequence[Path]) -> None:
        self._folder = folder
        self._taken = {str(path.resolve()).casefold() for path in images}

    def take(self, image: Path) -> Path:
        number = 1
        while True:
            ending = "" if number == 1 else f"-{number}"
            path = self._folder / f"{image.stem}{ending}.png"
            # Folded, since some file systems hold A.png and a.png for one.
            key = str(path.resolve()).casefold()
            if key not in self._taken:
                self._taken.add(key)
                return path
            number += 1


def _batches(paths: Sequence[Path], skipped: list[dict[str, str]]) -> Iterator[list[tuple[Path, Image.Image]]]:
    """Decoded images in batches of bounded memory; what cannot be read goes to ``skipped``."""
    batch: list[tuple[Path, Image.Image]] = []
    for path in paths:
        try:
            batch.append((path, read_image(path)))
        except DataError as error:
            skipped.append({"image": str(path), "error": str(error)})
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _only(result: Result, index: int) -> Result:
    one = slice(index, index + 1)
    return Result(result.relevance[one], result.target[one], result.logits[one], result.method, result.composite)


def _save_array(values: Tensor, path: Path) -> None:
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.save(file, values.numpy(force=True))


def _document(
    model: Classifier, path: Path, result: Result, files: dict[str, Path], language: Language
) -> dict[str, Any]:
    probabilities = result.probabilities[0]

    def named(class_id: int) -> dict[str, Any]:
        name, probability = model.class_name(class_id, language), float(probabilities[class_id])
        return {"id": class_id, "name": name, "probability": probability}

    target = int(result.target[0])
    best = probabilities.topk(min(_TOP, len(probabilities))).indices.tolist()
    return {
        "image": str(path),
        "predicted": named(best[0]),
        "top": [named(class_id) for class_id in best],
        "target": {"id": target, "name": model.class_name(target, language)},
        "method": result.method,
        "composite": result.composite,
        "logit": float(result.logit[0]),
        "relevance_sum": float(result.relevance.sum()),
        "files": {kind: str(file) for kind, file in files.items()},
    }
