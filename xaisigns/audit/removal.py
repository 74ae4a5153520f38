"""What becomes of a class's images once a window of theirs is filled by its surroundings."""

import numpy as np
from numpy.typing import NDArray
from skimage.restoration import inpaint_biharmonic

from xaisigns.audit.evidence import Box, Rate, Removal, Transplant
from xaisigns.audit.transplant import box_beside, box_of, called
from xaisigns.model.explainable import Explainable


def filled(image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The image ``(S, S, 3)`` with the box filled by its surroundings [damelin2018surface]."""
    left, top, right, bottom = box
    hidden = np.zeros(image.shape[:2], dtype=bool)
    hidden[top:bottom, left:right] = True
    smooth = inpaint_biharmonic(image / 255, hidden, channel_axis=-1)
    return np.asarray((smooth * 255).round().clip(0, 255), dtype=np.uint8)


def removal(
    model: Explainable, pixels: NDArray[np.uint8], class_id: int, found: Transplant, seed: int
) -> Removal | None:
    """Fill the windows of a transplant in their own images, and instead of each one of the same size beside it.

    Both count the same images: those of the class that the model recognises. None for what is no window, where there
    is no room beside it, and where none is recognised.
    """
    if found.carrier != "window":
        return None
    random = np.random.default_rng([seed, class_id])
    recognised = called(model, pixels[found.sources]) == class_id
    windows, beside = [], []
    for place, edges in zip(found.sources[recognised], found.boxes[recognised], strict=True):
        box = box_of(edges)
        if other := box_beside(box, pixels.shape[1], random):
            windows.append(filled(pixels[place], box))
            beside.append(filled(pixels[place], other))
    if not windows:
        return None
    lost = [int((called(model, np.stack(images)) != class_id).sum()) for images in (windows, beside)]
    return Removal(Rate(lost[0], len(windows)), Rate(lost[1], len(windows)))
