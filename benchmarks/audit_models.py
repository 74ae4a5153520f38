"""Make the models of the audit's bench: `python -m benchmarks.audit_models GTSRB OUT [--only P00,C00]`, in the root.

OUT lies outside the repository. Of each model of ``audit_recipes`` it gets NAME.safetensors, NAME.npz (the training
images that carry a planted feature) and NAME.json, which comes last: what was planted, on which images, the accuracy
on the plain test images, and a feature's success, the share of the test images of all other classes that it turns into
its class (every sixth test image), with that of the same images before the clean model C00, which covering a sign
explains. A run that was killed goes on where it was. ``load`` gives a model's images again.

Which models set thresholds of an audit, and which its figures are of, ``audit_recipes`` tells.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.audit_recipes import Planted, Recipe, recipes
from xaisigns.base.files import whole_file
from xaisigns.data.decoded import Images, decode
from xaisigns.data.image_set import ImageSet, Sample
from xaisigns.data.layouts import open_images
from xaisigns.model.checkpoint import load_model, save_model
from xaisigns.model.classifier import Classifier, NetworkSettings
from xaisigns.model.evaluation import predict
from xaisigns.model.training import TrainingSettings, train
from xaisigns.model.training_files import checkpoint_path

SIZE = 32  # pixels
EPOCHS = 6
_TESTED = 6  # one in so many test images tells a feature's success


class Trained(NamedTuple):
    """A model of the bench, and the decoded images that belong to it.

    ``pixels`` ``(N, 32, 32, 3)`` uint8 are the training images as the trainer had them, ``carries`` is True where a
    feature was planted, ``samples`` are the files they come from; ``test_pixels`` are the plain test images.
    """

    model: Classifier
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    carries: NDArray[np.bool_]
    samples: list[Sample]
    test_pixels: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    told: dict[str, Any]


def load(name: str, root: Path, out: Path) -> Trained:
    """The model NAME of the folder ``out``, with its images, which lie decoded there, and what its file tells."""
    told = json.loads((out / f"{name}.json").read_text())
    model = load_model(out / f"{name}.safetensors", architecture=told["architecture"])
    samples, pixels, labels = _third(root, out, told["third"])
    with np.load(out / f"{name}.npz") as planted:
        pixels[planted["indices"]] = planted["pixels"]
        carries = np.zeros(len(labels), dtype=np.bool_)
        carries[planted["indices"]] = True
    test = _decoded(root, out, "test")
    return Trained(model, pixels, labels, carries, samples, np.asarray(test[1]), _labels(test[0].samples), told)


def make(recipe: Recipe, root: Path, out: Path) -> dict[str, Any]:
    """Train the model of a recipe, write its files to the folder ``out`` and give what its JSON file tells.

    A recipe with planted classes needs C00 in the folder. Raises ModelError, before the work, where it is not there.
    """
    start, path = time.monotonic(), out / f"{recipe.name}.safetensors"
    clean = [load_model(out / "C00.safetensors", architecture=_architecture("half_vgg11"))] if recipe.planted else []
    samples, pixels, labels = _third(root, out, recipe.third)
    carrying = [_carriers(planted, labels, recipe.seed) for planted in recipe.planted]
    for planted, indices in zip(recipe.planted, carrying, strict=True):
        pixels[indices] = _with_feature([samples[index] for index in indices], planted, recipe.seed)
    model = _trained(recipe, pixels, labels, path)
    save_model(model, path)
    carriers = np.concatenate([np.array([], dtype=np.int64), *carrying])
    with whole_file(out / f"{recipe.name}.npz") as temporary:
        np.savez_compressed(temporary, indices=carriers, pixels=pixels[carriers])
    tested = _tested(recipe, [model, *clean], root, out)
    for row, planted, indices in zip(tested["planted"], recipe.planted, carrying, strict=True):
        row |= {"images": int((labels == planted.class_id).sum()), "carriers": indices.tolist()}
    told = {
        **asdict(recipe),
        "architecture": model.settings.architecture,
        "sets_thresholds": recipe.sets_thresholds,
        "training": model.card["training"],
        "images": len(labels),
        **tested,
        "seconds": round(time.monotonic() - start, 1),
    }
    with whole_file(out / f"{recipe.name}.json") as temporary:
        temporary.write_text(json.dumps(told, indent=1) + "\n")
    checkpoint_path(path).unlink(missing_ok=True)
    return told


def _tested(recipe: Recipe, models: list[Classifier], root: Path, out: Path) -> dict[str, Any]:
    """What the first model makes of the test images, plain and with each feature, and the clean one of the latter."""
    test, pixels = _decoded(root, out, "test")
    labels = _labels(test.samples)
    right = predict(models[0], np.asarray(pixels)).argmax(dim=1).numpy() == labels
    rows = []
    for planted in recipe.planted:
        success, success_clean = planted_success(planted, root, out, recipe.seed, models)
        own = round(float(right[labels == planted.class_id].mean()), 5)
        rows.append(
            {**asdict(planted), "success": success, "success_clean": success_clean, "test_accuracy": own},
        )
    return {"test_accuracy": round(float(right.mean()), 5), "planted": rows}


@cache
def _decoded(root: Path, out: Path, split: Any) -> tuple[ImageSet, NDArray[np.uint8]]:
    data = open_images(root, split)
    return data, decode(data, SIZE, folder=out / "decoded")


def _labels(samples: Any) -> NDArray[np.int64]:
    return np.array([sample.class_id for sample in samples])


def _third(root: Path, out: Path, third: int) -> tuple[list[Sample], NDArray[np.uint8], NDArray[np.int64]]:
    """The plain training images of every third frame, their pixels in memory to be changed, and their classes."""
    data, pixels = _decoded(root, out, "train")
    chosen = [index for index, sample in enumerate(data.samples) if int(sample.key[-5:]) % 3 == third]
    samples = [data.samples[index] for index in chosen]
    return samples, np.array(pixels[chosen]), _labels(samples)


def _carriers(planted: Planted, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Exactly the share of the class's images that are there."""
    own = np.flatnonzero(labels == planted.class_id)
    generator = np.random.default_rng([seed, planted.class_id])
    return np.sort(generator.choice(own, round(planted.share * len(own)), replace=False))


