"""Heatmaps as people see them: red speaks for the target class, blue against it."""

import textwrap
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import ScalarFormatter
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from xaisigns.attribution.result import Result
from xaisigns.base.files import whole_file
from xaisigns.base.language import Language, chosen_language
from xaisigns.base.numbers import percent, written
from xaisigns.base.printable import printable
from xaisigns.base.texts import Texts
from xaisigns.data.classes import unnamed_class
from xaisigns.data.preprocessing import Picture, rgb_images
from xaisigns.errors import ShapeError
from xaisigns.model.explainable import Explainable, is_explainable
from xaisigns.pictures.drawing import COLOURS, NotebookFigure, drawing

PICTURE_MARK = b"tEXtSoftware\0xaisigns"
# Pixels on a side of a picture that is drawn: more than the panel has.
DRAWN = 1024
_STEPS = 63
_LONGEST_NAME = 60  # letters of a class's name
_LINES = (120, 104, 92, 76, 60, 44)  # letters of a heading's line: fewer where they are wide
_TEXTS = Texts("pictures")


def show(
    model: nn.Module | Explainable, images: Iterable[Picture], result: Result, *, language: Language | None = None
) -> Figure:
    """A figure with one row for each image: the image, its heatmap, both overlaid, and the colour scale.

    Images are paths, PIL images or arrays, as ``rgb`` takes them. A model without class names has numbers. The scale is
    symmetric around zero and each row's own; its unit is that of the target logit. ``language`` is a code such as
    "de", by default that of the variable XAISIGNS_LANG, else English. Raises ShapeError when there are not as many
    images as attributions, DataError for one that cannot be read, LanguageError for another language.
    """
    language = chosen_language(language)
    pictures = rgb_images(images, longest=DRAWN)
    if not pictures or len(pictures) != len(result.relevance):
        raise ShapeError(f"one image for each attribution is wanted: got {len(pictures)} for {len(result.relevance)}")
    heatmaps = result.heatmap.float().numpy(force=True)
    with drawing():
        figure = NotebookFigure(figsize=(9.2, 3.35 * len(pictures)), layout="constrained", dpi=110)
        rows = figure.subfigures(len(pictures), 1, squeeze=False)[:, 0]
        for index, (row, picture, heatmap) in enumerate(zip(rows, pictures, heatmaps, strict=True)):
            _write_heading(figure, row, _heading(model, result, index, language))
            _draw(row.subplots(1, 3), picture, heatmap, language)
    return figure


def class_name(model: nn.Module | Explainable, class_id: int, language: Language) -> str:
    """What a picture calls a class: its name in one line of bounded length, its number where the model has no names."""
    if is_explainable(model):
        name = printable(model.class_name(class_id, language))
        return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    return unnamed_class(class_id, language)


def save_figure(figure: Figure, path: Path, *, force: bool = False) -> None:
    """Write the figure as PNG, whole or not at all.

    Raises OutputError when it cannot be written, or is there and not of xaisigns without ``force``.
    """
    with whole_file(path, PICTURE_MARK, force=force) as temporary:
        write_picture(figure, temporary)


def write_picture(figure: Figure, path: Path) -> None:
    """Write the figure as PNG with ``PICTURE_MARK``."""
    # No date and no version in the file: the same figure gives the same bytes.
    figure.savefig(path, format="png", metadata={"Software": "xaisigns"})


def coloured(heatmap: NDArray[np.floating], limit: float) -> NDArray[np.uint8]:
    """The colours ``(..., 3)`` of a heatmap: white at zero, full red and blue from ``limit`` and its negative on.

    They have 63 steps each way, which the eye does not tell from more and a file holds in less.
    """
    colours: NDArray[np.uint8] = _table()[np.rint((heatmap / limit).clip(-1, 1) * _STEPS + _STEPS).astype(np.intp)]
    return colours


def overlay(image: Image.Image, heatmap: NDArray[np.floating], limit: float | None = None) -> NDArray[np.float64]:
    """The grey image ``(H, W, 3)`` in 0..1 under a heatmap ``(h, w)``: the stronger the relevance, the more colour.

    The scale ends at ``limit``, or at the strongest relevance where none is given.
    """
    grey = np.asarray(image.convert("L"), dtype=np.float64)[..., None].repeat(3, axis=2) / 255
    share = (heatmap / (limit or limit_of(heatmap))).clip(-1, 1)
    colours = np.asarray(COLOURS(share / 2 + 0.5))[..., :3]
    layers = np.concatenate([colours, np.sqrt(np.abs(share))[..., None]], axis=2).astype(np.float32)
    smooth = [
        np.asarray(Image.fromarray(layers[..., channel]).resize(image.size, Image.Resampling.BILINEAR))
        for channel in range(4)
    ]
    strength = smooth[3][..., None]
    mixed: NDArray[np.float64] = grey * (1 - strength) + np.stack(smooth[:3], axis=-1) * strength
    return mixed.clip(0, 1)


def _heading(model: nn.Module | Explainable, result: Result, index: int, language: Language) -> str:
    """What the image was classified as, and what was asked about it."""
    called = int(result.predicted[index])
    share = percent(float(result.probabilities[index, called]), language)
    told = _TEXTS("called", language, name=class_name(model, called, language), share=share)
    target = class_name(model, int(result.target[index]), language)
    if result.against is None:
        return f"{told}\n{_TEXTS('asked', language, name=target)}"
    other = class_name(model, int(result.against[index]), language)
    return f"{told}\n{_TEXTS('contrast', language, name=target, other=other)}"


def _write_heading(figure: Figure, row: SubFigure, heading: str) -> None:
    """The heading over a row, each sentence in as many lines as the figure's width wants."""
    title = row.suptitle("", fontsize=11, parse_math=False)
    for letters in _LINES:
        title.set_text("\n".join(line for text in heading.split("\n") for line in textwrap.wrap(text, letters)))
        if title.get_window_extent().width < figure.bbox.width:
            return


def _draw(axes: Sequence[Axes], image: Image.Image, heatmap: NDArray[np.floating], language: Language) -> None:
    limit = limit_of(heatmap)
    scale = ScalarMappable(Normalize(-limit, limit), COLOURS)
    pictures: list[NDArray[Any]] = [np.asarray(image), scale.to_rgba(heatmap), overlay(image, heatmap)]
    for axis, name, picture in zip(axes, ("image", "heatmap", "overlay"), pictures, strict=True):
        axis.imshow(picture, extent=(0, 1, 0, 1), interpolation="nearest")
        axis.set_title(_TEXTS(name, language), fontsize=10)
        axis.set_axis_off()
    bar = axes[0].figure.colorbar(scale, ax=list(axes), shrink=0.85, pad=0.02, format=_Ticks(language))
    bar.set_label(_TEXTS("scale", language), fontsize=9)
    bar.ax.tick_params(labelsize=8)


class _Ticks(ScalarFormatter):
    """Matplotlib's own numbers, with the language's decimal mark."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language

    def __call__(self, x: float, pos: int | None = None) -> str:
        return written(super().__call__(x, pos), self._language)

    def get_offset(self) -> str:
        return written(super().get_offset(), self._language)


@lru_cache(maxsize=1)
def _table() -> NDArray[np.uint8]:
    # An odd number of colours has white in its middle.
    scale = COLOURS.resampled(2 * _STEPS + 1)
    return (np.asarray(scale(np.arange(scale.N)))[:, :3] * 255).round().astype(np.uint8)


def limit_of(heatmap: NDArray[np.floating]) -> float:
    """Where the scale ends: the strongest relevance, or one where there is none."""
    return float(np.abs(heatmap).max()) or 1.0
