"""Heatmaps as people see them: red speaks for the target class, blue against it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator, ScalarFormatter
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from xaisigns.attribution.methods import label_of
from xaisigns.attribution.result import Result
from xaisigns.base.files import whole_file
from xaisigns.base.language import Language, chosen_language
from xaisigns.base.numbers import number, written
from xaisigns.base.printable import printable
from xaisigns.base.texts import Texts
from xaisigns.data.preprocessing import Picture, rgb_images
from xaisigns.errors import ModelError, ShapeError
from xaisigns.model.explainable import Explainable, is_explainable
from xaisigns.pictures.drawing import COLOURS, GREYS, NotebookFigure, drawing
from xaisigns.pictures.headings import heading, model_names, write_heading
from xaisigns.pictures.models import by_name, naming

PICTURE_MARK = b"tEXtSoftware\0xaisigns"
# Pixels on a side of a picture that is drawn: more than the panel has.
DRAWN = 1024
_STEPS = 63
_TITLE_LETTERS = 38  # of a panel's title
_BARS = 10  # channels that are drawn of a layer
# Of overlays: the darkest grey, on which blue is still seen; the contrast below which an image is not stretched to all
# of the range; and what makes a share of the scale opacity: faint relevance shows a little more.
_DARKEST, _LEAST_CONTRAST, _OPACITY = 0.35, 0.12, 0.8
_DIGIT_SPACE, _MARK_SPACE = "\N{FIGURE SPACE}", "\N{PUNCTUATION SPACE}"  # as wide as a digit and a decimal mark
_TEXTS = Texts("pictures")

Shown = nn.Module | Explainable


class _Answer(NamedTuple):
    """What a model says of all images: heatmaps ``(N, h, w)``, and relevance by layer, ``(N, channels, ...)`` each.

    ``name`` is what the picture calls the model.
    """

    name: str
    model: Shown
    result: Result
    heatmaps: NDArray[np.floating]
    layers: Mapping[str, NDArray[np.floating]]


def show(
    model: Shown | Mapping[str, Shown],
    images: Iterable[Picture],
    result: Result | Mapping[str, Result],
    *,
    language: Language | None = None,
) -> Figure:
    """A figure with one row for each image: the image, its heatmap, both overlaid, and the colour scale.

    Several models by their names, and their results by the same, are drawn beside each other: each image once, and for
    each model a row with what it called the image, its heatmap and both overlaid, on a scale of its own, since the
    logits of two models have no common unit.

    For each layer of a result a row follows: the channels with most relevance, whatever its sign, and the sum
    of all over the image. Images are paths, PIL images or arrays, as ``rgb`` takes them. A model without class names
    has numbers. The scale is symmetric around zero and each row's own; its unit is that of the target logit.
    ``language`` is a code such as "de", by default that of the variable XAISIGNS_LANG, else English. Raises ShapeError
    when there are not as many images as attributions, for results of other models than these, and for a layer that has
    no map of the image for each channel, ModelError for what is no model, for none and for several without names,
    DataError for an image that cannot be read, LanguageError for another language.
    """
    language = chosen_language(language)
    pictures = rgb_images(images, longest=DRAWN)
    models: Mapping[str, Shown] = by_name(model)
    results = result if isinstance(result, Mapping) else {"": result}
    if models.keys() != results.keys():
        got = list(result) if isinstance(result, Mapping) else type(result).__name__
        raise ShapeError(f"a result for each model is wanted: got {got} for {list(models)}")
    called, answers = model_names(models), []
    for name, one in models.items():
        with naming(name):
            answers.append(_answer(called[name], one, results[name], len(pictures)))
    with drawing():
        if isinstance(model, Mapping):
            return _beside_each_other(pictures, answers, language)
        return _alone(pictures, answers[0], language)


def strongest_channels(relevance: NDArray[np.floating], count: int) -> list[tuple[int, float]]:
    """The channels with most relevance, whatever its sign, of a layer's output ``(C, ...)``: their number and sum.

    There are fewer where others have none.
    """
    sums = relevance.reshape(len(relevance), -1).sum(axis=1)
    ranked = np.argsort(-np.abs(sums), kind="stable")[:count]
    return [(int(channel), float(sums[channel])) for channel in ranked if sums[channel]]


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


def coloured(heatmap: NDArray[np.floating], limit: float, *, control: bool = False) -> NDArray[np.uint8]:
    """The colours ``(..., 3)`` of a heatmap: white at zero, full red and blue from ``limit`` and its negative on.

    Those of a ``control`` are grey, whatever the sign. They have 63 steps each way, which the eye does not tell from
    more and a file holds in less.
    """
    colours: NDArray[np.uint8] = _table(control)[
        np.rint((heatmap / limit).clip(-1, 1) * _STEPS + _STEPS).astype(np.intp)
    ]
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


def _answer(name: str, model: Shown, result: Result, pictures: int) -> _Answer:
    if not isinstance(model, nn.Module) and not is_explainable(model):
        raise ModelError(f"a network or a model of xaisigns is wanted, got {type(model).__name__}")
    if not pictures or pictures != len(result.relevance):
        raise ShapeError(f"one image for each attribution is wanted: got {pictures} for {len(result.relevance)}")
    heatmaps = result.heatmap.float().numpy(force=True)
    layers = {layer: relevance.float().numpy(force=True) for layer, relevance in result.layers.items()}
    for layer, relevance in layers.items():
        _check_map(layer, relevance.shape[1:], heatmaps.shape[1:])
    return _Answer(name, model, result, heatmaps, layers)


def _alone(pictures: Sequence[Image.Image], answer: _Answer, language: Language) -> Figure:
    """A row for each image, and one for each of its layers."""
    figure, rows = _rows([1] * len(pictures) * (1 + len(answer.layers)))
    for index, picture in enumerate(pictures):
        row = next(rows)
        write_heading(row, heading(answer.model, answer.result, index, language))
        axes = row.subplots(1, 3)
        _draw_image(axes[0], picture, language)
        _draw_heatmap(axes, picture, answer.heatmaps[index], _red_for(answer.result.method, language), language)
        for name, relevance in answer.layers.items():
            _draw_layer(next(rows), picture, name, relevance[index], language)
    return figure


def _beside_each_other(pictures: Sequence[Image.Image], answers: Sequence[_Answer], language: Language) -> Figure:
    """For each image a row for each model, with the image to their left, and then the models' rows of each layer."""
    layers = list(dict.fromkeys(layer for answer in answers for layer in answer.layers))
    figure, rows = _rows([len(answers), *[1] * sum(len(answer.layers) for answer in answers)] * len(pictures))
    for index, picture in enumerate(pictures):
        left, right = next(rows).subfigures(1, 2, squeeze=False, width_ratios=(1, 2))[0]
        axis = left.subplots()
        _draw_image(axis, picture, language)
        _draw_note(axis, _TEXTS("own_scales", language))
        for answer, row in zip(answers, right.subfigures(len(answers), 1, squeeze=False)[:, 0], strict=True):
            write_heading(row, heading(answer.model, answer.result, index, language, answer.name))
            told = _red_for(answer.result.method, language)
            _draw_heatmap(row.subplots(1, 2), picture, answer.heatmaps[index], told, language)
        for layer in layers:
            for answer in answers:
                if layer in answer.layers:
                    _draw_layer(next(rows), picture, layer, answer.layers[layer][index], language, answer.name)
    return figure


