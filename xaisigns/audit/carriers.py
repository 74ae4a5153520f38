"""What carries a feature from one image into another: a window, the frame, the colour or the texture."""

import numpy as np
from numpy.typing import NDArray

from xaisigns.audit.evidence import Box, Carrier
from xaisigns.errors import ShapeError

CARRIERS: tuple[Carrier, ...] = ("window", "frame", "colour", "texture")
_FRAME = 1 / 8  # of the side
_FINE = 0.25  # cycles a pixel, from which on frequencies are texture

Pixels = NDArray[np.uint8]


def carried(carrier: Carrier, source: Pixels, targets: Pixels, box: Box) -> Pixels:
    """The ``targets`` ``(N, S, S, 3)`` with what the carrier takes from the ``source`` ``(S, S, 3)``.

    "window" pastes the ``box`` where it was; "frame" the outer eighth on each side; "colour" gives each channel the
    source's mean and deviation [reinhard2001color]; "texture" gives the finest frequencies, from a quarter of a cycle a
    pixel on, the source's amplitudes and leaves their phases [yang2020fda]. Raises ShapeError for images of two sizes.
    """
    if source.shape != targets.shape[1:]:
        raise ShapeError(f"source and targets must have one size, got {source.shape} and {targets.shape[1:]}")
    if carrier == "window":
        left, top, right, bottom = box
        inside = np.zeros(source.shape[:2], dtype=bool)
        inside[top:bottom, left:right] = True
        return _pasted(source, targets, inside)
    if carrier == "frame":
        return _pasted(source, targets, _frame(len(source)))
    changed = _coloured(source, targets) if carrier == "colour" else _textured(source, targets)
    return changed.round().clip(0, 255).astype(np.uint8)


def _pasted(source: Pixels, targets: Pixels, inside: NDArray[np.bool_]) -> Pixels:
    return np.where(inside[:, :, None], source, targets)


def _frame(side: int) -> NDArray[np.bool_]:
    width = round(_FRAME * side)
    inside = np.ones((side, side), dtype=bool)
    inside[width : side - width, width : side - width] = False
    return inside


def _coloured(source: Pixels, targets: Pixels) -> NDArray[np.float64]:
    mean, deviation = targets.mean(axis=(1, 2), keepdims=True), targets.std(axis=(1, 2), keepdims=True)
    unit = (targets - mean) / np.maximum(deviation, 1.0)
    return np.asarray(unit * source.std(axis=(0, 1)) + source.mean(axis=(0, 1)))


def _textured(source: Pixels, targets: Pixels) -> NDArray[np.float64]:
    frequencies = np.fft.fftfreq(len(source))
    fine = np.maximum(np.abs(frequencies[:, None]), np.abs(frequencies)) >= _FINE
    spectra = np.fft.fft2(targets, axes=(1, 2))
    amplitudes = np.abs(np.fft.fft2(source, axes=(0, 1)))
    changed = np.where(fine[:, :, None], amplitudes * np.exp(1j * np.angle(spectra)), spectra)
    return np.fft.ifft2(changed, axes=(1, 2)).real
