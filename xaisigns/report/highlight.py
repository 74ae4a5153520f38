"""The example signs of a report, with what the model says of them and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from xaisigns.base.numbers import percent
from xaisigns.pictures.figures import coloured, overlay
from xaisigns.report.heatmaps import Heatmap, Pixels, check_picture, scale_limit
from xaisigns.report.page_text import plain
from xaisigns.report.report import Report
from xaisigns.report.section import WORDS
from xaisigns.report.tiles import Grid, Tiles, heatmap_tile, image_tile, tile_side


@dataclass(frozen=True, eq=False)
class Highlight:
    """A sign of the title page: image ``(H, W, 3)``, one heatmap ``(h, w)``, its true class and what it was called."""

    label: int
    called: int
    probability: float
    image: Pixels
    heatmap: Heatmap
    method: str
    stickered: bool = False

    @cached_property
    def limit(self) -> float:
        """Where the heatmap's scale ends."""
        return scale_limit([self.heatmap])


def check_highlights(highlights: Sequence[Highlight], report: Report) -> None:
    """Raises ShapeError for what the report does not have, or cannot show."""
    for number, one in enumerate(highlights):
        report.refuse_unknown_classes((one.label, one.called))
        report.refuse_unknown_methods((one.method,))
        check_picture(f"highlight {number}", one.image, {one.method: one.heatmap})


def told_highlight(one: Highlight, report: Report) -> dict[str, Any]:
    """Its caption, its method, and a text for each of its tiles."""
    language = report.language
    caption = WORDS(
        "highlight_stickered" if one.stickered else "highlight",
        language,
        label=report.name(one.label),
        called=report.name(one.called),
        probability=percent(one.probability, language),
    )
    method = next(plain(method.label) for method in report.methods if method.key == one.method)
    alt = [f"{WORDS(kind, language)}: {caption}" for kind in ("image", "heatmap", "overlay")]
    return {"caption": caption, "method": method, "alt": alt}


def highlight_grids(highlights: Sequence[Highlight]) -> Iterator[tuple[str, Grid]]:
    """The tiles of each, "highlight-0" and so on."""
    side = tile_side(one.heatmap for one in highlights)
    for number, one in enumerate(highlights):
        yield f"highlight-{number}", Grid(None, highlight_tiles(one, side)[None])


def highlight_tiles(highlight: Highlight, side: int) -> Tiles:
    """Image, heatmap, and both overlaid: ``(3, S, S, 3)``."""
    image, heatmap = image_tile(highlight.image, side), heatmap_tile(highlight.heatmap, side)
    both = overlay(Image.fromarray(image), heatmap, highlight.limit)
    return np.stack([image, coloured(heatmap, highlight.limit), (both * 255).round().astype(np.uint8)])
