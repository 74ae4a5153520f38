"""Scores attributions on images with known truth, each beside controls that know nothing of the network."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from xaisigns.attribution.methods import Method
from xaisigns.base.bounds import LARGEST_SEED
from xaisigns.base.language import Language, chosen_language
from xaisigns.base.progress import Progress, silent
from xaisigns.errors import MetricError
from xaisigns.metrics.catalogue import METRICS
from xaisigns.metrics.complexity import entropy, sparseness
from xaisigns.metrics.faithfulness import (
    Filling,
    check_filling,
    deletion,
    flipping_area,
    infidelity,
    insertion,
    pixel_flipping,
)
from xaisigns.metrics.intervals import bootstrap_interval
from xaisigns.metrics.localisation import (
    area_share,
    grown,
    localisation_auc,
    pointing_game,
    relevance_mass,
    relevance_rank,
)
from xaisigns.metrics.randomisation import cascading_randomisation, random_logit
from xaisigns.metrics.robustness import max_sensitivity
from xaisigns.metrics.settings import MOST_STEPS, check_whole
from xaisigns.model.explainable import Explainable, module_of
from xaisigns.study.cases import NO_TRUTH, Cases

DEFAULT_GROUPS = ("localisation", "complexity", "flipping")
BASELINES = ("edges", "uniform")  # controls that a method must beat to have told something

_BATCH = 16
_PROBE = 8  # images that the time is judged by
_SAMPLES = 10  # of the largest sensitivity


@dataclass(frozen=True)
class Scoring:
    """What to measure and how: ``groups`` are keys of ``GROUPS``; ``steps`` and ``filling`` are of pixel flipping.

    Raises MetricError for a group that does not exist or stands twice, for none, and for other settings out of bounds.
    """

    groups: Sequence[str] = DEFAULT_GROUPS
    steps: int = 16
    filling: Filling = "mean"
    seed: int = 0

    def __post_init__(self) -> None:
        for group in self.groups:
            if group not in GROUPS:
                raise MetricError(f"no metrics {group!r}; there are {', '.join(GROUPS)}")
        if isinstance(self.groups, str) or not self.groups or len(set(self.groups)) < len(self.groups):
            raise MetricError(f"wanted groups of metrics, each once, of {', '.join(GROUPS)}; got {self.groups!r}")
        check_whole("steps", self.steps, 1, MOST_STEPS)
        check_filling(self.filling)
        check_whole("seed", self.seed, 0, LARGEST_SEED)


def check_steps(scoring: Scoring, pixels: int) -> None:
    """Raise MetricError for more steps of pixel flipping than an image has pixels."""
    if "flipping" in scoring.groups:
        check_whole("steps", scoring.steps, 1, pixels)


def score(
    model: Explainable,
    cases: Cases,
    methods: Sequence[Method],
    scoring: Scoring | None = None,
    progress: Progress = silent,
    language: Language | None = None,
) -> dict[str, Any]:
    """Score each method on all cases and give the document of ``score --json``, plain data.

    A method and metric has the mean ``value``, its 95 % ``interval`` by bootstrap over the images, and
    ``no_better_than``: those of the controls edges and uniform, where they are among the methods, that it does not
    beat on the same images with 95 % certainty. Images for which a metric is NaN are left out; without any all are
    None. A contrast takes off the true class's logit where the masks are of stickers, else the runner-up's.
    ``progress`` gets steps done and in all: an image of a method, and an image of a group of metrics. The metrics are
    described in ``language``, as ``chosen_language`` takes it.

    Cases of kind "image" have no localisation. Raises MetricError where nothing else is wanted of them,
    and for more steps than there are pixels.
    """
    scoring, language = scoring or Scoring(), chosen_language(language)
    if cases.kind == "image" and set(scoring.groups) == {"localisation"}:
        raise MetricError(NO_TRUTH)
    check_steps(scoring, cases.images[0, 0].numel())
    count = _Counter(progress, len(methods) * len(cases) * (1 + len(scoring.groups)))
    values: dict[str, dict[str, Tensor]] = {}
    seconds = {}
    for method in methods:
        start = time.monotonic()
        relevance = explain_cases(model, cases, method, count.add)
        seconds[method.name] = round(time.monotonic() - start, 3)
        values[method.name] = image_scores(model, cases, method, relevance, scoring, count.add)
    masks = {"mask": cases.masks, "grown": grown(cases.masks)}
    return {
        "count": len(cases),
        "masks": cases.kind,
        "area_share": {name: float(area_share(mask).nanmean()) for name, mask in masks.items()},
        "seed": scoring.seed,
        "metrics": {name: METRICS[name].told(language) for name in next(iter(values.values()), {})},
        "methods": summarised(values, scoring.seed),
        "controls": [method.name for method in methods if method.control],
        "seconds": seconds,
    }


def explain_cases(
    model: Explainable, cases: Cases, method: Method, done: Callable[[int], None] = lambda _: None
) -> Tensor:
    """The method's relevance of all cases, ``(N, 3, S, S)``; ``done`` gets the number of images of each batch."""
    explain = method.prepared(model)
    parts = []
    for start in range(0, len(cases), _BATCH):
        some = slice(start, start + _BATCH)
        against = cases.labels[some] if cases.kind == "sticker" else None
        parts.append(explain(cases.images[some], cases.target[some], against).relevance)
        done(len(parts[-1]))
    return torch.cat(parts)


