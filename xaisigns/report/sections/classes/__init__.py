"""The classes, each with examples, heatmaps and scores."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from PIL import Image

from xaisigns.errors import ShapeError
from xaisigns.metrics.localisation import relevance_mass
from xaisigns.report.heatmaps import Heatmap, Heatmaps, check_picture
from xaisigns.report.report import Report
from xaisigns.report.scores import Metric, check_scores
from xaisigns.report.section import Section
from xaisigns.report.sections.classes.choice import Chosen, choose
from xaisigns.report.sections.classes.shown_class import Example, ShownClass, class_grid
from xaisigns.report.sections.classes.told_class import ClassTeller
from xaisigns.report.tiles import Grid, tile_side

if TYPE_CHECKING:
    from xaisigns.report.collection import Source


@dataclass(frozen=True, eq=False)
class Classes(Section):
    """The classes that are shown, in their order, and the metrics of their scores."""

    order = 40

    classes: tuple[ShownClass, ...] = ()
    metrics: tuple[Metric, ...] = ()

    @classmethod
    def collect(cls, source: "Source") -> Self:
        """The examples of all classes are explained at once, each for what the model calls it."""
        measured = source.measured
        examples = _examples(source)
        classes = tuple(
            ShownClass(
                class_id,
                examples[class_id],
                measured.mean(class_id),
                measured.inside(class_id),
                measured.class_scores[class_id],
            )
            for class_id in source.classes
        )
        return cls(classes, measured.metrics)

    def check(self, report: Report) -> None:
        """Raises ShapeError for a class that is there twice, and for what the report does not have or cannot show."""
        if len({shown.id for shown in self.classes}) < len(self.classes):
            raise ShapeError("one section for each class is wanted, got several for one")
        for shown in self.classes:
            _check(shown, self.metrics, report)

    def columns(self) -> set[str]:
        """The methods with a heatmap in any class."""
        return {key for shown in self.classes for heatmaps in shown.rows() for key in heatmaps}

    def entries(self, report: Report) -> Sequence[Mapping[str, Any]]:
        """Every class."""
        return [{"id": f"class-{one.id}", "number": one.id, "name": report.name(one.id)} for one in self.classes]

    def tell(self, report: Report) -> dict[str, Any]:
        """Each class, with a cell for each tile of its grid: the tile's text, None where there is no heatmap."""
        columns = report.columns()
        teller = ClassTeller(report, columns, self.metrics, self.texts)
        return {
            "columns": [method.told() for method in columns],
            "classes": [teller.tell(shown) for shown in self.classes],
        }

    def grids(self, report: Report) -> Iterator[tuple[str, Grid]]:
        """The tiles of each class that has any."""
        keys = [method.key for method in report.columns()]
        controls = {method.key for method in report.columns() if method.control}
        side = tile_side(
            heatmap for shown in self.classes for one in shown.examples for heatmap in one.heatmaps.values()
        )
        for shown in self.classes:
            if shown.rows():
                yield f"class-{shown.id}", class_grid(shown, keys, side, controls)


def _examples(source: "Source") -> dict[int, tuple[Example, ...]]:
    study = source.study
    truth = study.labels, study.probabilities, study.stickered_probabilities, study.sticker_class
    explained = source.measured.explained
    known = explained[False], explained[True]
    chosen = {class_id: choose(class_id, *truth, source.wanted.examples, *known) for class_id in source.classes}
    every = [one for choices in chosen.values() for one in choices]
    pictures = [source.picture(one.place, stickered=one.kind == "stickered") for one in every]
    called = [source.called(one.place, stickered=one.kind == "stickered") for one in every]
    maps = _heatmaps(source, every, pictures, [class_id for class_id, _ in called])
    rows = iter(
        Example(
            one.kind,
            np.asarray(pictures[row]),
            maps[row],
            *called[row],
            *(_on_sticker(source, one.place, maps[row].get(source.methods[0].name)) if one.kind == "stickered" else ()),
        )
        for row, one in enumerate(every)
    )
    return {class_id: tuple(next(rows) for _ in choices) for class_id, choices in chosen.items()}


def _heatmaps(
    source: "Source", every: Sequence[Chosen], pictures: Sequence[Image.Image], called: Sequence[int]
) -> list[Heatmaps]:
    """Of each chosen image, by method; those that were explained to be scored are not explained again."""
    found = {row: known for row, one in enumerate(every) if (known := _known(source, one)) is not None}
    others = [row for row in range(len(every)) if row not in found]
    plain = [None if every[row].kind == "stickered" else every[row].place for row in others]
    maps = source.heatmaps([pictures[row] for row in others], [called[row] for row in others], plain)
    for at, row in enumerate(others):
        found[row] = {name: heatmap for name, heatmaps in maps.items() if (heatmap := heatmaps[at]) is not None}
    return [found[row] for row in range(len(every))]


def _known(source: "Source", one: Chosen) -> Heatmaps | None:
    return source.measured.explained[one.kind == "stickered"].get(one.place)


def _on_sticker(source: "Source", place: int, heatmap: Heatmap | None) -> tuple[float, float] | tuple[()]:
    """How much of the positive relevance lies on the sticker, and how much of the image that covers."""
    mask = source.sticker(place)
    if mask is None or heatmap is None or heatmap.shape != mask.shape:
        return ()
    share = float(relevance_mass(torch.from_numpy(heatmap)[None, None], torch.from_numpy(mask)[None]))
    return (share, float(mask.mean())) if math.isfinite(share) else ()


def _check(shown: ShownClass, metrics: Sequence[Metric], report: Report) -> None:
    report.refuse_unknown_classes((shown.id, *(one.called for one in shown.examples)))
    report.refuse_unknown_methods((*shown.inside, *(key for heatmaps in shown.rows() for key in heatmaps)))
    check_scores(shown.scores, metrics, report)
    for place, one in enumerate(shown.examples):
        check_picture(f"example {place} of class {shown.id}", one.image, one.heatmaps)
    if shown.mean:
        check_picture(f"the mean of class {shown.id}", shown.mean.image, shown.mean.heatmaps)
