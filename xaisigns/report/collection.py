"""Fills a report: each section collects what it tells of a model on a data set."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from xaisigns.attribution.lrp import LRP
from xaisigns.attribution.method_sets import select_methods
from xaisigns.audit.exhibits import spread
from xaisigns.audit.findings import Findings
from xaisigns.base.language import Language, chosen_language
from xaisigns.base.progress import Progress, silent
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.classes import CLASS_NAMES
from xaisigns.data.drawn.examples import example_signs
from xaisigns.data.preprocessing import LONGEST, read_image, resize_mask, rgb
from xaisigns.errors import DataError, ModelError
from xaisigns.model.evaluation import accuracy_report, class_name
from xaisigns.model.explainable import Explainable, batch_for
from xaisigns.report.date import today
from xaisigns.report.evaluation import evaluation_of
from xaisigns.report.heatmaps import Heatmap
from xaisigns.report.highlight import Highlight
from xaisigns.report.measured import Measured
from xaisigns.report.report import Method, Report
from xaisigns.report.section import WORDS, Section, sections
from xaisigns.study.attributions.writing import keep
from xaisigns.study.study import Data, Study, images_of

REPORT_METHODS = (
    *("lrp", "saliency", "input_x_gradient", "integrated_gradients", "guided_backprop", "gradcam", "occlusion"),
    *("edges", "uniform"),
)
_HIGHLIGHTS = {"stop": 14, "no-overtaking": 9, "speed-50": 2, "speed-50-sticker": 2}


@dataclass(frozen=True)
class Reporting:
    """What a report shows.

    ``name`` is what the model is called, ``command`` the line that makes the report again, None where there is
    none; ``methods`` are as
    ``select_methods`` takes them, ``classes`` are ids (without: all of the model's), ``examples`` images of each;
    ``audit`` is what an audit found of this very model, ``before`` a model of the same classes that it is shown beside,
    which is called ``before_name``; ``store`` is one of the model's attributions of the same images,
    which with ``keep`` is written first.
    """

    name: str
    command: str | None
    methods: Sequence[str] | str = REPORT_METHODS
    classes: Sequence[int] | None = None
    examples: int = 4
    language: Language = field(default_factory=chosen_language)
    seed: int = 0
    audit: Findings | None = None
    before: Explainable | None = None
    before_name: str = ""
    store: Path | str | None = None
    keep: bool = False


class Source:
    """What sections collect from: a model examined on a data set, methods, and what the report is to show.

    ``methods`` are those of the attribution, ``classes`` the ids to show, ``before`` the other model on the same
    data, None where there is none. Raises ModelError for a class that the model
    does not have, MethodError and RuleError for methods, DataError for missing or broken data and for another
    split, and for the store what ``Stored`` does.
    """

    def __init__(self, model: Explainable, data: Data, wanted: Reporting, progress: Progress = silent) -> None:
        self.start = time.monotonic()
        self.wanted, self.language = wanted, wanted.language
        self.classes = _classes(model, wanted.classes)
        self.methods = select_methods(wanted.methods)
        images = images_of(data, "test", progress)
        if images.split != "test":
            raise DataError(f"a report tells of test images, got those of the split {images.split!r} of {images.root}")
        if wanted.before is not None:
            _refuse_other_classes(model, wanted.before)
        if wanted.keep:
            keep(wanted.store, model, images, [method.name for method in self.methods], progress)
        self.study = Study(model, images, progress, wanted.store)
        self.before = None if wanted.before is None else Study(wanted.before, images, progress)
        self.names = {
            class_id: class_name(model, self.study.data, class_id, self.language) for class_id in range(model.classes)
        }

    @property
    def composite(self) -> str | None:
        """That of the first LRP among the methods."""
        return next((method.composite for method in self.methods if method.composite), None)

    @cached_property
    def lrp(self) -> LRP | None:
        """The first LRP among the methods."""
        model = self.study.model
        return LRP(model.module, self.composite, bounds=model.bounds) if self.composite else None

    @cached_property
    def measured(self) -> Measured:
        """The methods' scores, by class and over all."""
        wanted = self.wanted
        return Measured(self.study, self.methods, wanted.examples, wanted.seed, self.classes, self.language)

    @cached_property
    def highlights(self) -> tuple[Highlight, ...]:
        """The four signs of the use case for a model of GTSRB's classes, else images of four of its own."""
        model = self.study.model
        names = [model.class_name(class_id, "en") for class_id in _HIGHLIGHTS.values()]
        if names != [CLASS_NAMES["en"][class_id] for class_id in _HIGHLIGHTS.values()]:
            return self._own_highlights()
        method, signs = self.methods[0], example_signs()
        images = batch_for(model, list(signs.values()))
        with own_torch_state(), torch.no_grad():
            sure, called = model.module(images).softmax(dim=1).max(dim=1)
        heatmaps = self.study.heatmaps(list(signs.values()), called.tolist(), method)
        return tuple(
            Highlight(
                _HIGHLIGHTS[name],
                int(called[n]),
                float(sure[n]),
                np.asarray(image),
                heatmaps[n],
                method.name,
                stickered=name.endswith("sticker"),
            )
            for n, (name, image) in enumerate(signs.items())
            if np.isfinite(heatmaps[n]).all()
        )

    def _own_highlights(self) -> tuple[Highlight, ...]:
        """Of classes spread evenly over those that are shown, the first image that was explained anyway."""
        method = self.methods[0].name
        explained = {place: maps[method] for place, maps in self.measured.explained[False].items() if method in maps}
        first = {int(self.study.labels[place]): place for place in reversed(explained)}
        return tuple(
            Highlight(
                class_id,
                *self.called(place, stickered=False),
                np.asarray(self.picture(place, stickered=False)),
                explained[place],
                method,
            )
            for class_id, place in ((chosen, first[chosen]) for chosen in spread(sorted(first), len(_HIGHLIGHTS)))
        )

    def picture(self, place: int, *, stickered: bool) -> Image.Image:
        """An image of the data set, as it is or with a sticker."""
        sample = self.study.data.samples[place]
        if stickered and self.study.stickers:
            image, _ = self.study.stickers.apply(read_image(sample.path), sample)
            return rgb(image, longest=LONGEST)
        return rgb(sample.path, longest=LONGEST)

    def sticker(self, place: int) -> NDArray[np.bool_] | None:
        """Where a sticker is on an image of the data set as the model sees it ``(S, S)``; None where there are none."""
        if not self.study.stickers:
            return None
        sample = self.study.data.samples[place]
        _, mask = self.study.stickers.apply(read_image(sample.path), sample)
        return resize_mask(mask, self.study.model.preprocessing.input_size)

    def called(self, place: int, *, stickered: bool) -> tuple[int, float]:
        """What the model calls an image, and how sure it is."""
        every = self.study.stickered_probabilities if stickered else self.study.probabilities
        probability, called = cast("Tensor", every)[place].max(dim=0)
        return int(called), float(probability)

    def heatmaps(
        self, pictures: Sequence[Image.Image], called: Sequence[int], places: Sequence[int | None]
    ) -> dict[str, list[Heatmap | None]]:
        """By method's name, what spoke for each picture's class, None where the method gives no numbers.

        ``places`` are as ``Study.heatmaps`` takes them.
        """
        found = {method.name: self.study.heatmaps(pictures, called, method, places) for method in self.methods}
        return {name: [one if np.isfinite(one).all() else None for one in maps] for name, maps in found.items()}


def collect_report(model: Explainable, data: Data, wanted: Reporting, progress: Progress = silent) -> Report:
    """All of a report on a data set, the test images below its folder, or drawn signs.

    What takes long (predictions, heatmaps, scores) is kept in the cache, so that a second report on the same model and
    data costs seconds. ``progress`` hears of all of it. Raises what ``Source`` does.
    """
    kinds = sections()
    source = Source(model, data, wanted, progress)
    study = source.study
    found: list[Section | None] = [section.collect(source) for section in kinds]
    return Report(
        language=wanted.language,
        date=today(),
        model=wanted.name,
        data=_data(study, wanted.language),
        names=source.names,
        methods=tuple(Method(one.name, one.label(wanted.language), one.control) for one in source.methods),
        evaluation=evaluation_of(accuracy_report(study.labels, study.probabilities.argmax(dim=1), model.classes)),
        sections=tuple(section for section in found if section),
    )


def _data(study: Study, language: Language) -> str:
    """What the test images are called: by their folder, or as drawn."""
    drawn = (study.data.manifest or {}).get("rendered")
    return WORDS.counted(
        "drawn_images" if drawn else "test_images", len(study.data), language, name=study.data.root.name
    )


def _classes(model: Explainable, wanted: Sequence[int] | None) -> list[int]:
    known = range(model.classes)
    for class_id in wanted or ():
        if class_id not in known:
            raise ModelError(f"the model has no class {class_id}; give --classes numbers from 0 to {len(known) - 1}")
    return sorted(set(known if wanted is None else wanted))


def _refuse_other_classes(model: Explainable, before: Explainable) -> None:
    names = [[one.class_name(class_id, "en") for class_id in range(one.classes)] for one in (before, model)]
    if names[0] != names[1]:
        raise ModelError(
            f"two models are compared on the same classes: the one before has {before.classes}, the other "
            f"{model.classes}, or they have other names"
        )