def image_scores(
    model: Explainable,
    cases: Cases,
    method: Method,
    relevance: Tensor,
    scoring: Scoring,
    done: Callable[[int], None] = lambda _: None,
) -> dict[str, Tensor]:
    """Each metric of each image ``(N,)``; ``done`` gets the number of images behind each group of metrics."""
    told = _Told(model, cases, method, scoring, relevance)
    scores: dict[str, Tensor] = {}
    for group in scoring.groups:
        scores.update(GROUPS[group].measure(told))
        done(len(cases))
    return scores


def summarised(values: Mapping[str, Mapping[str, Tensor]], seed: int) -> dict[str, dict[str, dict[str, Any]]]:
    """From scores of images, by method and metric, to ``methods`` of the document of ``score``."""
    return {name: _summary(values, name, seed) for name in values}


def expected_seconds(model: Explainable, cases: Cases, methods: Sequence[Method], scoring: Scoring) -> float:
    """About how long those metrics will take that ask a method again and again, judged by one call on a few images."""
    calls = sum(GROUPS[group].calls(module_of(model)) for group in scoring.groups)
    few = min(_PROBE, len(cases))
    start = time.monotonic()
    for method in methods if calls else ():
        method(model, cases.images[:few], cases.target[:few])
    return (time.monotonic() - start) * calls * len(cases) / few


class _Counter:
    """Adds up what is done."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def add(self, steps: int) -> None:
        self._done += steps
        self._progress("scoring", self._done, self._total)


class _Told(NamedTuple):
    """What a method says of the cases, and what it takes to ask it again."""

    model: Explainable
    cases: Cases
    method: Method
    scoring: Scoring
    relevance: Tensor

    def attribute(self, model: nn.Module, images: Tensor, target: Tensor) -> Tensor:
        return self.method.prepared(model, getattr(self.model, "bounds", None))(images, target).relevance


def _localisation(told: _Told) -> dict[str, Tensor]:
    if told.cases.kind == "image":
        return {}
    scores = {}
    for suffix, masks in (("", told.cases.masks), ("_grown", grown(told.cases.masks))):
        for metric in (relevance_mass, relevance_rank, pointing_game, localisation_auc):
            scores[metric.__name__ + suffix] = metric(told.relevance, masks)
    return scores


def _complexity(told: _Told) -> dict[str, Tensor]:
    return {"sparseness": sparseness(told.relevance), "entropy": entropy(told.relevance)}


def _flipping(told: _Told) -> dict[str, Tensor]:
    most, least = (
        pixel_flipping(
            module_of(told.model),
            told.cases.images,
            told.relevance,
            told.cases.target,
            order=order,
            steps=told.scoring.steps,
            filling=told.scoring.filling,
            seed=told.scoring.seed,
        )
        for order in ("most", "least")
    )
    return {"flipping_area": flipping_area(most, least), "deletion": deletion(most), "insertion": insertion(least)}


def _infidelity(told: _Told) -> dict[str, Tensor]:
    cases, seed = told.cases, told.scoring.seed
    return {"infidelity": infidelity(module_of(told.model), cases.images, told.relevance, cases.target, seed=seed)}


def _robustness(told: _Told) -> dict[str, Tensor]:
    cases, seed = told.cases, told.scoring.seed
    largest = max_sensitivity(
        told.attribute, module_of(told.model), cases.images, cases.target, samples=_SAMPLES, seed=seed
    )
    return {"max_sensitivity": largest}


def _randomisation(told: _Told) -> dict[str, Tensor]:
    arguments = told.attribute, module_of(told.model), told.cases.images, told.cases.target
    seed = told.scoring.seed
    cascade = cascading_randomisation(*arguments, seed=seed)
    other = random_logit(*arguments, seed=seed)
    return {
        "cascading_randomisation_spearman": cascade.spearman.nanmean(dim=0),
        "cascading_randomisation_ssim": cascade.ssim.nanmean(dim=0),
        "random_logit_spearman": other.spearman,
        "random_logit_ssim": other.ssim,
    }


class _Group(NamedTuple):
    """Metrics that are measured together, and how often they ask a method again for each image."""

    measure: Callable[[_Told], dict[str, Tensor]]
    calls: Callable[[nn.Module], int] = lambda _: 0


def _weighted_layers(model: nn.Module) -> int:
    return sum(hasattr(layer, "reset_parameters") for layer in model.modules())


GROUPS: Mapping[str, _Group] = {
    "localisation": _Group(_localisation),
    "complexity": _Group(_complexity),
    "flipping": _Group(_flipping),
    "infidelity": _Group(_infidelity),
    "robustness": _Group(_robustness, lambda _: 1 + _SAMPLES),
    "randomisation": _Group(_randomisation, lambda model: 3 + _weighted_layers(model)),
}


def _summary(values: Mapping[str, Mapping[str, Tensor]], name: str, seed: int) -> dict[str, dict[str, Any]]:
    return {
        metric: {
            "value": _number(float(scores.nanmean())),
            "interval": [_number(bound) for bound in bootstrap_interval(scores, seed=seed)],
            "no_better_than": [
                control
                for control in BASELINES
                if control in values and control != name and not _beats(metric, scores, values[control][metric], seed)
            ],
        }
        for metric, scores in values[name].items()
    }


def _beats(metric: str, scores: Tensor, control: Tensor, seed: int) -> bool:
    """Whether the scores are better than the control's of the same images, with 95 % certainty."""
    better = scores - control if METRICS[metric].better == "higher" else control - scores
    return bootstrap_interval(better, seed=seed)[0] > 0


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
