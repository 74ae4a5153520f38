"""Fills a report: examples of each class with heatmaps, what the model confuses, and how the methods score."""

import math
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from xaisigns.attribution.assignment import rule_table
from xaisigns.attribution.lrp import LRP
from xaisigns.attribution.method_sets import select_methods
from xaisigns.attribution.methods import Method
from xaisigns.base.language import Language, chosen_language
from xaisigns.base.numbers import percent
from xaisigns.base.progress import Progress, silent
from xaisigns.base.torch_state import own_torch_state
from xaisigns.data.classes import CLASS_NAMES
from xaisigns.data.drawn.examples import example_signs
from xaisigns.data.image_set import fingerprint
from xaisigns.data.preprocessing import LONGEST, read_image, rgb
from xaisigns.errors import ModelError
from xaisigns.metrics.catalogue import METRICS
from xaisigns.metrics.localisation import relevance_mass
from xaisigns.model.evaluation import accuracy_report, class_name
from xaisigns.model.explainable import Explainable, Preprocessing
from xaisigns.pictures.explanation import ledger_rows
from xaisigns.report import content
from xaisigns.report.choosing import Chosen, choose
from xaisigns.report.date import today
from xaisigns.report.words import METRIC_WORDS, WORDS, counted
from xaisigns.study.measuring import Scoring, summarised
from xaisigns.study.study import Study, images_of

REPORT_METHODS = (
    *("lrp", "saliency", "input_x_gradient", "integrated_gradients", "guided_backprop", "gradcam", "occlusion"),
    *("edges", "uniform"),
)
_VERSIONS = ("xaisigns", "torch", "captum", "numpy", "pillow")
_HIGHLIGHTS = {"stop": 14, "no-overtaking": 9, "speed-50": 2, "speed-50-sticker": 2}


@dataclass(frozen=True)
class Reporting:
    """What a report shows.

    ``name`` is what the model is called, ``command`` the line that makes the report again; ``methods`` are as
    ``select_methods`` takes them, ``classes`` are ids (without: all of the model's), ``examples`` images of each.
    """

    name: str
    command: str
    methods: Sequence[str] = REPORT_METHODS
    classes: Sequence[int] | None = None
    examples: int = 4
    language: Language = field(default_factory=chosen_language)
    seed: int = 0


def gather(model: Explainable, root: Path, wanted: Reporting, progress: Progress = silent) -> content.Report:
    """All of a report on the test images below ``root``.

    What takes long (predictions, heatmaps, scores) is kept in the cache, so that a second report on the same model and
    data costs seconds. ``progress`` hears of all of it. Raises ModelError for a
    class that the model does not have, DataError for missing or broken data, MethodError and RuleError for methods.
    """
    start = time.monotonic()
    classes = _classes(model, wanted.classes)
    methods = select_methods(wanted.methods)
    study = Study(model, images_of(root, "test", progress), progress)
    called = study.probabilities.argmax(dim=1)
    scored = _Scored(study, methods, wanted)
    words = WORDS[wanted.language]
    return content.Report(
        language=wanted.language,
        date=today(),
        model=wanted.name,
        data=_data(study, wanted.language),
        names={class_id: class_name(model, study.data, class_id, wanted.language) for class_id in range(model.classes)},
        methods=tuple(content.Method(method.name, method.name.replace("_", " "), method.control) for method in methods),
        evaluation=_evaluation(accuracy_report(study.labels, called, model.classes)),
        sections=_sections(study, methods, classes, scored, wanted),
        finding=_finding(study, wanted.language),
        highlights=_highlights(study, methods[0]),
        metrics=_metrics(scored, wanted.language),
        scores=scored.scores(),
        propagation=_propagation(study, methods, wanted.language),
        reproduction=content.Reproduction(
            wanted.command,
            wanted.seed,
            {"Python": platform.python_version(), **{name: version(name) for name in _VERSIONS}},
            {words["model"]: study.store.weights, words["data"]: fingerprint(study.data.samples)},
            _processor(),
            time.monotonic() - start,
        ),
    )


