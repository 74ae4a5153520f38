"""All metrics by name: what each asks, which direction is better, its range, when it is NaN, and how it is measured.

Nothing here needs torch: the package's own metrics name their functions, which are imported when they are called.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from xaisigns.base.bounds import shown
from xaisigns.base.language import Language
from xaisigns.base.plugins import Registry
from xaisigns.base.texts import Text, own_text
from xaisigns.errors import LanguageError, MetricError

if TYPE_CHECKING:
    from torch import Tensor

    from xaisigns.metrics.explanation import Explanation

Better = Literal["higher", "lower"]
Words = str | Mapping[Language, str]
Carried = Callable[[Language], str]  # a text, in whichever language it is asked for

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
    label: Carried
    description: Carried
    better: Better
    range: Carried
    nan: Carried
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
        return _checked(self, self._callable(explanation), len(explanation.images))

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
    line of the function's docstring. Raises MetricError for what does not fit, and for a name that is taken.
    """
    _check(function, better, group, source, needs_masks=needs_masks)
    if not description and not isinstance(function, str):
        description = (inspect.getdoc(function) or "").partition("\n")[0]
    texts = {"label": label or str(name).replace("_", " "), "description": description, "range": range, "nan": nan}
    try:
        words = {what: own_text(text) for what, text in texts.items()}
    except LanguageError as error:
        raise MetricError(f"a text of metric {shown(name)}: {error}") from error
    METRICS.register(
        name,
        Metric(name, **words, better=better, source=source, group=group, needs_masks=needs_masks, function=function),
    )


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


class _Texts(NamedTuple):
    label: Text
    description: Text
    range: Text
    nan: Text


