"""Explains image files: pictures, raw relevance, and the plain data that says what is in them."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from zipfile import ZipFile, ZipInfo

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from xaisigns.attribution.assignment import Rules
from xaisigns.attribution.inner import Channels
from xaisigns.attribution.lrp import LedgerEntry
from xaisigns.attribution.methods import find_method
from xaisigns.attribution.prepared import Prepared
from xaisigns.attribution.result import Result
from xaisigns.base.files import Place, whole_files
from xaisigns.base.language import Language, chosen_language
from xaisigns.base.progress import Progress, silent
from xaisigns.data.drawn.examples import example_files
from xaisigns.data.preprocessing import MAX_PIXELS
from xaisigns.errors import MethodError, TakenError
from xaisigns.model.explainable import Explainable, batch_for
from xaisigns.pictures.figures import PICTURE_MARK, show, strongest_channels, write_picture
from xaisigns.pictures.files import PictureNames, batches, check_class, in_order, named_class
from xaisigns.pictures.models import by_name, naming

_TOP = 5
_TOP_CHANNELS = 10
_LEAST_ABSORBED = 1e-5  # parts of the largest relevance of a layer, above what float32 loses
_RELEVANCE_MARK = b"written by xaisigns"


@dataclass(frozen=True)
class Explaining:
    """What to explain and what to write.

    ``method`` is a specification as ``find_method`` takes it; ``composite``, ``rules`` and ``ledger`` are for LRP.
    ``target`` and ``against`` are class ids, ``against`` may be "rest"; without a target each image's predicted class
    is explained. ``npy`` asks for the raw relevance ``(3, S, S)`` float32, ``ledger`` for what each layer received and
    passed on, ``layers`` for the relevance of these, which ``npy`` writes to another file; ``channels`` are as for
    ``LRP.attribute``, both for LRP. ``language`` is
    that of names and pictures. An image with more than ``max_pixels`` is not read. ``force`` lets files be overwritten
    that xaisigns did not write.
    """

    method: str = "lrp"
    composite: str | None = None
    rules: Rules | None = None
    target: int | None = None
    against: int | Literal["rest"] | None = None
    npy: bool = False
    ledger: bool = False
    layers: Sequence[str] = ()
    channels: Channels | None = None
    language: Language = field(default_factory=chosen_language)
    max_pixels: int = MAX_PIXELS
    force: bool = False


def explain_files(
    model: Explainable | Mapping[str, Explainable],
    images: Sequence[Path] | None,
    out: Path,
    wanted: Explaining,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Explain each image and write its picture to ``out``; gives the document of ``explain --json``.

    Several models, by their names, explain each image beside each other. Without images, the four example signs are
    drawn and explained. An image that cannot be read, or whose picture would overwrite a file of others, is in its
    "skipped". No file of the call is written over another or over an image.
    Raises ModelError for a class that a model does not have, MethodError and RuleError as ``find_method`` and LRP do,
    OutputError when ``out`` cannot be written.
    """
    models = by_name(model)
    explainers = [_explainer(name, one, wanted, place) for place, (name, one) in enumerate(models.items(), start=1)]
    paths = images or example_files()
    results: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    names = PictureNames(out, paths, [".png", *(ending for one in explainers for ending in one.endings.values())])
    for batch in batches(paths, skipped, wanted.max_pixels):
        found = [one.explain([image for _, image in batch], wanted) for one in explainers]
        for index, (path, image) in enumerate(batch):
            picture = names.take(path)
            own = [_only(result, index) for result in found]
            try:
                _write(_figure(explainers, image, own, wanted.language), picture, explainers, own, force=wanted.force)
            except TakenError as error:
                skipped.append({"image": str(path), "error": f"{path}: {error}"})
                continue
            results.append(_document(path, picture, explainers, own, wanted))
            progress("explaining", len(results) + len(skipped), len(paths))
    return {"results": results, "skipped": in_order(skipped, paths)}


@dataclass(frozen=True, eq=False)
class _Explainer:
    """A model, made ready to explain; the ``name`` that it has beside others, and how files of its own end, by kind."""

    name: str
    model: Explainable
    prepared: Prepared
    endings: Mapping[str, str]

    def explain(self, images: Sequence[Image.Image], wanted: Explaining) -> Result:
        with naming(self.name):
            return self.prepared(
                batch_for(self.model, images),
                wanted.target,
                wanted.against,
                ledger=wanted.ledger,
                layers=wanted.layers,
                channels=wanted.channels,
            )

    def files(self, picture: Path) -> dict[str, Path]:
        """Its own files beside a picture."""
        return {kind: picture.with_suffix(ending) for kind, ending in self.endings.items()}


def _explainer(name: str, model: Explainable, wanted: Explaining, place: int) -> _Explainer:
    with naming(name):
        check_class(model, "target", wanted.target)
        if wanted.against != "rest":
            check_class(model, "against", wanted.against)
        if wanted.target is not None and wanted.target == wanted.against:
            raise MethodError(
                f"target and against are both {wanted.target}: nothing speaks for a class rather than for itself; name "
                "another class"
            )
        contrast = wanted.against is not None
        method = find_method(wanted.method, composite=wanted.composite, rules=wanted.rules, contrast=contrast)
        number = f".{place}" if name else ""
        endings = {"relevance": f"{number}.npy"} if wanted.npy else {}
        if wanted.npy and wanted.layers:
            endings["layers"] = f"{number}.npz"
        return _Explainer(name, model, method.prepared(model), endings)


