"""What a finding looks like: images that carry the feature, means, and what excites its channels most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xaisigns.audit.evidence import Finding

EXAMPLES = 8  # images that carry the feature
_CHANNELS = 3
_STRONGEST = 6  # images of a channel


@dataclass(frozen=True, eq=False)
class Exhibit:
    """The pictures of one finding.

    ``images`` are places of all images that are shown. ``mean`` ``(S, S, 3)`` is of the images that carry the feature,
    ``rest`` of the class's others, None where there are none; ``feature`` ``(h, w, 3)`` is the mean of what is in their
    windows. ``channels`` gives, for the strongest of the suspect's channels, the places of the images that excite it
    most, the strongest first.
    """

    images: tuple[int, ...]
    mean: NDArray[np.uint8]
    rest: NDArray[np.uint8] | None
    feature: NDArray[np.uint8]
    channels: tuple[tuple[int, tuple[int, ...]], ...]


def exhibit(
    finding: Finding, pixels: NDArray[np.uint8], labels: NDArray[np.int64], strengths: NDArray[np.floating] | None
) -> Exhibit | None:
    """The pictures of a finding; None where it has neither a suspect nor a transplant.

    ``pixels`` ``(N, S, S, 3)`` and ``labels`` ``(N,)`` are of the audited images, ``strengths`` ``(N, channels)`` says
    how strongly each excites each channel of the suspect's layer; None where there is no suspect.
    """
    suspect, transplant = finding.suspect, finding.transplant
    if suspect:
        places, windows = suspect.images, suspect.windows
    elif transplant:
        places, windows = transplant.sources, transplant.boxes
    else:
        return None
    channels: tuple[tuple[int, tuple[int, ...]], ...] = ()
    if suspect and strengths is not None:
        channels = tuple((channel, _strongest(strengths[:, channel])) for channel in suspect.channels[:_CHANNELS])
    sources = transplant.sources.tolist() if transplant else []
    shown = [*sources, *spread(places.tolist(), EXAMPLES), *(place for _, most in channels for place in most)]
    rest = np.setdiff1d(np.flatnonzero(labels == finding.class_id), places)
    return Exhibit(
        tuple(dict.fromkeys(shown)),
        _mean(pixels[places]),
        _mean(pixels[rest]) if suspect and len(rest) else None,
        _feature(pixels, places, windows),
        channels,
    )


def spread(places: Sequence[int], count: int) -> list[int]:
    """At most so many of the places, evenly spread."""
    chosen = np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int)
    return [places[place] for place in chosen]


def _strongest(strengths: NDArray[np.floating]) -> tuple[int, ...]:
    ranked = np.argsort(-strengths, kind="stable")[:_STRONGEST]
    return tuple(ranked.tolist())


def _mean(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    mean: NDArray[np.uint8] = pixels.mean(axis=0).round().astype(np.uint8)
    return mean


def _feature(pixels: NDArray[np.uint8], places: NDArray[np.int64], windows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The mean of what is in the windows, each brought to the size that is in their middle."""
    width, height = np.median(windows[:, 2:] - windows[:, :2], axis=0).round().astype(int).tolist()
    crops = [
        Image.fromarray(pixels[place, top:bottom, left:right]).resize((width, height), Image.Resampling.BILINEAR)
        for place, (left, top, right, bottom) in zip(places.tolist(), windows.tolist(), strict=True)
    ]
    return _mean(np.stack([np.asarray(crop) for crop in crops]))