class _Scored:
    """The methods' scores on images with known truth, and on whole signs: means of heatmaps and relevance inside."""

    def __init__(self, study: Study, methods: Sequence[Method], wanted: Reporting) -> None:
        self._seed, self._preprocessing = wanted.seed, study.model.preprocessing
        scoring = Scoring(seed=wanted.seed)
        truth = study.truth
        self.cases = study.cases(truth, wanted.examples, wanted.seed)
        self.signs = self.cases if truth == "roi" else study.cases("roi", wanted.examples, wanted.seed)
        self._values = study.scores(self.cases, methods, scoring).values
        self._heatmaps = {method.name: study.relevance(self.signs, method).sum(dim=1).numpy() for method in methods}
        measured: Mapping[str, Tensor] = next(iter(self._values.values()), {})
        self.metrics = [metric for metric in METRIC_WORDS["en"] if metric in measured]

    def scores(self, class_id: int | None = None) -> content.Scores:
        """By metric and method, over all cases or those of a class."""
        chosen = torch.ones(len(self.cases), dtype=torch.bool) if class_id is None else self.cases.labels == class_id
        if not chosen.any():
            return {}
        values = {
            name: {metric: scores[metric][chosen] for metric in self.metrics} for name, scores in self._values.items()
        }
        table = summarised(values, self._seed)
        return {metric: {name: _score(told[metric]) for name, told in table.items()} for metric in self.metrics}

    def mean(self, class_id: int) -> content.Mean | None:
        """Means over the signs of a class that were called right."""
        chosen = (self.signs.labels == class_id) & (self.signs.target == class_id)
        if not chosen.any():
            return None
        rows = chosen.numpy()
        maps = {name: heatmaps[rows].mean(axis=0) for name, heatmaps in self._heatmaps.items()}
        finite = {name: heatmap for name, heatmap in maps.items() if np.isfinite(heatmap).all()}
        return content.Mean(
            int(chosen.sum()), _pixels(self._preprocessing, self.signs.images[chosen].mean(dim=0)), finite
        )

    def inside(self, class_id: int) -> dict[str, float]:
        """Each method's mean share of positive relevance inside the signs of a class; none where no box is known."""
        chosen = (self.signs.labels == class_id) & (self.signs.kind == "roi")
        shares = {
            name: float(relevance_mass(torch.from_numpy(heatmaps)[chosen][:, None], self.signs.masks[chosen]).nanmean())
            for name, heatmaps in (self._heatmaps.items() if chosen.any() else ())
        }
        return {name: share for name, share in shares.items() if math.isfinite(share)}


def _data(study: Study, language: Language) -> str:
    """What the test images are called: by their folder, or as drawn."""
    drawn = (study.data.manifest or {}).get("rendered")
    key = "drawn_images" if drawn else "test_images"
    return counted(WORDS[language], key, len(study.data), language, name=study.data.root.name)


def _classes(model: Explainable, wanted: Sequence[int] | None) -> list[int]:
    known = range(model.classes)
    for class_id in wanted or ():
        if class_id not in known:
            raise ModelError(f"the model has no class {class_id}; give --classes numbers from 0 to {len(known) - 1}")
    return sorted(set(known if wanted is None else wanted))


def _evaluation(report: Mapping[str, Any]) -> content.Evaluation:
    low, high = report["interval"]
    classes = tuple(content.ClassAccuracy(row["id"], row["count"], row["accuracy"]) for row in report["classes"])
    confusion = np.asarray(report["confusion"])
    return content.Evaluation(report["count"], report["accuracy"], (low, high), classes, confusion)


def _sections(
    study: Study, methods: Sequence[Method], classes: Sequence[int], scored: _Scored, wanted: Reporting
) -> tuple[content.Section, ...]:
    """The examples of all classes are explained at once, each for what it is called."""
    truth = study.labels, study.probabilities, study.stickered_probabilities, study.sticker_class
    chosen = {class_id: choose(class_id, *truth, wanted.examples) for class_id in classes}
    every = [one for choices in chosen.values() for one in choices]
    pictures = [_picture(study, one) for one in every]
    said = [_said(study, one) for one in every]
    maps = {method.name: study.heatmaps(pictures, [called for called, _ in said], method) for method in methods}
    examples = [
        content.Example(
            one.kind,
            np.asarray(picture),
            {name: heatmaps[place] for name, heatmaps in maps.items() if np.isfinite(heatmaps[place]).all()},
            *said[place],
        )
        for place, (one, picture) in enumerate(zip(every, pictures, strict=True))
    ]
    rows = iter(examples)
    return tuple(
        content.Section(
            class_id,
            tuple(next(rows) for _ in choices),
            scored.mean(class_id),
            scored.inside(class_id),
            scored.scores(class_id),
        )
        for class_id, choices in chosen.items()
    )


