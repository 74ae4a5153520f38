"""What stickers of other kinds do: `python -m benchmarks.repair_stickers GTSRB MODEL ...`, in the root.

For each kind of sticker a row, and for each model two shares: of every fifth test image of the other speed limits
with such a sticker those that it calls the stickered class, and those that it calls by their own. Then, for each model,
the share of what speaks for its answer by the default LRP that lies on the sticker as in training, and how many times
the sticker's share of the image that is.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import xaisigns as xs
from xaisigns.data.manipulation import Manipulation
from xaisigns.data.preprocessing import read_image, resize, resize_mask
from xaisigns.data.stickers import Sticker
from xaisigns.metrics.localisation import relevance_mass
from xaisigns.model.classifier import Classifier
from xaisigns.model.evaluation import predict

_LIMITS, _CLASS = (0, 1, 2, 3, 5, 7, 8), 4
_TAKEN = 5  # one image of so many
_TRAINED = Sticker()
_KINDS = {
    "as in training": _TRAINED,
    "smaller (0.25 of the sign in place of 0.38)": replace(_TRAINED, size=0.25),
    "larger (0.5)": replace(_TRAINED, size=0.5),
    "turned by 45 degrees": replace(_TRAINED, rotation=45.0),
    "an ellipse": replace(_TRAINED, shape="ellipse"),
    "in the middle": replace(_TRAINED, place=(0.5, 0.5)),
    "at the upper right": replace(_TRAINED, place=(0.68, 0.32)),
    "anywhere": replace(_TRAINED, place=(0.5, 0.5), place_spread=0.3),
    "grey": replace(_TRAINED, colour=(120, 120, 120)),
    "white": replace(_TRAINED, colour=(235, 235, 235)),
    "red": replace(_TRAINED, colour=(180, 20, 30)),
    "blue": replace(_TRAINED, colour=(20, 50, 170)),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    models = [xs.load_model(name) for name in options.models]
    samples = [one for one in xs.open_images(options.root, "test").samples if one.class_id in _LIMITS][::_TAKEN]
    labels = np.array([sample.class_id for sample in samples])
    print("| sticker | " + " | ".join(f"{name}: called {_CLASS} | right" for name in options.models) + " |")
    print("|---" * (1 + 2 * len(models)) + "|")
    for kind, sticker in _KINDS.items():
        everywhere = Manipulation(None, sticker=sticker)
        pictures, masks = zip(*(everywhere.apply(read_image(sample.path), sample) for sample in samples), strict=True)
        if sticker is _TRAINED:
            relevant = [relevance(model, pictures, masks) for model in models]
        cells = []
        for model in models:
            pixels = np.stack([resize(picture, model.preprocessing.input_size) for picture in pictures])
            said = predict(model, pixels).argmax(dim=1).numpy()
            cells += [f"{share:.1%}" for share in ((said == _CLASS).mean(), (said == labels).mean())]
        print(f"| {kind} | {' | '.join(cells)} |", flush=True)
    for name, (mass, area) in zip(options.models, relevant, strict=True):
        print(f"{name}: {mass:.1%} of what speaks for its answer on the sticker, {mass / area:.2f} times its area")


def relevance(
    model: Classifier, pictures: Sequence[Image.Image], masks: Sequence[NDArray[np.bool_]]
) -> tuple[float, float]:
    """The mean share of what speaks for each image's answer that lies on the mask, and the mask's of the image."""
    side = model.preprocessing.input_size
    truth = torch.from_numpy(np.stack([resize_mask(mask, side) for mask in masks]))
    heatmaps = xs.attribute(model, model.preprocess(pictures)).relevance.sum(dim=1, keepdim=True)
    return float(relevance_mass(heatmaps, truth).nanmean()), float(truth.float().mean())


if __name__ == "__main__":
    main()
