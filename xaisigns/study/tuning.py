"""Searches LRP's rules layer by layer for those whose relevance lies where it should."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from xaisigns.attribution.assignment import Rules, assign, write_rules
from xaisigns.attribution.canonize import canonize
from xaisigns.attribution.composites import COMPARED
from xaisigns.attribution.flow import first_layers, gate_layers
from xaisigns.attribution.layers import WEIGHTED
from xaisigns.attribution.methods import find_method
from xaisigns.attribution.named_rules import Rule
from xaisigns.attribution.network import leaves
from xaisigns.base.progress import Progress, silent
from xaisigns.data.image_set import ImageSet
from xaisigns.errors import DataError, MetricError
from xaisigns.metrics.faithfulness import flipping_area, pixel_flipping
from xaisigns.metrics.localisation import grown, localisation_auc, pointing_game, relevance_mass, relevance_rank
from xaisigns.model.explainable import Explainable, module_of
from xaisigns.model.loading import Named, loaded
from xaisigns.study.cases import NO_TRUTH, Cases, Masks
from xaisigns.study.model_cache import Arrays, ModelCache
from xaisigns.study.study import Study, images_of

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

    metric: str
    tuned: Measured
    named: Measured
    images: int
    tried: int

    def document(self) -> dict[str, Any]:
        """The document of ``xaisigns tune --json`` but for the file, plain data."""
        tuned, named = _document(self.tuned), _document(self.named)
        return {
            "metric": self.metric,
            "images": self.images,
            "tried": self.tried,
            "tuned": {**tuned, "layers": _plain(self.tuned.setting.rules)},
            "named": {"composite": self.named.setting.name, **named},
        }


def tune(
    model: Named,
    data: Path | str | None = None,
    *,
    metric: str = "relevance_mass",
    masks: Masks | None = None,
    per_class: int = 2,
    held_out: int = 4,
    seed: int = 0,
    device: str | torch.device | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Search LRP's rules on training images and measure them on test images: the document of ``xaisigns tune --json``.

    ``model`` is loaded, or a name or file that ``load_model`` takes; ``data`` is a folder with training and test
    images, or None for drawn signs. Up to ``per_class`` training images and ``held_out`` test images of each class are
    drawn by ``seed``; ``metric`` is a key of ``TUNABLE``; ``masks`` is as for ``score``, ``device`` as ``loaded`` takes
    it. ``layers`` of ``tuned`` are the rules, a rule and its parameters for each layer: ``write_tuned_rules`` writes
    them to a file. A setting that has been tried before comes from the cache, so a search that was interrupted goes on
    where it was.

    Raises MetricError for another metric and where nothing tells where to look, and what ``find_cases`` and ``LRP``
    raise.
    """
    _check_metric(metric)
    if isinstance(data, ImageSet):
        raise DataError("tune takes training and test images: name the folder of both, not one of its data sets")
    model = loaded(model, device)
    training = Study(model, images_of(data, "train", progress), progress).cases(masks, per_class, seed)
    testing = Study(model, images_of(data, "test", progress), progress).cases(masks, held_out, seed)
    return search(model, training, testing, metric, progress).document()


def search(
    model: nn.Module | Explainable,
    training: Cases,
    held_out: Cases,
    metric: str = "relevance_mass",
    progress: Progress = silent,
) -> Tuning:
    """Search the rules that put most relevance where the masks of ``training`` are, and measure them on ``held_out``.

    Of the composites within 0.05 of the best, the search begins with the one that is best at pixel flipping, and never
    falls below that. For one layer after the other, beginning at the output, it tries every gamma and epsilon, for the
    first layers the rules for pixels too, then a contrast, and keeps the best that gains; layers that only feed gates
    are left alone. It ends when a sweep over all layers gains less than 0.001, after three sweeps at most. ``metric``
    is a key of ``TUNABLE``, on masks grown by 2 pixels. ``progress`` hears how many settings have been tried and how
    many there are at most.

    Raises MetricError for another metric and for cases of kind "image", RuleError for a model that LRP cannot take.
    """
    _check_metric(metric)
    if training.kind == "image":
        raise MetricError(NO_TRUTH)
    climb = _Search(model, training, metric, progress)
    best = climb.climb(climb.start())
    check = _Search(model, held_out, metric)
    named = max(check.named(), key=check.value)
    return Tuning(metric, check.measured(best), check.measured(named), len(held_out), climb.tried)