def _rows(heights: Sequence[int]) -> tuple[Figure, Iterator[SubFigure]]:
    """A figure, and its rows from the top down, so many times as high as one of an image, its heatmap and both."""
    figure = NotebookFigure(figsize=(9.2, 3.35 * sum(heights)), layout="constrained", dpi=110)
    return figure, iter(figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])


def _draw_image(axis: Axes, image: Image.Image, language: Language) -> None:
    _draw_panel(axis, _TEXTS("image", language), np.asarray(image))


def _draw_note(axis: Axes, note: str) -> None:
    """A line below an image."""
    axis.annotate(
        note, (0.5, 0), (0, -6), xycoords="axes fraction", textcoords="offset points", fontsize=9, va="top", ha="center"
    )


def _red_for(method: str, language: Language) -> str:
    """What a heatmap is of, and what its colours say: in two lines where the method's name is long."""
    name = printable(label_of(method, language))
    name = name if len(name) <= _TITLE_LETTERS else f"{name[: _TITLE_LETTERS - 1]}…"
    told = _TEXTS("heatmap", language, name=name)
    return told if len(told) <= _TITLE_LETTERS else told.replace(": ", ":\n")


def _draw_panel(axis: Axes, title: str, picture: NDArray[Any]) -> None:
    axis.imshow(picture, extent=(0, 1, 0, 1), interpolation="nearest")
    axis.set_title(title, fontsize=10, parse_math=False)
    axis.set_axis_off()