def _figure(
    explainers: Sequence[_Explainer], image: Image.Image, results: Sequence[Result], language: Language
) -> Figure:
    if not explainers[0].name:
        return show(explainers[0].model, [image], results[0], language=language)
    models = {one.name: one.model for one in explainers}
    return show(models, [image], dict(zip(models, results, strict=True)), language=language)


def _only(result: Result, index: int) -> Result:
    one = slice(index, index + 1)
    against = result.against[one] if isinstance(result.against, Tensor) else result.against
    ledger = result.ledger and [
        LedgerEntry(entry[0], *(values[one] for values in entry[1:])) for entry in result.ledger
    ]
    return replace(
        result,
        relevance=result.relevance[one],
        target=result.target[one],
        against=against,
        logits=result.logits[one],
        ledger=ledger,
        layers={name: relevance[one] for name, relevance in result.layers.items()},
    )


def ledger_rows(ledger: Sequence[LedgerEntry], index: int) -> list[dict[str, Any]]:
    """One image's ledger as plain data: layer, type and rule of each entry, and its relevances by their names."""
    return [
        {
            "layer": entry.assignment.layer,
            "type": entry.assignment.type,
            "rule": entry.assignment.rule.name,
            **{name: float(getattr(entry, name)[index]) for name in LedgerEntry._fields[1:]},
        }
        for entry in ledger
    ]


def absorbing(received: Sequence[float], passed: Sequence[float]) -> list[int]:
    """The places in a ledger of what is worth reading: its first and last layer, and those that did not pass on all."""
    least = _LEAST_ABSORBED * max(map(abs, received), default=0.0)
    ends = (0, len(received) - 1)
    both = enumerate(zip(received, passed, strict=True))
    return [place for place, (came, went) in both if place in ends or abs(came - went) > least]


def _write(
    figure: Figure, picture: Path, explainers: Sequence[_Explainer], results: Sequence[Result], *, force: bool
) -> None:
    """The picture and the files of each model, all or none."""
    content = {
        path: _npy(result.relevance[0]) if kind == "relevance" else _npz(result.layers)
        for one, result in zip(explainers, results, strict=True)
        for kind, path in one.files(picture).items()
    }
    places = [Place(picture, PICTURE_MARK), *(Place(path, _RELEVANCE_MARK) for path in content)]
    with whole_files(places, force=force) as (drawn, *others):
        write_picture(figure, drawn)
        for path, raw in zip(others, content.values(), strict=True):
            path.write_bytes(raw)


def _npy(relevance: Tensor) -> bytes:
    buffer = io.BytesIO()  # To a file, NumPy does not say why it cannot write.
    np.save(buffer, relevance.numpy(force=True))
    np.save(buffer, np.bytes_(_RELEVANCE_MARK))  # A second array, which np.load leaves alone.
    return buffer.getvalue()


def _npz(layers: Mapping[str, Tensor]) -> bytes:
    """One image's relevance by layer, as ``np.load`` gives it: ``(C, h, w)`` or ``(C,)`` each."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, relevance in layers.items():
            archive.writestr(ZipInfo(f"{name}.npy"), _npy(relevance[0].float()))
    return buffer.getvalue()


def layer_rows(layers: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """One image's layers ``(1, C, ...)`` as plain data: layer, shape, relevance and the strongest channels of each."""
    return [
        {
            "layer": name,
            "shape": list(relevance.shape[1:]),
            "relevance_sum": float(relevance.sum()),
            "channels": [
                {"channel": channel, "relevance": share}
                for channel, share in strongest_channels(relevance[0].float().numpy(force=True), _TOP_CHANNELS)
            ],
        }
        for name, relevance in layers.items()
    ]


def _document(
    path: Path, picture: Path, explainers: Sequence[_Explainer], results: Sequence[Result], wanted: Explaining
) -> dict[str, Any]:
    """What is told of an image: of one model alone all in one, else an answer for each."""
    if not explainers[0].name:
        files = {"picture": picture, **explainers[0].files(picture)}
        return {"image": str(path), **_told(explainers[0].model, results[0], files, wanted)}
    answers = [
        {"model": one.name, **_told(one.model, result, one.files(picture), wanted)}
        for one, result in zip(explainers, results, strict=True)
    ]
    return {"image": str(path), "files": {"picture": str(picture)}, "answers": answers}


def _told(model: Explainable, result: Result, files: Mapping[str, Path], wanted: Explaining) -> dict[str, Any]:
    probabilities = result.probabilities[0]

    def named(class_id: int) -> dict[str, Any]:
        return {**named_class(model, class_id, wanted.language), "probability": float(probabilities[class_id])}

    against: Any = result.against
    if isinstance(against, Tensor):
        against = named_class(model, int(against[0]), wanted.language)
    best = result.logits[0].topk(min(_TOP, len(probabilities))).indices.tolist()
    told = {
        "predicted": named(best[0]),
        "top": [named(class_id) for class_id in best],
        "target": named_class(model, int(result.target[0]), wanted.language),
        "against": against,
        "method": result.method,
        "composite": result.composite,
        "logit": float(result.logit[0]),
        "relevance_sum": float(result.relevance.sum()),
        "files": {kind: str(file) for kind, file in files.items()},
    }
    if result.ledger:
        told["ledger"] = ledger_rows(result.ledger, 0)
    if wanted.layers:
        told["layers"] = layer_rows(result.layers)
    if wanted.channels:
        told["channels"] = {layer: list(numbers) for layer, numbers in wanted.channels.items()}
    return told
