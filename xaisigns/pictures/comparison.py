"""Methods side by side: one picture per image, methods as columns, classes as rows."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from xaisigns.attribution.agreement import Asked
from xaisigns.attribution.method_sets import select_methods
from xaisigns.attribution.methods import DEFAULT_METHODS, Method
from xaisigns.base.language import Language, chosen_language
from xaisigns.base.numbers import percent, written
from xaisigns.base.progress import Progress, silent
from xaisigns.base.texts import Texts
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.drawn.examples import example_files
from xaisigns.data.pixels import to_rgb
from xaisigns.data.preprocessing import LONGEST, MAX_PIXELS, Picture, rgb_images
from xaisigns.errors import ModelError, TakenError
from xaisigns.model.explainable import Explainable, batch_for
from xaisigns.model.loading import Named, loaded
from xaisigns.pictures.drawing import COLOURS, GREYS, NotebookFigure, drawing
from xaisigns.pictures.figures import DRAWN, limit_of, save_figure
from xaisigns.pictures.files import PictureNames, batches, check_class, in_order, named_class
from xaisigns.pictures.headings import class_name, model_names
from xaisigns.pictures.models import by_name, naming

Row = int | Literal["predicted"]

_TEXTS = Texts("pictures")
# In inches.
_CELL, _CONTROL, _GAP, _LINE, _MARGIN = 1.3, 0.8, 0.08, 0.16, 0.12
_BETWEEN = 0.14  # models
_DPI = 110
_LABEL_LETTERS, _MODEL_LETTERS, _TITLE_LETTERS = 29, 20, 17


@dataclass(frozen=True, eq=False)
class _Compared:
    """What a model says of an image: its logits ``(classes,)``, the classes of its rows, their heatmaps by method.

    ``name`` is what tells the model from others beside it.
    """

    name: str
    model: Explainable
    logits: Tensor
    rows: list[int]
    heatmaps: list[list[NDArray[np.floating]]]

    def probability(self, class_id: int) -> float:
        return float(self.logits.softmax(dim=0)[class_id])

    @property
    def called(self) -> int:
        """The class that the model gives the image."""
        return int(self.logits.argmax())


def compare(
    model: Named | Mapping[str, Named],
    images: Iterable[Picture],
    methods: str | Sequence[str] = DEFAULT_METHODS,
    targets: Row | Sequence[Row] = (),
    *,
    language: Language | None = None,
    device: str | torch.device | None = None,
) -> list[Figure]:
    """A figure for each image: methods as columns, ``targets`` as rows, of each of several models by their names.

    Images are paths, PIL images or arrays, as ``rgb`` takes them. Without targets the rows are the predicted class and
    the runner-up; of several models each has its own. A method has one symmetric scale for all rows of an image and a
    model. ``methods`` are as ``select_methods`` takes them. ``language`` is a code such as "de", by default that of the
    variable XAISIGNS_LANG, else English; ``device`` is as ``loaded`` takes it. Raises ModelError for a model that does
    not say how pictures become its images, for a class that it does not have, for no model at all and for several
    without names, ShapeError and DataError as ``rgb`` does, LanguageError for another language, MethodError and
    RuleError as ``select_methods`` does.
    """
    language = chosen_language(language)
    chosen = select_methods(methods)
    rows = targets if isinstance(targets, Sequence) and not isinstance(targets, str) else [targets]
    given: Mapping[str, Named] = by_name(model)
    models = {name: _checked(name, one, rows, device) for name, one in given.items()}
    pictures = rgb_images(images, longest=LONGEST)
    every = _every(models, pictures, chosen, rows)
    return [_figure(chosen, image, compared, language) for image, compared in zip(pictures, every, strict=True)]


def compare_files(
    model: Explainable | Mapping[str, Explainable],
    images: Sequence[Path] | None,
    out: Path,
    methods: Sequence[str] = DEFAULT_METHODS,
    targets: Sequence[Row] = (),
    language: Language | None = None,
    progress: Progress = silent,
    *,
    max_pixels: int = MAX_PIXELS,
    force: bool = False,
) -> dict[str, Any]:
    """Write the picture of ``compare`` for each image file to ``out``; gives the document of ``compare --json``.

    Without images, the four example signs are drawn and compared. An image that cannot be read, or has more than
    ``max_pixels``, is in its "skipped", and so is, without ``force``, one whose picture would overwrite a file of
    others. No file of the call is written over another or over an image. Raises as ``compare`` does, and OutputError
    when ``out`` cannot be written.
    """
    language = chosen_language(language)
    chosen = select_methods(methods)
    models = {name: _checked(name, one, targets) for name, one in by_name(model).items()}
    paths = images or example_files()
    results: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    names = PictureNames(out, paths)
    for batch in batches(paths, skipped, max_pixels):
        every = _every(models, [image for _, image in batch], chosen, targets)
        for (path, image), compared in zip(batch, every, strict=True):
            picture = names.take(path)
            try:
                save_figure(_figure(chosen, image, compared, language), picture, force=force)
            except TakenError as error:
                skipped.append({"image": str(path), "error": f"{path}: {error}"})
                continue
            results.append(_document(path, compared, picture, language))
            progress("comparing", len(results) + len(skipped), len(paths))
    return {"methods": [method.name for method in chosen], "results": results, "skipped": in_order(skipped, paths)}


def _checked(name: str, model: Named, targets: Sequence[Row], device: str | torch.device | None = None) -> Explainable:
    with naming(name):
        read = loaded(model, device)
    for target in targets:
        if target is None or isinstance(target, bool):
            raise ModelError(f"a row is 'predicted' or a class number, got {target}")
        if target != "predicted":
            with naming(name):
                check_class(read, "target", target)
    return read


def _every(
    models: Mapping[str, Explainable],
    images: Sequence[Image.Image],
    methods: Sequence[Method],
    targets: Sequence[Row],
) -> Iterator[tuple[_Compared, ...]]:
    """What every model says, image by image."""
    return zip(*(_compared(name, model, images, methods, targets) for name, model in models.items()), strict=True)


def _compared(
    name: str,
    model: Explainable,
    images: Sequence[Image.Image],
    methods: Sequence[Method],
    targets: Sequence[Row],
) -> Iterator[_Compared]:
    with naming(name):
        x = batch_for(model, images)
        with own_torch_state():
            logits = Asked(model.module).logits(x)
        rows = _rows(logits, targets)
        columns = []
        for method in methods:
            # One method at a time: each has a copy of the network.
            explain = method.prepared(model)
            columns.append([explain(x, class_ids).heatmap.numpy(force=True) for class_ids in rows.unbind(dim=1)])
    for index in range(len(images)):
        asked = rows[index].tolist()
        # A class that was asked for may be the predicted one: one row is enough.
        own = list(dict.fromkeys(asked))
        heatmaps = [[column[asked.index(class_id)][index] for class_id in own] for column in columns]
        yield _Compared(name, model, logits[index], own, heatmaps)


def _rows(logits: Tensor, targets: Sequence[Row]) -> Tensor:
    """The class of each row for each image, ``(N, rows)``."""
    if not targets:
        return logits.topk(2, dim=1).indices
    predicted = logits.argmax(dim=1)
    columns = [predicted if target == "predicted" else torch.full_like(predicted, target) for target in targets]
    return torch.stack(columns, dim=1)


def _figure(methods: Sequence[Method], image: Image.Image, compared: Sequence[_Compared], language: Language) -> Figure:
    with drawing():
        return _drawn(methods, image, compared, language)


def _drawn(methods: Sequence[Method], image: Image.Image, compared: Sequence[_Compared], language: Language) -> Figure:
    titles = [_title(method, language) for method in methods]
    title_lines = max(title.count("\n") for title in titles) + 1
    called = model_names(one.name for one in compared)
    names = {name: "\n".join(textwrap.wrap(short, _MODEL_LETTERS)) for name, short in called.items()}
    labels = [[_label(one, class_id, language) for class_id in one.rows] for one in compared]
    widths = [
        *(_width(label) for of_model in labels for label in of_model),
        *(_width(name, "bold") for name in names.values()),
    ]
    left = max(widths) + _MARGIN
    sheet = _Sheet([len(one.rows) for one in compared], len(methods) + 1, title_lines, left)
    sheet.write(*_heading(compared, called, language))
    first = 0
    for one, own in zip(compared, labels, strict=True):
        _write_labels(sheet, first, own, names[one.name])
        for column, (method, heatmaps) in enumerate(zip(methods, one.heatmaps, strict=True), start=1):
            _draw_column(sheet, first, column, heatmaps, language, control=method.control)
        first += len(one.rows)
    axes = sheet.cells[0, 0]
    axes.set_axis_on()  # the image is the same for all rows
    axes.imshow(np.asarray(to_rgb(image, DRAWN)), extent=(0, 1, 0, 1), interpolation="nearest")
    axes.set_title(_TEXTS("image", language), fontsize=9)
    for column, (method, title) in enumerate(zip(methods, titles, strict=True), start=1):
        sheet.cells[0, column].set_title(title, fontsize=9, color="0.4" if method.control else "0")
    return sheet.figure


def _heading(compared: Sequence[_Compared], called: Mapping[str, str], language: Language) -> list[str]:
    """What each model, by what it is ``called``, says the image is, and how to read the rest."""
    answers = [
        _TEXTS(
            "called_by" if one.name else "compared_called",
            language,
            model=called[one.name],
            name=class_name(one.model, one.called, language),
            share=percent(one.probability(one.called), language),
        )
        for one in compared
    ]
    return [*answers, _TEXTS("reading_models" if compared[0].name else "reading", language)]


def _write_labels(sheet: "_Sheet", first: int, labels: Sequence[str], name: str) -> None:
    """A model's ``name``, and what its rows are about, from the row ``first`` on."""
    for row, label in enumerate(labels, start=first):
        axes = sheet.cell(row, 0)
        axes.set_axis_off()
        axes.text(-sheet.left / _CELL, 0.5, label, fontsize=9, va="center", parse_math=False)
    axes = sheet.cells[first, 0]
    axes.text(-sheet.left / _CELL, 1, name, fontsize=9, weight="bold", va="top", parse_math=False)


