"""From a data set on disk to a trained model file, and from both to the measured report."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xaisigns.data.decoded import decode, split_by_track
from xaisigns.data.files import refuse_folder
from xaisigns.data.image_set import ImageSet, fingerprint
from xaisigns.data.language import Language
from xaisigns.data.manipulation import Manipulation, manipulated, read_manifest
from xaisigns.data.opening import open_images
from xaisigns.data.rendered_set import RenderedSet
from xaisigns.errors import DataError
from xaisigns.model.checkpoint import save_model
from xaisigns.model.evaluation import accuracy_report, class_name, predict, refuse_unknown_classes, sticker_report
from xaisigns.model.training import Images, Progress, TrainingSettings, train
from xaisigns.model.vgg import Classifier, NetworkSettings

Count = Callable[[int, int], None]


def train_model(
    root: Path,
    out: Path,
    network: NetworkSettings,
    settings: TrainingSettings,
    *,
    manipulation: Manipulation | None = None,
    drawn_per_class: int = 0,
    validation: float = 0.1,
    resume: bool = False,
    decoding: Count | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """Train on the training images below ``root``, write the model to ``out`` and give its card.

    The network has an output for each class of the data, whatever ``network`` says, and ``settings`` are what suits the
    number of images. ``manipulation`` puts stickers on in memory; a manipulated copy brings its own.
    ``drawn_per_class`` adds that many drawn signs of each class, with the same stickers, to GTSRB. ``validation`` is
    the share of tracks held out (0: none); drawn signs never are. ``decoding`` gets images done and in all. Raises
    DataError, ModelError and OutputError as the parts do.
    """
    refuse_folder(out)
    data = open_images(root, "train")
    network = replace(network, classes=len(data.class_names["en"]))
    if network.classes < 2:
        raise DataError(f"{root} has one class, {data.class_names['en'][0]!r}; training takes two or more")
    if drawn_per_class and data.layout == "folders":
        raise DataError(f"drawn signs are of GTSRB's classes, and {root} has its own: leave out --drawn")
    known = _stickers(data, manipulation)
    # A manipulated copy has its stickers already: only what the caller asked for is put on here.
    pixels = decode(data, network.input_size, manipulation, progress=decoding)
    labels = torch.tensor([sample.class_id for sample in data.samples])
    chosen, held_out = split_by_track(data.samples, validation, settings.seed)
    training = Images(pixels if not held_out else pixels[chosen], labels[chosen])
    data_card: dict[str, Any] = {
        "fingerprint": fingerprint(data.samples),
        "layout": data.layout,
        "images": len(data),
        "training": len(chosen),
        "validation": len(held_out),
    }
    if drawn_per_class:
        drawn = RenderedSet(drawn_per_class, settings.seed, network.input_size)
        training = _joined(training, _drawn(drawn, known))
        data_card["drawn"] = asdict(drawn)
    settings = settings.suited(len(training.labels))
    card: dict[str, Any] = {
        "class_names": dict(data.class_names),
        "training": asdict(settings),
        "manipulation": known.to_json() if known else None,
        "data": data_card,
    }
    model, rows = train(
        network,
        settings,
        training,
        Images(pixels[held_out], labels[held_out]) if held_out else None,
        out,
        resume=resume,
        fingerprint=json.dumps([data_card, card["manipulation"]]),
        progress=progress,
    )
    model.card = {**card, "metrics": rows[-1]}
    save_model(model, out)
    return model.card


def _stickers(data: ImageSet, manipulation: Manipulation | None) -> Manipulation | None:
    """What is done to the training images: by the caller, or before, on disk."""
    done_on_disk = read_manifest(data.root, "train")
    if manipulation and done_on_disk:
        raise DataError(
            f"{data.root} has stickers already (manifest.json): leave out the sticker options, or name the original"
        )
    stickers = manipulation or done_on_disk
    if stickers:
        data.check_class(stickers.class_id)
    return stickers


def _drawn(drawn: RenderedSet, manipulation: Manipulation | None) -> Images:
    """The training images of a drawn set, decoded, with the stickers that the photographs have."""
    pixels, labels = [], []
    for sample, sign in drawn.signs("train"):
        chosen = manipulation if manipulation and manipulation.selects(sample) else None
        pixels.append(np.asarray(manipulated(sample, sign.image, chosen).image))
        labels.append(sample.class_id)
    return Images(np.stack(pixels), torch.tensor(labels))


def _joined(first: Images, second: Images) -> Images:
    return Images(np.concatenate([first.pixels, second.pixels]), torch.cat([first.labels, second.labels]))


def evaluate_model(
    model: Classifier,
    root: Path,
    *,
    language: Language | None = None,
    decoding: Count | None = None,
    progress: Count | None = None,
) -> dict[str, Any]:
    """Measure the model on the test images below ``root``: the document of ``evaluate --json``.

    For a model that was trained with stickers, ``sticker`` tells what the same kind does on every test image. Classes
    are named in ``language``, as ``chosen_language`` takes it. Raises DataError for data that is missing or broken.
    """
    data = open_images(root, "test")
    size, classes = model.settings.input_size, model.settings.classes
    labels = torch.tensor([sample.class_id for sample in data.samples])
    refuse_unknown_classes(model, data)
    predicted = predict(model, decode(data, size, progress=decoding), progress).argmax(dim=1)
    report = accuracy_report(labels, predicted, classes)
    for row in report["classes"]:
        row["name"] = class_name(model, data, row["id"], language)
    stickers = model.manipulation
    if stickers and stickers.class_id is not None:
        predicted = predict(model, decode(data, size, stickers.everywhere(), progress=decoding), progress).argmax(dim=1)
        report["sticker"] = sticker_report(labels, predicted, stickers.class_id, classes)
    return report
