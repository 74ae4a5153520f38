"""What each metric asks, which direction is better, its range and when it is NaN, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """What is to be known about a score; ``better`` is None where neither direction is, ``nan`` says for which images.

    ``source`` is a key of docs/references.bib, empty for what needs none.
    """

    name: str
    description: str
    better: Literal["higher", "lower"] | None
    range: str
    nan: str
    source: str


_NO_MASK = "the mask is empty"
_MASK = (
    Metric(
        "relevance_mass",
        "What share of the positive relevance lies inside the mask?",
        "higher",
        "0 to 1",
        f"{_NO_MASK}, or no relevance is positive",
        "arras2022clevr",
    ),
    Metric(
        "relevance_rank",
        "What share of the K most relevant pixels lies inside the mask of K pixels?",
        "higher",
        "0 to 1",
        _NO_MASK,
        "arras2022clevr",
    ),
    Metric(
        "pointing_game",
        "Does the most relevant pixel lie inside the mask?",
        "higher",
        "0 to 1",
        _NO_MASK,
        "zhang2018top",
    ),
    Metric(
        "localisation_auc",
        "How likely is a pixel inside the mask more relevant than one outside?",
        "higher",
        "0 to 1, by chance 0.5",
        f"{_NO_MASK} or covers the whole image",
        "fawcett2006introduction",
    ),
    Metric(
        "area_share",
        "What share of the image does the mask cover? Chance for mass, rank and pointing game.",
        None,
        "0 to 1",
        _NO_MASK,
        "",
    ),
)
_NOT_FINITE = "the relevance is not finite"
_EMPTY = "the heatmap is zero everywhere"
_OTHERS = (
    Metric(
        "flipping_area",
        "How much later does the class go when the least relevant pixels are replaced first, not the most relevant?",
        "higher",
        "-1 to 1, by chance 0",
        _NOT_FINITE,
        "samek2017evaluating",
    ),
    Metric(
        "deletion",
        "How much of the class's probability stays while the most relevant pixels are replaced?",
        "lower",
        "0 to 1",
        _NOT_FINITE,
        "petsiuk2018rise",
    ),
    Metric(
        "insertion",
        "How much of the class's probability comes back while the most relevant pixels are put in?",
        "higher",
        "0 to 1",
        _NOT_FINITE,
        "petsiuk2018rise",
    ),
    Metric(
        "infidelity",
        "How far is the relevance from foretelling what small changes do to the logit?",
        "lower",
        "0 and up, in squared logits",
        _NOT_FINITE,
        "yeh2019infidelity",
    ),
    Metric(
        "max_sensitivity",
        "How much can small noise change the heatmap, against the heatmap's own size?",
        "lower",
        "0 and up",
        _EMPTY,
        "yeh2019infidelity",
    ),
    Metric(
        "sparseness",
        "How unevenly is the relevance shared out among the pixels (Gini)?",
        "higher",
        "0 to 1 - 1 / pixels",
        _EMPTY,
        "chalasani2020concise",
    ),
    Metric(
        "entropy",
        "Over how many pixels is the relevance spread (in nats)?",
        "lower",
        "0 to ln(pixels)",
        _EMPTY,
        "bhatt2020evaluating",
    ),
)
_RANDOMISED = (
    Metric(
        "cascading_randomisation",
        "How alike does the heatmap stay while layer after layer loses its weights?",
        "lower",
        "-1 to 1",
        "",
        "adebayo2018sanity",
    ),
    Metric(
        "random_logit",
        "How alike is the heatmap of another class, drawn at random?",
        "lower",
        "-1 to 1",
        "",
        "sixt2020explanations",
    ),
)
_SIMILARITIES = {
    "spearman": (" By rank correlation.", "a heatmap is flat"),
    "ssim": (" By structural similarity.", f"{_EMPTY} (in either)"),
}


def _catalogue() -> Mapping[str, Metric]:
    plain = _MASK
    grown = tuple(
        replace(metric, name=f"{metric.name}_grown", description=f"{metric.description} With the mask grown by 2 px.")
        for metric in plain
    )
    similar = tuple(
        replace(metric, name=f"{metric.name}_{name}", description=metric.description + told, nan=nan)
        for metric in _RANDOMISED
        for name, (told, nan) in _SIMILARITIES.items()
    )
    return MappingProxyType({metric.name: metric for metric in (*plain, *grown, *_OTHERS, *similar)})


METRICS: Mapping[str, Metric] = _catalogue()