def _draw_column(
    sheet: "_Sheet",
    first: int,
    column: int,
    heatmaps: Sequence[NDArray[np.floating]],
    language: Language,
    *,
    control: bool,
) -> None:
    """A method's heatmaps of one model, from the row ``first`` on, and below them where their scale ends."""
    limit = max(map(limit_of, heatmaps))
    colours, size = (GREYS, _CONTROL) if control else (COLOURS, _CELL)
    for row, heatmap in enumerate(heatmaps, start=first):
        axes = sheet.cell(row, column, size)
        axes.imshow(heatmap, colours, vmin=-limit, vmax=limit, extent=(0, 1, 0, 1), interpolation="nearest")
    end = written(f"± {limit:.2g}", language)
    axes.text(0.5, -0.05, end, fontsize=8, va="top", ha="center", transform=axes.transAxes)


def _width(text: str, weight: str = "normal") -> float:
    """How wide a label is, in inches."""
    drawn = NotebookFigure(dpi=_DPI).text(0, 0, text, fontsize=9, weight=weight, parse_math=False)
    return float(drawn.get_window_extent().width) / _DPI


class _Sheet:
    """A figure of square cells, with room for labels on the ``left``, titles above and a heading on top.

    Its rows come in ``blocks`` of so many, with a line below each.
    """

    def __init__(self, blocks: Sequence[int], columns: int, title_lines: int, left: float) -> None:
        self.left = left
        self._width = left + columns * (_CELL + _GAP) + 2 * _MARGIN
        rows, between = sum(blocks), (len(blocks) - 1) * (_LINE + _BETWEEN)
        self._below = rows * (_CELL + _GAP) + between + _LINE + _MARGIN + title_lines * _LINE + _MARGIN
        self._rows = rows
        # Of each row the height of what is between the blocks below it.
        self._between = [
            (len(blocks) - place) * (_LINE + _BETWEEN)
            for place, count in enumerate(blocks, start=1)
            for _ in range(count)
        ]
        self.cells: dict[tuple[int, int], Axes] = {}
        self.figure = NotebookFigure(figsize=(self._width, self._below), dpi=_DPI)

    def write(self, *sentences: str) -> None:
        """The heading, in as many lines as the width wants; before any cell is asked for."""
        # A letter of 10 points is on average hardly more than half as wide.
        letters = int((self._width - 2 * _MARGIN) * 72 / 5.6)
        lines = [line for sentence in sentences for line in textwrap.wrap(sentence, letters)]
        height = self._below + 1.2 * _LINE * len(lines) + 2 * _MARGIN
        self.figure.set_size_inches(self._width, height)
        self.figure.text(
            _MARGIN / self._width,
            1 - _MARGIN / height,
            "\n".join(lines),
            fontsize=10,
            va="top",
            linespacing=1.2,
            parse_math=False,
        )

    def cell(self, row: int, column: int, size: float = _CELL) -> Axes:
        """Square axes of this size in the middle of a cell."""
        height, free = self.figure.get_figheight(), (_CELL - size) / 2
        left = _MARGIN + self.left + column * (_CELL + _GAP) + free
        bottom = _MARGIN + _LINE + self._between[row] + (self._rows - 1 - row) * (_CELL + _GAP) + free
        axes = self.figure.add_axes(
            (left / self._width, bottom / height, size / self._width, size / height), xticks=[], yticks=[]
        )
        axes.spines[:].set_color("0.8")
        self.cells[row, column] = axes
        return axes


