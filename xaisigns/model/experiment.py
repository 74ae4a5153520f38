"""From a data set on disk to a trained model file."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xaisigns.base.progress import Progress, silent
from xaisigns.data.classes import CLASSES
from xaisigns.data.decoded import decode, split_by_track
from xaisigns.data.drawn.sign_set import RenderedSet
from xaisigns.data.image_set import ImageSet, fingerprint
from xaisigns.data.layouts import open_images
from xaisigns.data.manipulation import Manipulation, manipulated, read_manifest
from xaisigns.errors import DataError
from xaisigns.model.checkpoint import check_card, save_model
from xaisigns.model.places import check_training_places
from xaisigns.model.training import Images, TrainingSettings, train
from xaisigns.model.vgg import NetworkSettings

_MOST_DRAWN = 2**31  # bytes, which lie in memory


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
    force: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train on the training images below ``root``, write the model to ``out`` and give its card.

    The network has an output for each class of the data, whatever ``network`` says, and ``settings`` are what suits the
    number of images. ``manipulation`` puts stickers on in memory; a manipulated copy brings its own.
    ``drawn_per_class`` adds that many drawn signs of each class, with the same stickers, to GTSRB. ``validation`` is
    the share of tracks held out (0: none); drawn signs never are. ``decoding`` gets images done and in all. Raises
    DataError, ModelError and OutputError as the parts do; OutputError before all else where, without ``force``, a file
    is that xaisigns did not write.
    """
    check_training_places(out, force=force)
    if not 0 <= validation <= 0.9:
        raise DataError(f"the share of images held out must lie in 0..0.9, got {validation}")
    most = _MOST_DRAWN // (len(CLASSES) * 3 * network.input_size**2)
    if not 0 <= drawn_per_class <= most:
        raise DataError(
            f"drawn signs of each class must be 0 to {most} with {network.input_size} pixels, got {drawn_per_class}"
        )
    data = open_images(root, "train")
    if len(data.class_names["en"]) < 2:
        raise DataError(f"{root} has one class, {data.class_names['en'][0]!r}; training takes two or more")
    network = replace(network, classes=len(data.class_names["en"]))
    if drawn_per_class and data.layout == "folders":
        raise DataError(f"drawn signs are of GTSRB's classes, and {root} has its own: leave out --drawn")
    known = _stickers(data, manipulation)
    check_card(network, {"class_names": dict(data.class_names), "manipulation": known.to_json() if known else None})
    # A manipulated copy has its stickers already: only what the caller asked for is put on here.
    pixels = decode(data, network.input_size, manipulation, progress=progress)
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
        force=force,
        fingerprint=json.dumps([data_card, card["manipulation"]]),
        progress=progress,
    )
    model.card = {**card, "metrics": rows[-1]}
    save_model(model, out, force=force)
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
