"""Asks a method about cases and measures what it says, metric by metric; a score is read beside those of controls."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from xaisigns.attribution.methods import Method
from xaisigns.base.bounds import LARGEST_SEED
from xaisigns.errors import MetricError
from xaisigns.metrics.catalogue import METRICS, Metric, groups
from xaisigns.metrics.explanation import Explanation
from xaisigns.metrics.faithfulness import Filling, check_filling
from xaisigns.metrics.intervals import bootstrap_interval
from xaisigns.metrics.measures import SENSITIVITY_SAMPLES
from xaisigns.metrics.settings import MOST_STEPS, Precision, check_precision, check_whole
from xaisigns.model.explainable import Explainable, module_of
from xaisigns.study.cases import NO_TRUTH, Cases

DEFAULT_GROUPS = ("localisation", "complexity", "flipping")
ONCE_ASKED = ("localisation", "complexity")  # groups that ask the network nothing more, and have no settings
BASELINES = ("edges", "uniform")  # controls that a method must beat to have told something

_BATCH = 16


@dataclass(frozen=True)
class Scoring:
    """What to measure and how: ``groups`` of metrics, and their settings.

    ``steps`` and ``filling`` are for pixel flipping, ``precision`` for that and robustness. Raises MetricError for a
    group that does not exist or is named twice, for none, and for settings out of bounds.
    """

    groups: Sequence[str] = DEFAULT_GROUPS
    steps: int = 16
    filling: Filling = "mean"
    seed: int = 0
    precision: Precision = "full"

    def __post_init__(self) -> None:
        known = groups()
        for group in self.groups:
            if group not in known:
                raise MetricError(f"no metrics {group!r}; there are {', '.join(known)}")
        if isinstance(self.groups, str) or not self.groups or len(set(self.groups)) < len(self.groups):
            raise MetricError(f"wanted groups of metrics, each once, of {', '.join(known)}; got {self.groups!r}")
        check_whole("steps", self.steps, 1, MOST_STEPS)
        check_filling(self.filling)
        check_whole("seed", self.seed, 0, LARGEST_SEED)
        check_precision(self.precision)

    def check_steps(self, pixels: int) -> None:
        """Raise MetricError for more steps of pixel flipping than an image has pixels."""
        if "flipping" in self.groups:
            check_whole("steps", self.steps, 1, pixels)

    def metrics(self, cases: Cases) -> dict[str, list[Metric]]:
        """The metrics of each group that the cases can have.

        Those that need masks are left out where none are known. Raises MetricError where no other metric is wanted.
        """
        known = groups()
        found = {
            group: [metric for metric in known[group] if not (metric.needs_masks and cases.kind == "image")]
            for group in self.groups
        }
        if not any(found.values()):
            raise MetricError(NO_TRUTH)
        return found


def explain_cases(
    model: nn.Module | Explainable, cases: Cases, method: Method, done: Callable[[int], None] = lambda _: None
) -> Tensor:
    """The method's relevance of all cases, ``(N, 3, S, S)``; ``done`` hears how many images each batch had."""
    explain = method.prepared(model)
    parts = []
    for start in range(0, len(cases), _BATCH):
        some = slice(start, start + _BATCH)
        against = None if cases.against is None else cases.against[some]
        parts.append(explain(cases.images[some], cases.target[some], against).relevance)
        done(len(parts[-1]))
    return torch.cat(parts)


def explanation_of(
    model: nn.Module | Explainable, cases: Cases, method: Method, relevance: Tensor, scoring: Scoring
) -> Explanation:
    """What a method says about the cases, as metrics are asked about it."""
    bounds = getattr(model, "bounds", None)  # which a network with other weights does not have itself

    def attribute(network: nn.Module, images: Tensor, target: Tensor) -> Tensor:
        return method.prepared(network, bounds)(images, target).relevance

    return Explanation(
        module_of(model),
        cases.images,
        cases.target,
        relevance,
        attribute,
        None if cases.kind == "image" else cases.masks,
        scoring.steps,
        scoring.filling,
        scoring.seed,
        scoring.precision,
    )


def calls_again(model: nn.Module | Explainable, group: str) -> int:
    """How often the package's own metrics of a group ask a method again about each image."""
    if group == "robustness":
        return 1 + SENSITIVITY_SAMPLES
    if group == "randomisation":
        return 3 + sum(hasattr(layer, "reset_parameters") for layer in module_of(model).modules())
    return 0


def summarised(values: Mapping[str, Mapping[str, Tensor]], seed: int) -> dict[str, dict[str, dict[str, Any]]]:
    """From each image's scores, by method and metric, to ``methods`` of the document of ``score``.

    A score has the mean ``value``, its 95% ``interval`` by bootstrap over the images, and ``no_better_than``: those of
    the controls edges and uniform, where they are among the methods, that it does not beat on the same images with 95%
    certainty. Images for which a metric is NaN are left out; where none is left all are None.
    """
    return {
        name: {
            metric: {
                "value": _number(float(scores.nanmean())),
                "interval": [_number(bound) for bound in bootstrap_interval(scores, seed=seed)],
                "no_better_than": [
                    control
                    for control in BASELINES
                    if control in values
                    and control != name
                    and not _beats(metric, scores, values[control][metric], seed)
                ],
            }
            for metric, scores in own.items()
        }
        for name, own in values.items()
    }


def _beats(metric: str, scores: Tensor, control: Tensor, seed: int) -> bool:
    """Whether the scores are better than the control's on the same images, with 95% certainty."""
    better = scores - control if METRICS[metric].better == "higher" else control - scores
    return bootstrap_interval(better, seed=seed)[0] > 0


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
