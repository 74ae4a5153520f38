"""From a data set on disk to a trained model file."""

import json
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xaisigns.base.devices import chosen_device
from xaisigns.base.processes import joined, own_device
from xaisigns.base.progress import Progress, silent
from xaisigns.data.classes import CLASSES, check_class, names_in
from xaisigns.data.decoded import Images, decode, split_by_track
from xaisigns.data.drawn.sign_set import DrawnSet
from xaisigns.data.image_set import ImageSet, fingerprint
from xaisigns.data.layouts import open_images, refuse_broken
from xaisigns.data.manipulation import Manipulation, manipulated
from xaisigns.errors import DataError
from xaisigns.model.checkpoint import check_card, save_model
from xaisigns.model.classifier import Head, NetworkSettings
from xaisigns.model.networks import check_network
from xaisigns.model.training import TrainingSettings
from xaisigns.model.training import train as train_network
from xaisigns.model.training_files import check_training_places

_MOST_DRAWN = 2**31  # bytes, which lie in memory


def train(
    data: ImageSet | Path | str | None = None,
    *,
    out: Path | str,
    sticker_class: int | None = None,
    drawn: int = 0,
    epochs: int = 8,
    batch_size: int | None = None,
    input_size: int = 64,
    architecture: str = "vgg11_bn",
    head: Head | None = None,
    validation: float = 0.1,
    seed: int = 0,
    resume: bool = False,
    device: str | torch.device = "auto",
    force: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train a network on a data set, write it to the model file ``out``, and give the document of ``train --json``.

    ``data`` is a data set, the folder of one, or None for signs that the package draws. ``sticker_class`` puts a black
    sticker on every training image of that class, ``drawn`` adds as many drawn signs of each class to GTSRB. A step
    takes ``batch_size`` images, None as many as suit the data. ``input_size`` is the side of the network's images in
    pixels. ``architecture`` is the name of a convolutional network of torchvision's, or ``package.module:callable`` for
    one of the caller's own, which is imported and called, with ``num_classes`` where it takes that; ``head`` is for a
    VGG, one linear layer ("compact", the default) or three ("torchvision"). ``validation`` is the share of tracks held
    out, 0 to 0.9. A checkpoint and a CSV log lie beside ``out``; ``resume`` goes on from there. ``device`` is one that
    ``chosen_device`` takes. ``force`` overwrites files that xaisigns did not write.

    Raises DataError for data that are missing, broken or do not fit, ModelError for settings that make no network or no
    training and when it diverges, DeviceError for a device that is not there, OutputError when a file cannot be
    written: as far as possible before the work.
    """
    settings = TrainingSettings(epochs=epochs, seed=seed)
    card = train_model(
        data,
        Path(out),
        NetworkSettings(architecture=architecture, head=head, input_size=input_size),
        replace(settings, batch_size=batch_size) if batch_size is not None else settings,
        manipulation=None if sticker_class is None else Manipulation(sticker_class),
        drawn_per_class=drawn,
        validation=validation,
        resume=resume,
        device=device,
        force=force,
        progress=progress,
    )
    return {"model": str(out), **{key: card[key] for key in ("training", "manipulation", "data", "metrics")}}


def train_model(
    data: ImageSet | Path | str | None,
    out: Path,
    network: NetworkSettings,
    settings: TrainingSettings,
    *,
    manipulation: Manipulation | None = None,
    drawn_per_class: int = 0,
    validation: float = 0.1,
    resume: bool = False,
    device: str | torch.device = "auto",
    force: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """The same by settings: train on the data, write the model to ``out`` and give its card.

    The network has an output for each class of the data, whatever ``network`` says, and ``settings`` are what suits the
    number of images. ``manipulation`` puts stickers on in memory; a manipulated copy brings its own.
    ``drawn_per_class`` adds that many drawn signs of each class, with the same stickers, to GTSRB. ``validation`` is
    the share of tracks held out (0: none); drawn signs never are. Where torchrun started several processes they train
    one network together, and the first writes it. Raises as ``train`` does; OutputError before all else where, without
    ``force``, a file is that xaisigns did not write.
    """
    check_training_places(out, force=force)
    place = chosen_device(own_device(device))
    if not 0 <= validation <= 0.9:
        raise DataError(f"the share of images held out must lie in 0..0.9, got {validation}")
    most = _MOST_DRAWN // (len(CLASSES) * 3 * network.input_size**2)
    if not 0 <= drawn_per_class <= most:
        raise DataError(
            f"drawn signs of each class must be 0 to {most} with {network.input_size} pixels, got {drawn_per_class}"
        )
    if data is None and manipulation and manipulation.class_id is not None:
        check_class(manipulation.class_id)  # before signs are drawn
    with joined(place) as processes:
        if not isinstance(data, ImageSet):
            data = processes.one_first(partial(open_images, data, progress=progress))
        refuse_broken(data)
        if data.split != "train":
            raise DataError(
                f"a training takes the images of the split 'train', got those of {data.split!r} of {data.root}"
            )
        if len(names_in(data.class_names, "en")) < 2:
            raise DataError(f"{data.root} has one class, {data.class_names['en'][0]!r}; training takes two or more")
        network = replace(network, classes=len(names_in(data.class_names, "en")))
        if drawn_per_class and not data.has_gtsrb_classes:
            raise DataError(f"drawn signs are of GTSRB's classes, and {data.root} has its own: leave out --drawn")
        known = _stickers(data, manipulation)
        check_network(network)
        check_card(network, {"class_names": dict(data.class_names), "manipulation": known.to_json() if known else None})
        # A manipulated copy has its stickers already: only what the caller asked for is put on here.
        pixels = processes.one_first(partial(decode, data, network.input_size, manipulation, progress=progress))
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
            drawn = DrawnSet(drawn_per_class, settings.seed, network.input_size)
            training = _joined(training, _drawn(drawn, known))
            data_card["drawn"] = asdict(drawn)
        settings = settings.suited(len(training.labels))
        card: dict[str, Any] = {
            "class_names": dict(data.class_names),
            "training": asdict(settings),
            "manipulation": known.to_json() if known else None,
            "data": data_card,
        }
        model, rows = train_network(
            network,
            settings,
            training,
            Images(pixels[held_out], labels[held_out]) if held_out else None,
            out,
            resume=resume,
            device=place,
            force=force,
            fingerprint=json.dumps([data_card, card["manipulation"]]),
            processes=processes,
            progress=progress,
        )
        model.card = {**card, "metrics": rows[-1]}
        if not processes.number:
            save_model(model, out, force=force)
        return model.card


def _stickers(data: ImageSet, manipulation: Manipulation | None) -> Manipulation | None:
    """What is done to the training images: by the caller, or before, on disk."""
    done_on_disk = data.manipulation
    if manipulation and done_on_disk:
        raise DataError(
            f"{data.root} has stickers already (manifest.json): leave out the sticker options, or name the original"
        )
    stickers = manipulation or done_on_disk
    if stickers:
        data.check_class(stickers.class_id)
    return stickers


def _drawn(drawn: DrawnSet, manipulation: Manipulation | None) -> Images:
    """The training images of a drawn set, decoded, with the stickers that the photographs have."""
    pixels, labels = [], []
    for sample, sign in drawn.signs("train"):
        chosen = manipulation if manipulation and manipulation.selects(sample) else None
        pixels.append(np.asarray(manipulated(sample, sign.image, chosen).image))
        labels.append(sample.class_id)
    return Images(np.stack(pixels), torch.tensor(labels))


def _joined(first: Images, second: Images) -> Images:
    return Images(np.concatenate([first.pixels, second.pixels]), torch.cat([first.labels, second.labels]))