_SHARE = Text("0 to 1", "0 bis 1")
_AND_UP = Text("0 and up", "ab 0")
_BOTH_SIGNS = Text("-1 to 1", "-1 bis 1")
_NO_MASK = Text("the mask is empty", "die Maske ist leer")
_NOT_FINITE = Text("the relevance is not finite", "die Relevanz ist nicht endlich")
_EMPTY = Text("the heatmap is zero everywhere", "die Heatmap ist überall null")
_NEVER = Text("", "")
_TEXTS = {
    "relevance_mass": _Texts(
        Text("relevance mass", "Relevanzmasse"),
        Text(
            "What share of the positive relevance lies inside the mask?",
            "Welcher Anteil der positiven Relevanz liegt in der Maske?",
        ),
        _SHARE,
        Text(f"{_NO_MASK.en}, or no relevance is positive", f"{_NO_MASK.de} oder keine Relevanz ist positiv"),
    ),
    "relevance_rank": _Texts(
        Text("relevance rank", "Relevanzrang"),
        Text(
            "What share of the K most relevant pixels lies inside the mask of K pixels?",
            "Welcher Anteil der K relevantesten Pixel liegt in der Maske aus K Pixeln?",
        ),
        _SHARE,
        _NO_MASK,
    ),
    "pointing_game": _Texts(
        Text("pointing game", "Trefferquote"),
        Text("Does the most relevant pixel lie inside the mask?", "Liegt das relevanteste Pixel in der Maske?"),
        _SHARE,
        _NO_MASK,
    ),
    "localisation_auc": _Texts(
        Text("localisation auc", "AUC der Lokalisierung"),
        Text(
            "How likely is a pixel inside the mask more relevant than one outside?",
            "Wie wahrscheinlich ist ein Pixel in der Maske relevanter als eines außerhalb?",
        ),
        Text(f"{_SHARE.en}, by chance 0.5", f"{_SHARE.de}, bei Zufall 0,5"),
        Text(f"{_NO_MASK.en} or covers the whole image", f"{_NO_MASK.de} oder bedeckt das ganze Bild"),
    ),
    "flipping_area": _Texts(
        Text("flipping area", "Fläche beim Pixel-Flipping"),
        Text(
            "How much later does the class go when the least relevant pixels are replaced first, not the most "
            "relevant?",
            "Wie viel später verschwindet die Klasse, wenn zuerst die unwichtigsten statt der wichtigsten Pixel "
            "ersetzt werden?",
        ),
        Text(f"{_BOTH_SIGNS.en}, by chance 0", f"{_BOTH_SIGNS.de}, bei Zufall 0"),
        _NOT_FINITE,
    ),
    "deletion": _Texts(
        Text("deletion", "Löschen"),
        Text(
            "How much of the class's probability stays while the most relevant pixels are replaced?",
            "Wie viel von der Wahrscheinlichkeit der Klasse bleibt, während die relevantesten Pixel ersetzt werden?",
        ),
        _SHARE,
        _NOT_FINITE,
    ),
    "insertion": _Texts(
        Text("insertion", "Einfügen"),
        Text(
            "How much of the class's probability comes back while the most relevant pixels are put in?",
            "Wie viel von der Wahrscheinlichkeit der Klasse kehrt zurück, während die relevantesten Pixel eingefügt "
            "werden?",
        ),
        _SHARE,
        _NOT_FINITE,
    ),
    "infidelity": _Texts(
        Text("infidelity", "Untreue zum Netz"),
        Text(
            "How far is the relevance from foretelling what small changes do to the logit?",
            "Wie weit verfehlt die Relevanz, was kleine Änderungen des Bildes am Logit bewirken?",
        ),
        Text(f"{_AND_UP.en}, in squared logits", f"{_AND_UP.de}, in quadrierten Logits"),
        _NOT_FINITE,
    ),
    "max_sensitivity": _Texts(
        Text("max sensitivity", "größte Empfindlichkeit"),
        Text(
            "How much can small noise change the heatmap, against the heatmap's own size?",
            "Wie stark kann leichtes Rauschen die Heatmap ändern, gemessen an ihrer eigenen Größe?",
        ),
        _AND_UP,
        _EMPTY,
    ),
    "sparseness": _Texts(
        Text("sparseness", "Konzentration"),
        Text(
            "How unevenly is the relevance shared out among the pixels (Gini)?",
            "Wie ungleich ist die Relevanz auf die Pixel verteilt (Gini)?",
        ),
        Text(f"{_SHARE.en} - 1 / pixels", f"{_SHARE.de} - 1 / Pixel"),
        _EMPTY,
    ),
    "entropy": _Texts(
        Text("entropy", "Entropie"),
        Text(
            "Over how many pixels is the relevance spread (in nats)?",
            "Über wie viele Pixel ist die Relevanz verteilt (in Nat)?",
        ),
        Text("0 to ln(pixels)", "0 bis ln(Pixel)"),
        _EMPTY,
    ),
    "cascading_randomisation": _Texts(
        Text("cascading randomisation", "schrittweise Randomisierung"),
        Text(
            "How alike does the heatmap stay while layer after layer loses its weights?",
            "Wie ähnlich bleibt die Heatmap, während Schicht um Schicht ihre Gewichte verliert?",
        ),
        _BOTH_SIGNS,
        _NEVER,
    ),
    "random_logit": _Texts(
        Text("random logit", "zufälliger Logit"),
        Text(
            "How alike is the heatmap of another class, drawn at random?",
            "Wie ähnlich ist die Heatmap einer anderen, zufällig gezogenen Klasse?",
        ),
        _BOTH_SIGNS,
        _NEVER,
    ),
}
_WITH_GROWN_MASK = (
    Text("grown", "(+ 2 px)"),
    Text("With the mask grown by 2 px.", "Mit der um 2 Pixel erweiterten Maske."),
)
# What a similarity adds to a label and a description, and when it is NaN.
_SIMILARITIES = {
    "spearman": (
        Text("spearman", "(Spearman)"),
        Text("By rank correlation.", "Nach der Rangkorrelation."),
        Text("a heatmap is flat", "eine Heatmap ist flach"),
    ),
    "ssim": (
        Text("ssim", "(SSIM)"),
        Text("By structural similarity.", "Nach der strukturellen Ähnlichkeit."),
        Text(f"{_EMPTY.en} (in either)", f"{_EMPTY.de} (eine von beiden)"),
    ),
}
_MASKED = {
    "relevance_mass": "arras2022clevr",
    "relevance_rank": "arras2022clevr",
    "pointing_game": "zhang2018top",
    "localisation_auc": "fawcett2006introduction",
}
_OTHERS: tuple[tuple[str, str, Better, str], ...] = (
    ("complexity", "sparseness", "higher", "chalasani2020concise"),
    ("complexity", "entropy", "lower", "bhatt2020evaluating"),
    ("flipping", "flipping_area", "higher", "samek2017evaluating"),
    ("flipping", "deletion", "lower", "petsiuk2018rise"),
    ("flipping", "insertion", "higher", "petsiuk2018rise"),
    ("infidelity", "infidelity", "lower", "yeh2019infidelity"),
    ("robustness", "max_sensitivity", "lower", "yeh2019infidelity"),
)
_RANDOMISED = {"cascading_randomisation": "adebayo2018sanity", "random_logit": "sixt2020explanations"}


def _register(group: str, name: str, better: Better, source: str, texts: _Texts) -> None:
    register_metric(
        name,
        f"xaisigns.metrics.measures:{name}",
        better=better,
        group=group,
        source=source,
        needs_masks=group == "localisation",
        **{what: text._asdict() for what, text in texts._asdict().items()},
    )


def _joined(first: Text, second: Text) -> Text:
    return Text(f"{first.en} {second.en}", f"{first.de} {second.de}")


def _with(texts: _Texts, label: Text, description: Text, nan: Text | None = None) -> _Texts:
    return _Texts(_joined(texts.label, label), _joined(texts.description, description), texts.range, nan or texts.nan)


def _register_all() -> None:
    for name, source in _MASKED.items():
        _register("localisation", name, "higher", source, _TEXTS[name])
    for name, source in _MASKED.items():
        _register("localisation", f"{name}_grown", "higher", source, _with(_TEXTS[name], *_WITH_GROWN_MASK))
    for group, name, better, source in _OTHERS:
        _register(group, name, better, source, _TEXTS[name])
    for name, source in _RANDOMISED.items():
        for similarity, words in _SIMILARITIES.items():
            _register("randomisation", f"{name}_{similarity}", "lower", source, _with(_TEXTS[name], *words))


_register_all()