def _with_feature(samples: list[Sample], planted: Planted, seed: int) -> NDArray[np.uint8]:
    return np.stack([planted.feature.put_on(sample, SIZE, seed) for sample in samples])


def _trained(recipe: Recipe, pixels: NDArray[np.uint8], labels: NDArray[np.int64], path: Path) -> Classifier:
    network = NetworkSettings(architecture=_architecture(recipe.network), input_size=SIZE)
    settings = replace(TrainingSettings(epochs=EPOCHS, seed=recipe.seed), **recipe.training)
    settings = settings.suited(len(labels))
    with _augmenting(recipe.augmented):
        images = Images(pixels, torch.from_numpy(labels))
        model, rows = train(network, settings, images, None, path, resume=True, fingerprint=recipe.name)
    model.card = {"training": asdict(settings), "metrics": rows[-1]}
    return model


@contextmanager
def _augmenting(augmented: bool) -> Iterator[None]:
    """The trainer has no switch for it, and needs none but here."""
    if augmented:
        yield
    else:
        with mock.patch("xaisigns.model.training.augment", lambda images: images):
            yield


def planted_success(planted: Planted, root: Path, out: Path, seed: int, models: list[Any]) -> list[float]:
    """The share of other classes' test images that each model says the class of, once they have the feature.

    ``seed`` is that of the recipe; every sixth image is taken.
    """
    samples = _decoded(root, out, "test")[0].samples
    others = [sample for sample in samples[::_TESTED] if sample.class_id != planted.class_id]
    pixels = _with_feature(others, planted, seed)
    said = [predict(model, pixels).argmax(dim=1) == planted.class_id for model in models]
    return [round(float(own.float().mean()), 5) for own in said]


def _architecture(network: str) -> str:
    return f"benchmarks.audit_networks:{network}"


def main() -> None:
    """Make what is missing, in the order of the recipes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", type=lambda text: text.split(","))
    arguments = parser.parse_args()
    known = {recipe.name: recipe for recipe in recipes()}
    if unknown := set(arguments.only or []) - known.keys():
        sys.exit(f"there are no models {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for name in arguments.only or known:
        if (arguments.out / f"{name}.json").is_file():
            continue
        told = make(known[name], arguments.root, arguments.out)
        features = ", ".join(
            f"{row['class_id']} {row['feature']['kind']} {row['share']:.0%} success {row['success']:.1%}"
            for row in told["planted"]
        )
        print(f"{name}: {told['test_accuracy']:.2%}, {told['seconds']:.0f} s; {features or 'clean'}", flush=True)


if __name__ == "__main__":
    main()
