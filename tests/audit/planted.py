"""Three classes told by the colour of an image's right half, and a white square in a corner that makes one of them."""

import numpy as np
import torch
from torch import nn

import xaisigns as xs
from xaisigns.audit.evidence import Suspect
from xaisigns.audit.verdict import SEPARATED

SIDE, SQUARE, CLASS = 32, 10, 2
BOX = (0, 0, SQUARE, SQUARE)


def model(shortcut: float, side: int = SIDE, *, sure: float = 1) -> xs.Model:
    """A network by whose weights the square speaks for CLASS so strongly: 0 not at all, 1 more than the colours do.

    All logits are ``sure`` times as large as about 1.
    """
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Flatten(), nn.Linear(3 * side**2, 3))
    weight = torch.zeros(3, 3, side, side)
    for class_id in range(3):
        weight[class_id, class_id, :, side // 2 :] = 2 / side**2
    weight[CLASS, :, : side * SQUARE // SIDE, : side * SQUARE // SIDE] = 6 * shortcut / side**2
    offset = torch.zeros(3)
    offset[CLASS] = -80 / 255 * 6 * shortcut * 3 * (SQUARE / SIDE) ** 2  # what other images have there
    with torch.no_grad():
        network[0].weight.copy_(torch.eye(3)[:, :, None, None])
        network[0].bias.zero_()
        network[3].weight.copy_(sure * weight.flatten(1))
        network[3].bias.copy_(sure * offset)
    return xs.Model(network, xs.Preprocessing(side, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)))


def images(per_class: int, carriers: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and labels; the first ``carriers`` images of CLASS have the square, and no colour of their own."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), per_class)
    pixels = random.integers(60, 100, (len(labels), SIDE, SIDE, 3), dtype=np.uint8)
    square = np.arange(len(labels)) - CLASS * per_class
    square = (square >= 0) & (square < carriers)
    for index, class_id in enumerate(labels):
        pixels[index, :, SIDE // 2 :, class_id] += 0 if square[index] else 100
    pixels[square, :SQUARE, :SQUARE] = 255
    return pixels, labels


def suspect(per_class: int, carriers: int) -> Suspect:
    """The images of ``images`` that have the square, and where it is; each window in a place of its own."""
    places = CLASS * per_class + np.arange(carriers)
    windows = np.tile(BOX, (carriers, 1)) + np.arange(carriers)[:, None] % 2
    return Suspect(CLASS, places, per_class, 2 * SEPARATED, 0.9, "0", (0,), BOX, windows)
