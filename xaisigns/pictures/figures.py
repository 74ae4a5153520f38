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
from matplotlib.ticker import MaxNLocator, ScalarFormatter
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from xaisigns.attribution.result import Result
from xaisigns.base.files import whole_file
from xaisigns.base.language import Language, chosen_language
from xaisigns.base.numbers import number, percent, written
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
_BARS = 10  # channels that are drawn of a layer
_LONGEST_NAME = 60  # letters of a class's name
_LINES = (120, 104, 92, 76, 60, 44)  # letters of a heading's line: fewer where they are wide
# Of overlays: the darkest grey, on which blue is still seen; the contrast below which an image is not stretched to all
# of the range; and what makes a share of the scale opacity: faint relevance shows a little more.
_DARKEST, _LEAST_CONTRAST, _OPACITY = 0.35, 0.12, 0.8
_TEXTS = Texts("pictures")


def show(
    model: nn.Module | Explainable, images: Iterable[Picture], result: Result, *, language: Language | None = None
) -> Figure:
    """A figure with one row for each image: the image, its heatmap, both overlaid, and the colour scale.

    For each layer of the result a row follows: the channels with most relevance, whatever its sign, and the sum
    of all over the image. Images are paths, PIL images or arrays, as ``rgb`` takes them. A model without class names
    has numbers. The scale is symmetric around zero and each row's own; its unit is that of the target logit.
    ``language`` is a code such as "de", by default that of the variable XAISIGNS_LANG, else English. Raises ShapeError
    when there are not as many images as attributions and for a layer that has no map of the image for each channel,
    DataError for one that cannot be read, LanguageError for another language.
    """
    language = chosen_language(language)
    pictures = rgb_images(images, longest=DRAWN)
    if not pictures or len(pictures) != len(result.relevance):
        raise ShapeError(f"one image for each attribution is wanted: got {len(pictures)} for {len(result.relevance)}")
    heatmaps = result.heatmap.float().numpy(force=True)
    layers = {name: relevance.float().numpy(force=True) for name, relevance in result.layers.items()}
    for name, relevance in layers.items():
        _check_map(name, relevance.shape[1:], heatmaps.shape[1:])
    with drawing():
        count = len(pictures) * (1 + len(layers))
        figure = NotebookFigure(figsize=(9.2, 3.35 * count), layout="constrained", dpi=110)
        rows = iter(figure.subfigures(count, 1, squeeze=False)[:, 0])
        for index, (picture, heatmap) in enumerate(zip(pictures, heatmaps, strict=True)):
            row = next(rows)
            _write_heading(figure, row, _heading(model, result, index, language))
            axes = row.subplots(1, 3)
            _draw_image(axes[0], picture, language)
            _draw_heatmap(axes, picture, heatmap, language)
            for name, relevance in layers.items():
                _draw_layer(figure, next(rows), picture, name, relevance[index], language)
    return figure


def strongest_channels(relevance: NDArray[np.floating], count: int) -> list[tuple[int, float]]:
    """The channels with most relevance, whatever its sign, of a layer's output ``(C, ...)``: their number and sum.

    There are fewer where others have none.
    """
    sums = relevance.reshape(len(relevance), -1).sum(axis=1)
    ranked = np.argsort(-np.abs(sums), kind="stable")[:count]
    return [(int(channel), float(sums[channel])) for channel in ranked if sums[channel]]


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
    """A light grey image ``(H, W, 3)`` in 0..1 under a heatmap ``(h, w)``: the stronger the relevance, the more colour.

    The scale ends at ``limit``, or at the strongest relevance where none is given. The grey is the image's own,
    stretched, so that red and blue are seen on photographs of night and of fog, too.
    """
    share = (heatmap / (limit or limit_of(heatmap))).clip(-1, 1)
    strength = np.abs(share) ** _OPACITY
    hues = np.where(share[..., None] > 0, (1, 0, 0), (0, 0, 1)) * strength[..., None]
    layers = np.concatenate([hues, strength[..., None]], axis=2).astype(np.float32)
    smooth = [
        np.asarray(Image.fromarray(layers[..., channel]).resize(image.size, Image.Resampling.BILINEAR))
        for channel in range(4)
    ]
    below = _light_grey(image)[..., None] * (1 - smooth[3][..., None])
    mixed: NDArray[np.float64] = (below + np.stack(smooth[:3], axis=-1)).clip(0, 1)
    return mixed


def _light_grey(image: Image.Image) -> NDArray[np.float64]:
    """The image's brightness ``(H, W)``, its range stretched to 0.35..1, but noise alone never to all of it."""
    grey = np.asarray(image.convert("L"), dtype=np.float64) / 255
    dark, bright = np.percentile(grey, (2, 98))
    stretched: NDArray[np.float64] = ((grey - dark) / max(bright - dark, _LEAST_CONTRAST)).clip(0, 1)
    return _DARKEST + (1 - _DARKEST) * stretched