def _title(method: Method, language: Language) -> str:
    """The method's name as people write it, broken into lines at its spaces and behind its _ and : where it is wide."""
    lines = [""]
    for piece in re.findall(rf"[^_: ]{{1,{_TITLE_LETTERS}}}[_: ]?", method.label(language)):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > _TITLE_LETTERS:
            lines.append("")
        lines[-1] += piece
    lines = [line.rstrip() for line in lines]
    return "\n".join([*lines, _TEXTS("control", language)] if method.control else lines)


def _label(compared: _Compared, class_id: int, language: Language) -> str:
    """What a row is about."""
    text = _TEXTS(
        "logit",
        language,
        logit=written(f"{compared.logits[class_id]:.2f}", language),
        share=percent(compared.probability(class_id), language),
    )
    return "\n".join([*textwrap.wrap(class_name(compared.model, class_id, language), _LABEL_LETTERS), text])


def _document(path: Path, compared: Sequence[_Compared], picture: Path, language: Language) -> dict[str, Any]:
    """What is told of an image: of one model alone all in one, else an answer for each."""
    files = {"picture": str(picture)}
    if not compared[0].name:
        return {"image": str(path), **_told(compared[0], language), "files": files}
    answers = [{"model": one.name, **_told(one, language)} for one in compared]
    return {"image": str(path), "files": files, "answers": answers}


def _told(compared: _Compared, language: Language) -> dict[str, Any]:
    def told(class_id: int) -> dict[str, Any]:
        named = named_class(compared.model, class_id, language)
        return {**named, "probability": compared.probability(class_id)}

    rows = [{**told(class_id), "logit": float(compared.logits[class_id])} for class_id in compared.rows]
    return {"predicted": told(compared.called), "rows": rows}