def _picture(study: Study, chosen: Chosen) -> Image.Image:
    sample = study.data.samples[chosen.place]
    if chosen.kind == "stickered" and study.stickers:
        image, _ = study.stickers.apply(read_image(sample.path), sample)
        return rgb(image, longest=LONGEST)
    return rgb(sample.path, longest=LONGEST)


def _said(study: Study, chosen: Chosen) -> tuple[int, float]:
    """What the model calls an image, and how sure it is."""
    every = study.stickered_probabilities if chosen.kind == "stickered" else study.probabilities
    probability, called = cast("Tensor", every)[chosen.place].max(dim=0)
    return int(called), float(probability)


def _finding(study: Study, language: Language) -> str | None:
    """What a sticker does to the model, where it was trained with stickers."""
    if study.stickered_probabilities is None or study.sticker_class is None:
        return None
    others = study.labels != study.sticker_class
    shares = [
        float((probabilities[others].argmax(dim=1) == study.sticker_class).double().mean())
        for probabilities in (study.stickered_probabilities, study.probabilities)
    ]
    with_sticker, without = (percent(share, language) for share in shares)
    name = study.model.class_name(study.sticker_class, language)
    return WORDS[language]["sticker_finding"].format(with_sticker=with_sticker, without=without, name=name)


def _highlights(study: Study, method: Method) -> tuple[content.Highlight, ...]:
    """The four signs of the use case, for a model of GTSRB's classes."""
    model = study.model
    names = [model.class_name(class_id, "en") for class_id in _HIGHLIGHTS.values()]
    if names != [CLASS_NAMES["en"][class_id] for class_id in _HIGHLIGHTS.values()]:
        return ()
    signs = example_signs()
    images = model.preprocess(list(signs.values()))
    with own_torch_state(), torch.no_grad():
        sure, called = model.module(images).softmax(dim=1).max(dim=1)
    heatmaps = study.heatmaps(list(signs.values()), called.tolist(), method)
    return tuple(
        content.Highlight(
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


def _metrics(scored: _Scored, language: Language) -> tuple[content.Metric, ...]:
    truth = WORDS[language].get(f"truth_{scored.cases.kind}", "")
    texts = {name: [text.format(truth=truth) for text in METRIC_WORDS[language][name]] for name in scored.metrics}
    return tuple(
        content.Metric(name, label, METRICS[name].better or "higher", told) for name, (label, told) in texts.items()
    )


def _propagation(study: Study, methods: Sequence[Method], language: Language) -> content.Propagation | None:
    """The first LRP's rules, and where the relevance of an image went: an example sign, or the first of one's own."""
    composite = next((method.composite for method in methods if method.composite), None)
    if composite is None:
        return None
    model, data = study.model, study.data
    if not data.has_gtsrb_classes:
        name, image = data.samples[0].path.name, data[0].image
    else:
        name, image = "speed-50-sticker.png", example_signs()["speed-50-sticker"]
    x = model.preprocess([image])
    with own_torch_state(), torch.no_grad():
        called = int(model.module(x).argmax())
    lrp = LRP(model.module, composite, bounds=model.bounds)
    ledger = lrp.ledger(x, called)
    return content.Propagation(
        composite,
        tuple(content.RuleRow(**row) for row in rule_table(model.module, lrp.assignments)),
        tuple(content.LedgerRow(**row) for row in ledger_rows(ledger, 0)),
        f"{name}, {class_name(model, data, called, language)}",
    )


def _score(told: Mapping[str, Any]) -> content.Score:
    numbers = (told["value"], *told["interval"])
    return content.Score(*(math.nan if number is None else number for number in numbers))


def _pixels(preprocessing: Preprocessing, image: Tensor) -> content.Pixels:
    """A normalised image ``(3, S, S)`` as people see it."""
    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
    pixels: content.Pixels = ((image * std + mean).clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    return pixels


def _processor() -> str:
    """Its name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]} ({len(names)})" if names else platform.processor() or platform.machine()