def _draw_heatmap(
    axes: Sequence[Axes],
    image: Image.Image,
    heatmap: NDArray[np.floating],
    title: str,
    language: Language,
    unit: str = "scale",
) -> None:
    """The heatmap and both overlaid in the last two panels, and the scale beside them."""
    limit = limit_of(heatmap)
    scale = ScalarMappable(Normalize(-limit, limit), COLOURS)
    _draw_panel(axes[-2], title, scale.to_rgba(heatmap))
    _draw_panel(axes[-1], _TEXTS("overlay", language), overlay(image, heatmap))
    bar = axes[0].figure.colorbar(scale, ax=list(axes), shrink=0.85, pad=0.02, format=_ScaleTicks(language))
    bar.set_label(_TEXTS(unit, language), fontsize=9)
    bar.ax.tick_params(labelsize=8)


def _draw_layer(
    row: SubFigure,
    image: Image.Image,
    name: str,
    relevance: NDArray[np.floating],
    language: Language,
    model: str = "",
) -> None:
    """A layer's strongest channels, and where it has maps of the image, their sum; of which of several ``model``s."""
    channels, *sides = relevance.shape
    told = {"name": printable(name), "channels": channels, "sum": number(float(relevance.sum()), language)}
    if sides:
        told["size"] = " × ".join(map(str, sides))
    layer = _TEXTS("layer_maps" if sides else "layer", language, **told)
    write_heading(row, f"{model}\n{layer}" if model else layer)
    axes = row.subplots(1, 3)
    _draw_channels(axes[0], strongest_channels(relevance, _BARS), language)
    if sides:
        title = _TEXTS("heatmap", language, name=_TEXTS("relevance", language))
        _draw_heatmap(axes, image, relevance.sum(axis=0), title, language, "cell_scale")
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


class _ScaleTicks(_Ticks):
    """Those of a scale, all with the room of a minus, four digits and a decimal mark: so rows are of one width."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        text = super().__call__(x, pos)
        missing = 4 - sum(map(str.isdigit, text))
        return text + _DIGIT_SPACE * missing + ("" if set(text) & set(".,") else _MARK_SPACE)


@lru_cache(maxsize=2)
def _table(control: bool) -> NDArray[np.uint8]:
    # An odd number of colours has white in its middle.
    scale = (GREYS if control else COLOURS).resampled(2 * _STEPS + 1)
    return (np.asarray(scale(np.arange(scale.N)))[:, :3] * 255).round().astype(np.uint8)


def limit_of(heatmap: NDArray[np.floating]) -> float:
    """Where the scale ends: the strongest relevance, or one where there is none."""
    return float(np.abs(heatmap).max()) or 1.0