def _check_metric(metric: str) -> None:
    if metric not in TUNABLE:
        raise MetricError(f"cannot tune for {metric!r}; there are {', '.join(TUNABLE)}")


class _Search:
    """Settings tried on some images."""

    def __init__(self, model: nn.Module | Explainable, cases: Cases, metric: str, progress: Progress = silent) -> None:
        self.model, self.cases, self.progress = model, cases, progress
        self.metric, self.masks = metric, grown(cases.masks)
        self.cache = ModelCache(model)
        network = canonize(module_of(model))
        # No relevance reaches the others, which only feed gates.
        reached = [name for name in leaves(network) if name not in gate_layers(network)]
        self.layers = [name for name in reached if isinstance(leaves(network)[name], WEIGHTED)]
        self.first = first_layers(network)
        self.composites: dict[str, Mapping[str, Rule]] = {
            name: {row.layer: row.rule for row in assign(network, name) if row.layer in reached} for name in COMPARED
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
        return (*_FIRST, *_GAMMAS, *_EPSILONS) if layer in self.first else (*_GAMMAS, *_EPSILONS)

    def value(self, setting: Setting) -> float:
        """Mean of the metric."""
        self.tried += 1
        most = 2 * len(COMPARED) + 1 + _SWEEPS * (1 + sum(len(self._candidates(layer)) for layer in self.layers))
        self.progress("tuning", self.tried, most)
        measure = TUNABLE[self.metric]
        return self._mean(f"{self.metric}_grown", setting, lambda relevance: measure(relevance, self.masks))

    def flipping(self, setting: Setting) -> float:
        """Mean area between the curves of pixel flipping."""
        return self._mean("flipping_area", setting, self._flipping_area)

    def measured(self, setting: Setting) -> Measured:
        return Measured(setting, self.value(setting), self.flipping(setting))

    def _mean(self, metric: str, setting: Setting, measure: Callable[[Tensor], Tensor]) -> float:
        rules: Rules = dict(setting.rules.items())
        method = find_method("lrp", rules=rules, contrast=setting.contrast)

        def make() -> Arrays:
            relevance = method(self.model, self.cases.images, self.cases.target).relevance
            return {"scores": measure(relevance).numpy(force=True)}

        scores = self.cache.recall("tuning", [method.key, self.cases.digest, metric], make, keep=method.known)["scores"]
        return float(torch.from_numpy(scores).nanmean())

    def _flipping_area(self, relevance: Tensor) -> Tensor:
        most, least = (
            pixel_flipping(module_of(self.model), self.cases.images, relevance, self.cases.target, order=order)
            for order in ("most", "least")
        )
        return flipping_area(most, least)


def write_tuned_rules(document: dict[str, Any], path: Path, *, force: bool = False) -> dict[str, Any]:
    """Write the rules of ``tune`` as a TOML file that ``read_rules`` takes, and give the document with its path.

    Raises OutputError as ``write_rules`` does.
    """
    tuned, named = document["tuned"], document["named"]
    use = "--method lrp:contrast --rules" if tuned["contrast"] else "--rules"
    comment = (
        f"Found by 'xaisigns tune': {document['metric']} {tuned['value']:.3f} on images that the search had not seen,\n"
        f"{named['value']:.3f} with the best composite. Use it with: xaisigns explain {use} {path.name}"
    )
    rules = {layer: Rule(rule["rule"], rule["parameters"]) for layer, rule in tuned["layers"].items()}
    write_rules(path, rules, comment, force=force)
    return {"rules": str(path), **document}


def _document(measured: Measured) -> dict[str, Any]:
    return {"value": measured.value, "flipping": measured.flipping, "contrast": measured.setting.contrast}


def _plain(rules: Mapping[str, Rule]) -> dict[str, Any]:
    return {layer: {"rule": rule.name, "parameters": dict(rule.parameters)} for layer, rule in rules.items()}
