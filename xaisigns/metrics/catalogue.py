"""What each metric asks, which direction is better, its range and when it is NaN, as plain data in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from xaisigns.base.language import Language
from xaisigns.base.texts import Text


@dataclass(frozen=True)
class Metric:
    """What is to be known about a score; ``better`` is None where neither direction is, ``nan`` says for which images.

    ``label`` is what a table calls it. ``source`` is a key of docs/references.bib, empty for what needs none.
    """

    name: str
    label: Text
    description: Text
    better: Literal["higher", "lower"] | None
    range: Text
    nan: Text
    source: str

    def told(self, language: Language) -> dict[str, str | None]:
        """All but the label as ``score --json`` has it."""
        return {
            "name": self.name,
            "description": self.description.told(language),
            "better": self.better,
            "range": self.range.told(language),
            "nan": self.nan.told(language),
            "source": self.source,
        }


_SHARE = Text("0 to 1", "0 bis 1")
_AND_UP = Text("0 and up", "ab 0")
_BOTH_SIGNS = Text("-1 to 1", "-1 bis 1")
_NO_MASK = Text("the mask is empty", "die Maske ist leer")
_NOT_FINITE = Text("the relevance is not finite", "die Relevanz ist nicht endlich")
_EMPTY = Text("the heatmap is zero everywhere", "die Heatmap ist überall null")
_MASK = (
    Metric(
        "relevance_mass",
        Text("relevance mass", "Relevanzmasse"),
        Text(
            "What share of the positive relevance lies inside the mask?",
            "Welcher Anteil der positiven Relevanz liegt in der Maske?",
        ),
        "higher",
        _SHARE,
        Text(f"{_NO_MASK.en}, or no relevance is positive", f"{_NO_MASK.de} oder keine Relevanz ist positiv"),
        "arras2022clevr",
    ),
    Metric(
        "relevance_rank",
        Text("relevance rank", "Relevanzrang"),
        Text(
            "What share of the K most relevant pixels lies inside the mask of K pixels?",
            "Welcher Anteil der K relevantesten Pixel liegt in der Maske aus K Pixeln?",
        ),
        "higher",
        _SHARE,
        _NO_MASK,
        "arras2022clevr",
    ),
    Metric(
        "pointing_game",
        Text("pointing game", "Trefferquote"),
        Text("Does the most relevant pixel lie inside the mask?", "Liegt das relevanteste Pixel in der Maske?"),
        "higher",
        _SHARE,
        _NO_MASK,
        "zhang2018top",
    ),
    Metric(
        "localisation_auc",
        Text("localisation auc", "AUC der Lokalisierung"),
        Text(
            "How likely is a pixel inside the mask more relevant than one outside?",
            "Wie wahrscheinlich ist ein Pixel in der Maske relevanter als eines außerhalb?",
        ),
        "higher",
        Text(f"{_SHARE.en}, by chance 0.5", f"{_SHARE.de}, bei Zufall 0,5"),
        Text(f"{_NO_MASK.en} or covers the whole image", f"{_NO_MASK.de} oder bedeckt das ganze Bild"),
        "fawcett2006introduction",
    ),
    Metric(
        "area_share",
        Text("area share", "Flächenanteil"),
        Text(
            "What share of the image does the mask cover? Chance for mass, rank and pointing game.",
            "Welchen Anteil des Bildes bedeckt die Maske? Das erreicht der Zufall bei Masse, Rang und Trefferquote.",
        ),
        None,
        _SHARE,
        _NO_MASK,
        "",
    ),
)
_OTHERS = (
    Metric(
        "flipping_area",
        Text("flipping area", "Fläche beim Pixel-Flipping"),
        Text(
            "How much later does the class go when the least relevant pixels are replaced first, not the most "
            "relevant?",
            "Wie viel später verschwindet die Klasse, wenn zuerst die unwichtigsten statt der wichtigsten Pixel "
            "ersetzt werden?",
        ),
        "higher",
        Text(f"{_BOTH_SIGNS.en}, by chance 0", f"{_BOTH_SIGNS.de}, bei Zufall 0"),
        _NOT_FINITE,
        "samek2017evaluating",
    ),
    Metric(
        "deletion",
        Text("deletion", "Löschen"),
        Text(
            "How much of the class's probability stays while the most relevant pixels are replaced?",
            "Wie viel von der Wahrscheinlichkeit der Klasse bleibt, während die relevantesten Pixel ersetzt werden?",
        ),
        "lower",
        _SHARE,
        _NOT_FINITE,
        "petsiuk2018rise",
    ),
    Metric(
        "insertion",
        Text("insertion", "Einfügen"),
        Text(
            "How much of the class's probability comes back while the most relevant pixels are put in?",
            "Wie viel von der Wahrscheinlichkeit der Klasse kehrt zurück, während die relevantesten Pixel eingefügt "
            "werden?",
        ),
        "higher",
        _SHARE,
        _NOT_FINITE,
        "petsiuk2018rise",
    ),
    Metric(
        "infidelity",
        Text("infidelity", "Untreue zum Netz"),
        Text(
            "How far is the relevance from foretelling what small changes do to the logit?",
            "Wie weit verfehlt die Relevanz, was kleine Änderungen des Bildes am Logit bewirken?",
        ),
        "lower",
        Text(f"{_AND_UP.en}, in squared logits", f"{_AND_UP.de}, in quadrierten Logits"),
        _NOT_FINITE,
        "yeh2019infidelity",
    ),
    Metric(
        "max_sensitivity",
        Text("max sensitivity", "größte Empfindlichkeit"),
        Text(
            "How much can small noise change the heatmap, against the heatmap's own size?",
            "Wie stark kann leichtes Rauschen die Heatmap ändern, gemessen an ihrer eigenen Größe?",
        ),
        "lower",
        _AND_UP,
        _EMPTY,
        "yeh2019infidelity",
    ),
    Metric(
        "sparseness",
        Text("sparseness", "Konzentration"),
        Text(
            "How unevenly is the relevance shared out among the pixels (Gini)?",
            "Wie ungleich ist die Relevanz auf die Pixel verteilt (Gini)?",
        ),
        "higher",
        Text(f"{_SHARE.en} - 1 / pixels", f"{_SHARE.de} - 1 / Pixel"),
        _EMPTY,
        "chalasani2020concise",
    ),
    Metric(
        "entropy",
        Text("entropy", "Entropie"),
        Text(
            "Over how many pixels is the relevance spread (in nats)?",
            "Über wie viele Pixel ist die Relevanz verteilt (in Nat)?",
        ),
        "lower",
        Text("0 to ln(pixels)", "0 bis ln(Pixel)"),
        _EMPTY,
        "bhatt2020evaluating",
    ),
)
_RANDOMISED = (
    Metric(
        "cascading_randomisation",
        Text("cascading randomisation", "schrittweise Randomisierung"),
        Text(
            "How alike does the heatmap stay while layer after layer loses its weights?",
            "Wie ähnlich bleibt die Heatmap, während Schicht um Schicht ihre Gewichte verliert?",
        ),
        "lower",
        _BOTH_SIGNS,
        Text("", ""),
        "adebayo2018sanity",
    ),
    Metric(
        "random_logit",
        Text("random logit", "zufälliger Logit"),
        Text(
            "How alike is the heatmap of another class, drawn at random?",
            "Wie ähnlich ist die Heatmap einer anderen, zufällig gezogenen Klasse?",
        ),
        "lower",
        _BOTH_SIGNS,
        Text("", ""),
        "sixt2020explanations",
    ),
)
# By name: what a label has more, what a description has more, and when it is NaN.
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
_GROWN = (
    Text("grown", "(+ 2 px)"),
    Text("With the mask grown by 2 px.", "Mit der um 2 Pixel erweiterten Maske."),
)


def _catalogue() -> Mapping[str, Metric]:
    grown = tuple(
        replace(
            metric,
            name=f"{metric.name}_grown",
            label=_joined(metric.label, _GROWN[0]),
            description=_joined(metric.description, _GROWN[1]),
        )
        for metric in _MASK
    )
    similar = tuple(
        replace(
            metric,
            name=f"{metric.name}_{name}",
            label=_joined(metric.label, label),
            description=_joined(metric.description, description),
            nan=nan,
        )
        for metric in _RANDOMISED
        for name, (label, description, nan) in _SIMILARITIES.items()
    )
    return MappingProxyType({metric.name: metric for metric in (*_MASK, *grown, *_OTHERS, *similar)})


def _joined(first: Text, second: Text) -> Text:
    return Text(f"{first.en} {second.en}", f"{first.de} {second.de}")


METRICS: Mapping[str, Metric] = _catalogue()
