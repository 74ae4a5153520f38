"""The pictures of a finding as rows, the same in its file and in a report."""

from typing import NamedTuple

import numpy as np

from xaisigns.audit.evidence import Box
from xaisigns.audit.exhibits import EXAMPLES, spread
from xaisigns.audit.findings import Patch, Pixels, ToldFinding, pixels_of
from xaisigns.audit.wording import WORDS, images_text
from xaisigns.base.language import Language


class Tile(NamedTuple):
    """A picture ``(h, w, 3)``, and a box to frame in it."""

    pixels: Pixels
    box: Box | None = None


class Row(NamedTuple):
    """Pictures side by side, and what they are."""

    label: str
    tiles: tuple[Tile, ...]


def picture_rows(found: ToldFinding, language: Language) -> list[Row]:
    """What was carried, where it is in images that have it, means, and what excites the feature's channels.

    At most ``EXAMPLES`` pictures in a row; none of a finding without pictures.
    """
    if found.pictures is None:
        return []
    patches = found.transplant.patches[:EXAMPLES] if found.transplant else ()
    carrying = f"{WORDS('carrying', language)}: {images_text(found, language)}"
    rows = [
        Row(WORDS("patches", language), tuple(_carried(found, patch) for patch in patches)),
        Row(carrying if found.suspect else WORDS("sources", language), _carriers(found)),
        Row(WORDS("means_three" if found.pictures.rest else "means_two", language), _means(found)),
    ]
    if found.suspect:
        for channel in found.suspect.channels:
            label = WORDS("channel", language, channel=channel.channel, layer=found.suspect.layer)
            rows.append(Row(label, tuple(Tile(found.image(key)) for key in channel.images)))
    return [row for row in rows if row.tiles]


def _carried(found: ToldFinding, patch: Patch) -> Tile:
    """The patch alone where a window was carried, else the whole image that was taken from."""
    window = found.transplant is not None and found.transplant.carrier == "window"
    return Tile(found.patch(patch) if window else found.image(patch.key))


def _carriers(found: ToldFinding) -> tuple[Tile, ...]:
    """Images that carry the feature, as far as they are shown, evenly spread."""
    shown = [spot for spot in found.spots if found.pictures and spot.key in found.pictures.images]
    return tuple(Tile(found.image(shown[n].key), shown[n].box) for n in spread(range(len(shown)), EXAMPLES))


def _means(found: ToldFinding) -> tuple[Tile, ...]:
    pictures = found.pictures
    if pictures is None:
        return ()
    window = found.suspect.window if found.suspect else _middle([spot.box for spot in found.spots])
    rest = [Tile(pixels_of(pictures.rest))] if pictures.rest else []
    return Tile(pixels_of(pictures.mean), window), *rest, Tile(pixels_of(pictures.feature))


def _middle(boxes: list[Box]) -> Box:
    """Each edge where it is in the middle one of the boxes."""
    left, top, right, bottom = np.median(np.array(boxes), axis=0).round().astype(int).tolist()
    return left, top, right, bottom
