"""Searches LRP's rules layer by layer for those whose relevance lies where it should."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from xaisigns.attribution.assignment import Rules, assign, write_rules
from xaisigns.attribution.canonize import canonize, leaves
from xaisigns.attribution.composites import COMPARED
from xaisigns.attribution.methods import find_method
from xaisigns.attribution.named_rules import Rule
from xaisigns.base.progress import Progress, silent
from xaisigns.errors import MetricError
from xaisigns.metrics.faithfulness import flipping_area, pixel_flipping
from xaisigns.metrics.localisation import grown, localisation_auc, pointing_game, relevance_mass, relevance_rank
from xaisigns.model.explainable import Explainable, module_of
from xaisigns.study.cases import NO_TRUTH, Cases

# What can be tuned for; on the mask grown by 2 pixels, since relevance sits on borders.
TUNABLE: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "relevance_mass": relevance_mass,
    "relevance_rank": relevance_rank,
    "pointing_game": pointing_game,
    "localisation_auc": localisation_auc,
}
_GAMMAS = tuple(Rule("gamma", {"gamma": gamma}) for gamma in (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0))
_EPSILONS = tuple(Rule("epsilon", {"epsilon": epsilon}) for epsilon in (1e-6, 0.01, 0.1, 1.0))
_FIRST = tuple(Rule(name) for name in ("z_box", "flat", "w_square", "z_plus", "alpha_beta"))
_SWEEPS = 3
_NEAR = 0.05  # composites that are as good as the best
_CHECKED = 3  # candidates of a layer whose pixel flipping is measured, the best first
_LEAST_GAIN = 1e-3  # of a sweep over all layers; a smaller one ends the search


@dataclass(frozen=True)
class Setting:
    """A rule for every layer, and whether the runner-up's logit is taken off. ``name`` is the composite's, or empty."""

    rules: Mapping[str, Rule]
    contrast: bool
    name: str = ""


@dataclass(frozen=True)
class Measured:
    """A setting on some images: the mean of what was tuned for, and the mean area of pixel flipping."""

    setting: Setting
    value: float
    flipping: float


@dataclass(frozen=True)
class Tuning:
    """What a search found and the best composite, both on ``images`` that it has not seen; settings ``tried``."""

    tuned: Measured
    named: Measured
    images: int
    tried: int


def tune(
    model: Explainable, training: Cases, held_out: Cases, metric: str = "relevance_mass", progress: Progress = silent
) -> Tuning:
    """Search the rules that put most relevance where the masks of ``training`` are, and measure them on ``held_out``.

    Of the composites within 0.05 of the best the search begins with the one that is best at pixel flipping, and never
    falls below that. For one layer after the other, from the output on, it tries every gamma and epsilon, for the first
    layer the rules for pixels too, then a contrast, and keeps the best that gains. It ends when a sweep over all layers
    gains less than 0.001, after three sweeps at most. ``metric`` is a key of ``TUNABLE``, on masks grown by 2 pixels.
    ``progress`` gets settings tried and how many there are at most.

    Raises MetricError for another metric and for cases of kind "image", RuleError for a model that LRP cannot take.
    """
    if metric not in TUNABLE:
        raise MetricError(f"cannot tune for {metric!r}; there are {', '.join(TUNABLE)}")
    if training.kind == "image":
        raise MetricError(NO_TRUTH)
    search = _Search(model, training, metric, progress)
    best = search.climb(search.start())
    check = _Search(model, held_out, metric)
    named = max(check.named(), key=check.value)
    return Tuning(check.measured(best), check.measured(named), len(held_out), search.tried)


class _Search:
    """Settings tried on some images."""

    def __init__(self, model: Explainable, cases: Cases, metric: str, progress: Progress = silent) -> None:
        self.model, self.cases, self.progress = model, cases, progress
        self.metric, self.masks = TUNABLE[metric], grown(cases.masks)
        network = canonize(module_of(model))
        self.layers = [name for name, layer in leaves(network) if isinstance(layer, nn.Conv2d | nn.Linear)]
        self.composites: dict[str, Mapping[str, Rule]] = {
            name: {row.layer: row.rule for row in assign(network, name)} for name in COMPARED
        }
        self.tried = 0

    def named(self) -> list[Setting]:
        """Every composite, with and without a contrast."""
        return [Setting(rules, contrast, name) for name, rules in self.composites.items() for contrast in (False, True)]

    def start(self) -> Setting:
        """Of the composites near the best, the one that is best at pixel flipping: the best of one sample is chance."""
        values = [(setting, self.value(setting)) for setting in self.named()]
        best = max(value for _, value in values)
        return max((setting for setting, value in values if value >= best - _NEAR), key=self.flipping)

    def climb(self, setting: Setting) -> Setting:
        """Better settings, one changed rule at a time, none of them worse at pixel flipping than the first."""
        value, floor = self.value(setting), self.flipping(setting)
        for _ in range(_SWEEPS):
            before = value
            for coordinate in (*reversed(self.layers), None):
                changed = self._changed(setting, coordinate)
                ranked = sorted(((self.value(one), place) for place, one in enumerate(changed)), reverse=True)
                for new, place in ranked[:_CHECKED]:
                    if new > value and self.flipping(changed[place]) >= floor:
                        setting, value = changed[place], new
                        break
            if value - before < _LEAST_GAIN:
                break
        return setting

    def _changed(self, setting: Setting, layer: str | None) -> list[Setting]:
        """The setting with every other rule on a layer; without a layer with a contrast in place of none, or back."""
        if layer is None:
            return [replace(setting, contrast=not setting.contrast, name="")]
        rules = self._candidates(layer)
        return [replace(setting, rules={**setting.rules, layer: rule}, name="") for rule in rules]

    def _candidates(self, layer: str) -> tuple[Rule, ...]:
        return (*_FIRST, *_GAMMAS, *_EPSILONS) if layer == self.layers[0] else (*_GAMMAS, *_EPSILONS)

    def value(self, setting: Setting) -> float:
        """Mean of the metric."""
        self.tried += 1
        most = 2 * len(COMPARED) + 1 + _SWEEPS * (1 + sum(len(self._candidates(layer)) for layer in self.layers))
        self.progress("tuning", self.tried, most)
        return float(self.metric(self._relevance(setting), self.masks).nanmean())

    def flipping(self, setting: Setting) -> float:
        """Mean area between the curves of pixel flipping."""
        relevance = self._relevance(setting)
        most, least = (
            pixel_flipping(module_of(self.model), self.cases.images, relevance, self.cases.target, order=order)
            for order in ("most", "least")
        )
        return float(flipping_area(most, least).nanmean())

    def measured(self, setting: Setting) -> Measured:
        return Measured(setting, self.value(setting), self.flipping(setting))

    def _relevance(self, setting: Setting) -> Tensor:
        rules: Rules = dict(setting.rules.items())
        method = find_method("lrp", rules=rules, contrast=setting.contrast)
        return method(self.model, self.cases.images, self.cases.target).relevance


def write_tuning(tuning: Tuning, metric: str, path: Path, *, force: bool = False) -> dict[str, Any]:
    """Write the tuned rules as a TOML file that ``read_rules`` takes, and give the document of ``tune --json``.

    Raises OutputError as ``write_rules`` does.
    """
    tuned, named = tuning.tuned, tuning.named
    use = "--method lrp:contrast --rules" if tuned.setting.contrast else "--rules"
    comment = (
        f"Found by 'xaisigns tune': {metric} {tuned.value:.3f} on images that the search had not seen,\n"
        f"{named.value:.3f} with the best composite. Use it with: xaisigns explain {use} {path.name}"
    )
    write_rules(path, tuned.setting.rules, comment, force=force)
    return {
        "rules": str(path),
        "metric": metric,
        "images": tuning.images,
        "tried": tuning.tried,
        "tuned": _document(tuned),
        "named": {"composite": named.setting.name, **_document(named)},
    }


def _document(measured: Measured) -> dict[str, Any]:
    return {"value": measured.value, "flipping": measured.flipping, "contrast": measured.setting.contrast}
