"""Two models side by side on the same images, such as one before and after a repair."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from xaisigns.base.numbers import percent, whole
from xaisigns.pictures.figures import coloured
from xaisigns.report.heatmaps import Heatmap, Pixels, check_picture, scale_limit
from xaisigns.report.page_text import plain
from xaisigns.report.report import Report
from xaisigns.report.section import Section
from xaisigns.report.tiles import Grid, heatmap_tile, image_tile, tile_side
from xaisigns.study.study import Study

if TYPE_CHECKING:
    from xaisigns.report.collection import Source

_SHOWN = 4  # images with a sticker whose answer changed, and as many without
_MODELS = ("before", "after")

Answers = tuple[NDArray[np.int64], NDArray[np.int64]]  # before and after, of every image


@dataclass(frozen=True)
class Counts:
    """Of the ``count`` images of a class, before and after: right as they are; with a sticker, turned and right."""

    id: int
    count: int
    right: tuple[int, int]
    turned: tuple[int, int] | None
    kept: tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class Changed:
    """An image ``(H, W, 3)`` whose answer changed, and why before and after: heatmaps ``(h, w)``."""

    label: int
    stickered: bool
    image: Pixels
    called: tuple[int, int]
    probability: tuple[float, float]
    heatmaps: tuple[Heatmap, Heatmap]


@dataclass(frozen=True, eq=False)
class Change(Section):
    """What the reported model does and the one ``before`` did not.

    ``sticker_class`` is that of the stickers, where both models were trained with the same, else None.
    """

    order = 7

    before: str
    method: str
    sticker_class: int | None
    classes: tuple[Counts, ...]
    images: tuple[Changed, ...]

    @classmethod
    def collect(cls, source: "Source") -> Self | None:
        """Both models on all images, whichever classes are shown; None where there is no model before."""
        if source.before is None:
            return None
        studies, labels = (source.before, source.study), source.study.labels.numpy()
        plain_ones = [one.probabilities for one in studies]
        stickers = source.study.stickers == source.before.stickers
        stickered = [
            one.stickered_probabilities for one in studies if stickers and one.stickered_probabilities is not None
        ]
        sticker_class = source.study.sticker_class if stickered else None
        answers, turned = _answers(plain_ones), _answers(stickered) if stickered else None
        counts = [_counts(class_id, labels, answers, turned, sticker_class) for class_id in source.names]
        images = [
            one
            for with_sticker, probabilities in ((True, stickered), (False, plain_ones))
            if probabilities
            for one in _changed(source, studies, probabilities, with_sticker=with_sticker)
        ]
        return cls(
            source.wanted.before_name,
            source.methods[0].name,
            sticker_class,
            tuple(one for one in counts if one.count),
            tuple(images),
        )

    def check(self, report: Report) -> None:
        """Raises ShapeError for classes and methods that the report does not have, and for what cannot be shown."""
        report.refuse_unknown_methods((self.method,))
        report.refuse_unknown_classes([one.id for one in self.classes])
        for number, one in enumerate(self.images):
            report.refuse_unknown_classes((one.label, *one.called))
            for heatmap in one.heatmaps:
                check_picture(f"changed image {number}", one.image, {self.method: heatmap})

    def tell(self, report: Report) -> dict[str, Any]:
        """The sums in sentences, a row for each class, and captions for the images."""
        language = report.language
        method = next(plain(method.label) for method in report.methods if method.key == self.method)
        return {
            "about": self.texts("about", language, before=plain(self.before), after=plain(report.model)),
            "sums": self._sums(report),
            "images_note": self.texts("images_note", language, method=method),
            "images": [self._told(one, report) for one in self.images],
            "stickers": self.sticker_class is not None,
            "rows": [_row(one, report) for one in self.classes],
        }

    def grids(self, report: Report) -> Iterator[tuple[str, Grid]]:
        """The image, what spoke for the answer before, and after: three tiles for each."""
        side = tile_side(heatmap for one in self.images for heatmap in one.heatmaps)
        for number, one in enumerate(self.images):
            maps = [coloured(heatmap_tile(heatmap, side), scale_limit([heatmap])) for heatmap in one.heatmaps]
            yield f"change-{number}", Grid(None, np.stack([image_tile(one.image, side), *maps])[None])

    def _sums(self, report: Report) -> list[str]:
        if self.sticker_class is None:
            return [self._sum("right", self.classes, [one.right for one in self.classes], report)]
        own = [one for one in self.classes if one.id == self.sticker_class]
        others = [one for one in self.classes if one.id != self.sticker_class]
        sums = (
            ("turned", others, [one.turned for one in others if one.turned]),
            ("kept", others, [one.kept for one in others if one.kept]),
            ("own", own, [one.right for one in own]),
            ("right_other", others, [one.right for one in others]),
        )
        return [self._sum(kind, classes, numbers, report) for kind, classes, numbers in sums if classes]

    def _sum(self, kind: str, classes: Sequence[Counts], numbers: Sequence[tuple[int, int]], report: Report) -> str:
        language, count = report.language, sum(one.count for one in classes)
        before, after = (percent(sum(pair[model] for pair in numbers) / count, language) for model in (0, 1))
        name = "" if self.sticker_class is None else report.name(self.sticker_class)
        return self.texts(f"sum_{kind}", language, before=before, after=after, count=whole(count, language), name=name)

    def _told(self, one: Changed, report: Report) -> dict[str, Any]:
        language = report.language
        label = self.texts("stickered" if one.stickered else "as_it_is", language, label=report.name(one.label))
        answers = [
            self.texts(model, language, called=report.name(called), probability=percent(sure, language))
            for model, called, sure in zip(_MODELS, one.called, one.probability, strict=True)
        ]
        return {"captions": [label, *answers]}


def _answers(probabilities: Sequence[Tensor]) -> Answers:
    before, after = (one.argmax(dim=1).numpy() for one in probabilities)
    return before, after


def _counts(
    class_id: int, labels: NDArray[np.int64], answers: Answers, turned: Answers | None, sticker_class: int | None
) -> Counts:
    own = labels == class_id

    def of(models: Answers, called: int) -> tuple[int, int]:
        before, after = (int((model[own] == called).sum()) for model in models)
        return before, after

    if turned is None or sticker_class is None:
        return Counts(class_id, int(own.sum()), of(answers, class_id), None, None)
    return Counts(class_id, int(own.sum()), of(answers, class_id), of(turned, sticker_class), of(turned, class_id))


def _changed(
    source: "Source", studies: tuple[Study, Study], probabilities: Sequence[Tensor], *, with_sticker: bool
) -> Iterator[Changed]:
    """An image that is told otherwise now of each of the classes where most are."""
    labels = source.study.labels.numpy()
    places = _chosen(labels, _answers(probabilities))
    pictures = [source.picture(place, stickered=with_sticker) for place in places]
    sure = [[one[place].max(dim=0) for place in places] for one in probabilities]
    maps = [
        study.heatmaps(pictures, [int(called) for _, called in of], source.methods[0])
        for study, of in zip(studies, sure, strict=True)
    ]
    for picture, place, before, after, *heatmaps in zip(pictures, places, *sure, *maps, strict=True):
        if np.isfinite(heatmaps).all():
            called = int(before.indices), int(after.indices)
            probability = float(before.values), float(after.values)
            pair = heatmaps[0], heatmaps[1]
            yield Changed(int(labels[place]), with_sticker, np.asarray(picture), called, probability, pair)


def _chosen(labels: NDArray[np.int64], answers: Answers) -> list[int]:
    """One of each class, and one that is right now where there is any."""
    before, after = answers
    changed = before != after
    ids, counts = np.unique(labels[changed], return_counts=True)
    most = ids[np.argsort(-counts, kind="stable")][:_SHOWN]
    chosen = []
    for class_id in most:
        own = np.flatnonzero(changed & (labels == class_id))
        mended = own[after[own] == class_id]
        chosen.append(int((mended if len(mended) else own)[0]))
    return chosen


def _row(one: Counts, report: Report) -> dict[str, Any]:
    def told(pair: tuple[int, int] | None) -> list[str] | None:
        return [percent(hits / one.count, report.language) for hits in pair] if pair else None

    return {
        "id": one.id,
        "name": report.name(one.id),
        "count": whole(one.count, report.language),
        "right": told(one.right),
        "turned": told(one.turned),
        "kept": told(one.kept),
    }
