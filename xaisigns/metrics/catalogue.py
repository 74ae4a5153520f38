"""All metrics by name: what each asks, which direction is better, its range, when it is NaN, and how it is measured.

Nothing here needs torch: the package's own metrics name their functions, which are imported when they are called.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from xaisigns.base.bounds import shown
from xaisigns.base.language import Language, languages
from xaisigns.base.plugins import Registry
from xaisigns.base.texts import Text, Texts, own_text
from xaisigns.errors import LanguageError, MetricError, XaisignsError

if TYPE_CHECKING:
    from torch import Tensor

    from xaisigns.metrics.explanation import Explanation

Better = Literal["higher", "lower"]
Words = str | Mapping[Language, str] | Text

_GROUP = re.compile("[a-z][a-z0-9_]{0,63}")
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_PACKAGE = "xaisigns."


@dataclass(frozen=True, eq=False)
class Metric:
    """A metric: the question that it asks, and the function that answers it.

    ``label`` is its name in tables, ``nan`` says which images get no score, ``source`` is a key of
    docs/references.bib, empty where there is none. The metrics of a ``group`` are measured together. One that
    ``needs_masks`` is left out where nothing is known about where to look. ``function`` is a callable, or the text
    "module:function".
    """

    name: str
    label: Text
    description: Text
    better: Better
    range: Text
    nan: Text
    source: str
    group: str
    needs_masks: bool
    function: "Callable[[Explanation], Tensor] | str" = field(repr=False)

    @property
    def known(self) -> bool:
        """Whether the name says all that is measured, which it does not for a function from outside the package."""
        return isinstance(self.function, str) and self.function.startswith(_PACKAGE)

    def measure(self, explanation: "Explanation") -> "Tensor":
        """The score of each image, ``(N,)`` on the CPU, NaN for one without.

        Raises MetricError for a function that gives anything else, or that cannot be imported.
        """
        measure = self._callable
        try:
            scores = measure(explanation)
        except XaisignsError:
            raise
        except Exception as error:
            if self.known:
                raise
            raise MetricError(
                f"the metric {self.name!r} failed: {type(error).__name__}: {error}; mend its function"
            ) from error
        return _checked(self, scores, len(explanation.images))

    def document(self, language: Language) -> dict[str, str]:
        """All but its function, as ``score --json`` and ``metrics --json`` have it."""
        return {
            "name": self.name,
            "label": self.label(language),
            "description": self.description(language),
            "better": self.better,
            "range": self.range(language),
            "nan": self.nan(language),
            "source": self.source,
            "group": self.group,
        }

    @cached_property
    def _callable(self) -> "Callable[[Explanation], Tensor]":
        if not isinstance(self.function, str):
            return self.function
        module, _, name = self.function.partition(":")
        try:
            function = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise MetricError(f"the function of metric {self.name!r} cannot be imported: {error}") from error
        _check_signature(function)
        return function  # type: ignore[no-any-return]


METRICS: Registry[Metric] = Registry("metric", MetricError)


def register_metric(
    name: str,
    function: "Callable[[Explanation], Tensor] | str",
    *,
    better: Better,
    group: str = "own",
    label: Words = "",
    description: Words = "",
    range: Words = "",  # noqa: A002 (what it is called in every table)
    nan: Words = "",
    source: str = "",
    needs_masks: bool = False,
) -> None:
    """Make a function of your own a metric: ``register_metric("mine", function, better="higher")``.

    ``function(explanation)`` gives a score for each image as a tensor ``(N,)``, NaN for one without; ``Explanation``
    tells what it can ask. It may be the text "module:function", which is imported when it is first measured. The
    metric is measured with its ``group``, as in ``xaisigns score --metrics own``, which may be one of the package's.
    ``needs_masks`` leaves it out where no mask is known.

    Texts are for all languages, or one for each of them. The label defaults to the name, the description to the first
    line of the function's docstring. Raises MetricError for what does not fit, and for a name or a label that is taken
    or a group that is called as a metric of another group is.
    """
    _check(function, better, group, source, needs_masks=needs_masks)
    if not description and not isinstance(function, str):
        description = (inspect.getdoc(function) or "").partition("\n")[0]
    texts = {"label": label or str(name).replace("_", " "), "description": description, "range": range, "nan": nan}
    try:
        words = {what: text if callable(text) else own_text(text) for what, text in texts.items()}
    except LanguageError as error:
        raise MetricError(f"a text of metric {shown(name)}: {error}") from error
    metric = Metric(
        name, **words, better=better, source=source, group=group, needs_masks=needs_masks, function=function
    )
    if not metric.known:
        _check_meaning(metric)
    METRICS.register(name, metric)


def groups() -> dict[str, list[Metric]]:
    """The metrics of each group, in the order in which they were registered."""
    found: dict[str, list[Metric]] = {}
    for metric in METRICS.values():
        found.setdefault(metric.group, []).append(metric)
    return found


def _check(function: object, better: object, group: object, source: object, *, needs_masks: object) -> None:
    if isinstance(function, str):
        if not _FUNCTION.fullmatch(function):
            raise MetricError(f"a function is named as 'module:function', got {shown(function)}")
    else:
        _check_signature(function)
    if better not in ("higher", "lower"):
        raise MetricError(f"better must be 'higher' or 'lower', got {shown(better)}")
    if not isinstance(group, str) or not _GROUP.fullmatch(group):
        raise MetricError(f"a group of metrics needs a name of lower-case letters, digits and _, got {shown(group)}")
    if not isinstance(source, str) or not isinstance(needs_masks, bool):
        raise MetricError(
            f"source must be a text and needs_masks True or False, got {shown(source)} and {shown(needs_masks)}"
        )


def _check_meaning(metric: Metric) -> None:
    """Raise MetricError for a name, a group or a label that would mean two things."""
    if metric.group == "all":
        raise MetricError("a group of metrics cannot be called 'all'; choose another name")
    for other in METRICS.without_plugins().values():
        if other.group != metric.group and metric.group == other.name:
            raise MetricError(f"there is a metric {other.name!r} already; choose another name for the group")
        if other.group != metric.group and metric.name == other.group:
            raise MetricError(f"there is a group {other.group!r} of metrics already; choose another name")
        for language in languages():
            if metric.label(language) == other.label(language) and metric.name != other.name:
                raise MetricError(
                    f"the metric {other.name!r} has the label {other.label(language)!r} already; choose another label"
                )


def _check_signature(function: object) -> None:
    """Raise MetricError for what cannot be called with one explanation."""
    if not callable(function):
        raise MetricError(f"a metric is a function (explanation), got {shown(function)}")
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions written in C do not tell theirs
        return
    try:
        signature.bind(None)
    except TypeError as error:
        raise MetricError(f"a metric is a function (explanation), got one of {signature}") from error


def _checked(metric: Metric, scores: Any, images: int) -> "Tensor":
    from torch import Tensor

    fits = isinstance(scores, Tensor) and scores.shape == (images,) and not scores.is_complex()
    if not fits or bool(scores.isinf().any()):
        came = f"{tuple(scores.shape)} of {scores.dtype}" if isinstance(scores, Tensor) else type(scores).__name__
        raise MetricError(
            f"metric {metric.name!r} must give a tensor of a finite number, or NaN, for each of {images} images, "
            f"got {came}"
        )
    own: Tensor = scores.detach().cpu()
    return own if own.is_floating_point() else own.float()


_LABELS, _DESCRIPTIONS = Texts("metrics.labels"), Texts("metrics.descriptions")
_RANGES, _NAN = Texts("metrics.ranges"), Texts("metrics.nan")
# The package's own: group, name, better direction, keys of the texts for range and NaN, source.
_OWN: tuple[tuple[str, str, Better, str, str, str], ...] = (
    ("localisation", "relevance_mass", "higher", "share", "no_positive", "arras2022clevr"),
    ("localisation", "relevance_rank", "higher", "share", "no_mask", "arras2022clevr"),
    ("localisation", "pointing_game", "higher", "share", "no_mask", "zhang2018top"),
    ("localisation", "localisation_auc", "higher", "share_half", "one_sided", "fawcett2006introduction"),
    ("localisation", "relevance_mass_grown", "higher", "share", "no_positive", "arras2022clevr"),
    ("localisation", "relevance_rank_grown", "higher", "share", "no_mask", "arras2022clevr"),
    ("localisation", "pointing_game_grown", "higher", "share", "no_mask", "zhang2018top"),
    ("localisation", "localisation_auc_grown", "higher", "share_half", "one_sided", "fawcett2006introduction"),
    ("complexity", "sparseness", "higher", "gini", "zero", "chalasani2020concise"),
    ("complexity", "entropy", "lower", "nats", "zero", "bhatt2020evaluating"),
    ("flipping", "flipping_area", "higher", "signed_zero", "not_finite", "samek2017evaluating"),
    ("flipping", "deletion", "lower", "share", "not_finite", "petsiuk2018rise"),
    ("flipping", "insertion", "higher", "share", "not_finite", "petsiuk2018rise"),
    ("infidelity", "infidelity", "lower", "squared", "not_finite", "yeh2019infidelity"),
    ("robustness", "max_sensitivity", "lower", "positive", "zero", "yeh2019infidelity"),
    ("randomisation", "cascading_randomisation_spearman", "lower", "signed", "flat", "adebayo2018sanity"),
    ("randomisation", "cascading_randomisation_ssim", "lower", "signed", "either_zero", "adebayo2018sanity"),
    ("randomisation", "random_logit_spearman", "lower", "signed", "flat", "sixt2020explanations"),
    ("randomisation", "random_logit_ssim", "lower", "signed", "either_zero", "sixt2020explanations"),
)
for _group, _name, _better, _scale, _without, _source in _OWN:
    register_metric(
        _name,
        f"xaisigns.metrics.measures:{_name}",
        better=_better,
        group=_group,
        label=_LABELS.text(_name),
        description=_DESCRIPTIONS.text(_name),
        range=_RANGES.text(_scale),
        nan=_NAN.text(_without),
        source=_source,
        needs_masks=_group == "localisation",
    )
