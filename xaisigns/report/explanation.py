"""Explains image files: pictures, raw relevance, and the plain data that says what is in them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from xaisigns.attribution.assignment import Rules
from xaisigns.attribution.composites import DEFAULT_COMPOSITE
from xaisigns.attribution.lrp import LRP, LedgerEntry
from xaisigns.attribution.result import Result, explained
from xaisigns.data.classes import Language
from xaisigns.data.files import whole_file
from xaisigns.data.preprocessing import read_image
from xaisigns.errors import DataError, ModelError
from xaisigns.model.vgg import Classifier
from xaisigns.report.figures import save_figure, show

_BATCH = 16
_TOP = 5


@dataclass(frozen=True)
class Explaining:
    """What to explain and what to write.

    ``target`` and ``against`` are class ids; without a target each image's predicted class is explained. ``npy`` asks
    for the raw relevance ``(3, S, S)`` float32, ``ledger`` for what each layer received and passed on.
    """

    composite: str = DEFAULT_COMPOSITE
    rules: Rules | None = None
    target: int | None = None
    against: int | None = None
    npy: bool = False
    ledger: bool = False
    language: Language = "en"


def explain_files(
    model: Classifier,
    paths: Sequence[Path],
    out: Path,
    wanted: Explaining,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Explain each image and write its picture to ``out``; gives the document of ``explain --json``.

    An image that cannot be read is in its "skipped". No file of the call is written over another or over an image.
    Raises ModelError for a class that the model does not have, RuleError as LRP does, OutputError when ``out`` cannot
    be written.
    """
    classes = model.settings.classes
    for name, class_id in (("target", wanted.target), ("against", wanted.against)):
        if class_id is not None and class_id not in range(classes):
            raise ModelError(f"the model has no class {class_id}; give --{name} a number from 0 to {classes - 1}")
    lrp = LRP(model, wanted.composite, wanted.rules, model.bounds)
    results: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    names = _Names(out, paths)
    for batch in _batches(paths, skipped):
        x = model.preprocess([image for _, image in batch])
        result = explained(lrp, model, x, wanted.target, wanted.against)
        ledger = lrp.ledger(x, result.target, result.against) if wanted.ledger else None
        for index, (path, image) in enumerate(batch):
            one = _only(result, index)
            files = {"picture": names.take(path)}
            save_figure(show(model, [image], one, language=wanted.language), files["picture"])
            if wanted.npy:
                files["relevance"] = files["picture"].with_suffix(".npy")
                _save_array(one.relevance[0], files["relevance"])
            document = _document(model, path, one, files, wanted.language)
            if ledger:
                document["ledger"] = [_entry(entry, index) for entry in ledger]
            results.append(document)
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
    against = None if result.against is None else result.against[one]
    return replace(
        result, relevance=result.relevance[one], target=result.target[one], against=against, logits=result.logits[one]
    )


def _entry(entry: LedgerEntry, index: int) -> dict[str, Any]:
    told = {"layer": entry.assignment.layer, "type": entry.assignment.type, "rule": entry.assignment.rule.name}
    return {**told, "received": float(entry.received[index]), "passed": float(entry.passed[index])}


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
    against = None if result.against is None else int(result.against[0])
    best = probabilities.topk(min(_TOP, len(probabilities))).indices.tolist()
    return {
        "image": str(path),
        "predicted": named(best[0]),
        "top": [named(class_id) for class_id in best],
        "target": {"id": target, "name": model.class_name(target, language)},
        "against": None if against is None else {"id": against, "name": model.class_name(against, language)},
        "method": result.method,
        "composite": result.composite,
        "logit": float(result.logit[0]),
        "relevance_sum": float(result.relevance.sum()),
        "files": {kind: str(file) for kind, file in files.items()},
    }