def _heading(model: nn.Module | Explainable, result: Result, index: int, language: Language) -> str:
    """What the image was classified as, and what was asked about it."""
    called = int(result.predicted[index])
    share = percent(float(result.probabilities[index, called]), language)
    told = _TEXTS("called", language, name=class_name(model, called, language), share=share)
    target = class_name(model, int(result.target[index]), language)
    if result.against is None:
        asked = _TEXTS("asked", language, name=target)
    elif isinstance(result.against, str):
        asked = _TEXTS("contrast_rest", language, name=target)
    else:
        other = class_name(model, int(result.against[index]), language)
        asked = _TEXTS("contrast", language, name=target, other=other)
    passing = [
        _TEXTS("passing", language, layer=printable(layer), channels=", ".join(map(str, numbers)))
        for layer, numbers in result.channels.items()
    ]
    return "\n".join([told, asked, *passing])


def _write_heading(figure: Figure, row: SubFigure, heading: str) -> None:
    """The heading over a row, each sentence in as many lines as the figure's width wants."""
    title = row.suptitle("", fontsize=11, parse_math=False)
    for letters in _LINES:
        title.set_text("\n".join(line for text in heading.split("\n") for line in textwrap.wrap(text, letters)))
        if title.get_window_extent().width < figure.bbox.width:
            return


def _draw_image(axis: Axes, image: Image.Image, language: Language) -> None:
    _draw_panel(axis, "image", np.asarray(image), language)


def _draw_panel(axis: Axes, name: str, picture: NDArray[Any], language: Language) -> None:
    axis.imshow(picture, extent=(0, 1, 0, 1), interpolation="nearest")
    axis.set_title(_TEXTS(name, language), fontsize=10)
    axis.set_axis_off()


def _draw_heatmap(
    axes: Sequence[Axes], image: Image.Image, heatmap: NDArray[np.floating], language: Language, unit: str = "scale"
) -> None:
    """The heatmap and both overlaid in the last two of three panels, and the scale beside them."""
    limit = limit_of(heatmap)
    scale = ScalarMappable(Normalize(-limit, limit), COLOURS)
    _draw_panel(axes[1], "heatmap", scale.to_rgba(heatmap), language)
    _draw_panel(axes[2], "overlay", overlay(image, heatmap), language)
    bar = axes[0].figure.colorbar(scale, ax=list(axes), shrink=0.85, pad=0.02, format=_Ticks(language))
    bar.set_label(_TEXTS(unit, language), fontsize=9)
    bar.ax.tick_params(labelsize=8)


def _draw_layer(
    figure: Figure, row: SubFigure, image: Image.Image, name: str, relevance: NDArray[np.floating], language: Language
) -> None:
    """A layer's strongest channels, and where it has maps of the image, their sum."""
    channels, *sides = relevance.shape
    told = {"name": printable(name), "channels": channels, "sum": number(float(relevance.sum()), language)}
    if sides:
        told["size"] = " × ".join(map(str, sides))
    _write_heading(figure, row, _TEXTS("layer_maps" if sides else "layer", language, **told))
    axes = row.subplots(1, 3)
    _draw_channels(axes[0], strongest_channels(relevance, _BARS), language)
    if sides:
        _draw_heatmap(axes, image, relevance.sum(axis=0), language, "cell_scale")
    else:
        for axis in axes[1:]:
            axis.set_axis_off()


def _draw_channels(axis: Axes, strongest: Sequence[tuple[int, float]], language: Language) -> None:
    sums = [share for _, share in strongest]
    axis.barh(range(len(sums)), sums, color=[COLOURS(1.0 if share > 0 else 0.0) for share in sums])
    axis.set_yticks(range(len(sums)), [str(channel) for channel, _ in strongest])
    axis.set_ylim(_BARS - 0.5, -0.5)
    axis.axvline(0, color="0.5", linewidth=0.8)
    axis.xaxis.set_major_formatter(_Ticks(language))
    axis.xaxis.set_major_locator(MaxNLocator(3))
    axis.tick_params(labelsize=8)
    axis.set_title(_TEXTS("strongest", language), fontsize=10)
    axis.spines[["top", "right", "left"]].set_visible(False)


def _check_map(layer: str, shape: tuple[int, ...], image: tuple[int, ...]) -> None:
    """Raise ShapeError for a layer whose values are not ``(channels,)`` or ``(channels, h, w)`` over the image."""
    is_map = len(shape) == 3 and abs(shape[1] * image[1] - shape[2] * image[0]) <= max(image)
    if not is_map and len(shape) != 1:
        raise ShapeError(
            f"layer {layer!r} gives {shape} for an image of {image[0]} x {image[1]}, which are no maps of it "
            "by channel; draw another layer"
        )


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
