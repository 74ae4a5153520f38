"""What becomes of a class's images once a window of theirs is filled by its surroundings."""

import numpy as np
from numpy.typing import NDArray
from skimage.restoration import inpaint_biharmonic

from xaisigns.audit.evidence import Box, Rate, Removal, Transplant
from xaisigns.audit.transplant import box_beside, called
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
    """Fill the windows of a transplant in their own images, and beside it windows of the same size next to them.

    Both count the same images: those of the class that the model recognises. None for what is no window, where there
    is no room beside it, and where none is recognised.
    """
    if found.carrier != "window":
        return None
    random = np.random.default_rng([seed, class_id])
    boxes = [tuple(int(edge) for edge in box) for box in found.boxes]
    beside = [box_beside(box, pixels.shape[1], random) for box in boxes]
    images = pixels[found.sources]
    known = [n for n in np.flatnonzero(called(model, images) == class_id) if beside[n]]
    if not known:
        return None
    lost = [
        int((called(model, np.stack([filled(images[n], where[n]) for n in known])) != class_id).sum())
        for where in (boxes, beside)
    ]
    return Removal(Rate(lost[0], len(known)), Rate(lost[1], len(known)))
