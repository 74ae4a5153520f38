"""Scores attributions on images with known truth, each beside controls that know nothing of the network."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch

from xaisigns.attribution.method_sets import select_methods
from xaisigns.attribution.methods import Method
from xaisigns.base.devices import computes_bfloat16
from xaisigns.base.language import Language, chosen_language
from xaisigns.base.progress import Progress, silent
from xaisigns.errors import DataError, DeviceError, MetricError
from xaisigns.metrics.catalogue import METRICS
from xaisigns.metrics.faithfulness import Filling
from xaisigns.metrics.localisation import area_share, grown
from xaisigns.metrics.settings import Precision
from xaisigns.model.loading import Named, loaded
from xaisigns.study.attributions.writing import keep as keep_store
from xaisigns.study.cases import NO_TRUTH, Cases, Masks, find_cases
from xaisigns.study.measuring import DEFAULT_GROUPS, ONCE_ASKED, Scoring, summarised
from xaisigns.study.study import Data, Study, images_of

_ROUNDED = ("flipping", "robustness")  # groups that ask the network in a scoring's precision
_COMPARED = 8  # images that rounding is judged by


def score(
    model: Named,
    data: Data = None,
    methods: str | Iterable[str] = "default",
    *,
    metrics: str | Sequence[str] = DEFAULT_GROUPS,
    masks: Masks | None = None,
    per_class: int = 4,
    steps: int = 16,
    filling: Filling = "mean",
    seed: int = 0,
    precision: Precision = "full",
    store: Path | str | None = None,
    keep: bool = False,
    language: Language | None = None,
    device: str | torch.device | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Score methods on up to ``per_class`` images of each class: the document of ``xaisigns score --json``, plain data.

    ``model`` is loaded, or a name or file that ``load_model`` takes; ``data`` is a data set, a folder with test images,
    or None for drawn signs, and ``split`` says which images were used. ``methods`` are as ``select_methods`` takes
    them, ``metrics`` groups of metrics, with commas between them in a text. ``masks`` says what should be pointed at:
    "sticker" or "roi" (the sign); None is the sticker for a model that was trained with stickers. ``steps`` and
    ``filling`` are for pixel flipping; ``seed`` draws the images, and what metrics draw. Metrics are described in
    ``language``, as ``chosen_language`` takes it; ``device`` is as ``loaded`` takes it.

    With ``precision`` "bf16" networks compute with bfloat16 in pixel flipping and robustness; ``precision_error`` then
    tells for each of their metrics how far it is off at most, for any method and for eight of the images that are
    scored in full, too.

    Where metrics ask a method again and again, ``progress`` hears before the work how long that will take, as the
    figure ``expected_seconds``. What has been computed before comes from the cache. What a ``store`` that
    ``write_store`` wrote of the model and the data has of the scores is taken from there, and has no ``seconds``; it
    has images without stickers alone. With ``keep`` it is written first, as far as it is not there: every image by
    ``methods``, with those of the ``metrics`` that ask the network nothing more.

    Images without known truth have no metrics that need masks. Raises DataError where masks of signs are asked for and
    none is known, DeviceError for bf16 on a device that does not compute with it, MetricError for settings out of
    bounds, where no metric is left, and for a store with ``masks`` of stickers; and what ``select_methods``,
    ``find_cases`` and ``Stored`` raise.
    """
    language, chosen = chosen_language(language), select_methods(methods)
    groups = metrics.split(",") if isinstance(metrics, str) else metrics
    scoring = Scoring([group.strip() for group in groups], steps, filling, seed, precision)
    model = loaded(model, device)
    if precision == "bf16" and not computes_bfloat16(model.device):
        raise DeviceError(f"{model.device} of this machine does not compute with bfloat16: leave out precision bf16")
    scoring.check_steps(model.preprocessing.input_size**2)
    images = images_of(data, "test", progress)
    cases = find_cases(model, images, masks, per_class, seed=seed, progress=progress)
    if masks == "roi" and cases.kind == "image":
        raise DataError(NO_TRUTH)
    if store is not None and cases.kind == "sticker":
        raise MetricError("a store knows nothing of images with stickers: score signs (masks roi), or leave it out")
    if keep:
        once = [group for group in scoring.groups if group in ONCE_ASKED]
        keep_store(store, model, images, [method.name for method in chosen], progress, metrics=once)
    study = Study(model, images, progress, store)
    expected = study.expected_seconds(cases, chosen, scoring)
    if expected:
        progress("scoring", 0, None, expected_seconds=expected)
    scores = study.scores(cases, chosen, scoring)
    areas = {"mask": cases.masks, "grown": grown(cases.masks)}
    return {
        "split": study.data.split,
        "count": len(cases),
        "masks": cases.kind,
        "area_share": {name: float(area_share(mask).nanmean()) for name, mask in areas.items()},
        "seed": seed,
        "precision": precision,
        "precision_error": _errors(study, cases.some(_COMPARED), chosen, scoring) if precision == "bf16" else {},
        "metrics": {name: METRICS[name].document(language) for name in next(iter(scores.values.values()))},
        "methods": summarised(scores.values, seed),
        "controls": [method.name for method in chosen if method.control],
        "seconds": {name: round(seconds, 3) for name, seconds in scores.seconds.items()},
    }


def _errors(study: Study, cases: Cases, methods: Sequence[Method], scoring: Scoring) -> dict[str, float | None]:
    """By metric the largest difference to the full precision, of any method for any of the cases; None for no score."""
    asked = [group for group in scoring.groups if group in _ROUNDED]
    if not asked:
        return {}
    silently = Study(study.model, study.data)
    full, rounded = (
        silently.scores(cases, methods, replace(scoring, groups=asked, precision=precision)).values
        for precision in get_args(Precision)
    )
    off: dict[str, float | None] = {}
    for metric in next(iter(full.values())):
        every = torch.cat([(full[name][metric] - rounded[name][metric]).abs() for name in full])
        known = every[every.isfinite()]
        off[metric] = float(known.max()) if len(known) else None
    return off
