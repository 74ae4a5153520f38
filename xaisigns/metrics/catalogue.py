"""What each metric asks, which direction is better, its range and when it is NaN, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from xaisigns.base.language import Language
from xaisigns.base.texts import Text, Texts

Better = Literal["higher", "lower"] | None


@dataclass(frozen=True)
class Metric:
    """What is to be known about a score; ``better`` is None where neither direction is, ``nan`` says for which images.

    ``label`` is what a table calls it. ``source`` is a key of docs/references.bib, empty for what needs none.
    """

    name: str
    label: Text
    description: Text
    better: Better
    range: Text
    nan: Text
    source: str

    def told(self, language: Language) -> dict[str, str | None]:
        """All but the label as ``score --json`` has it."""
        return {
            "name": self.name,
            "description": self.description(language),
            "better": self.better,
            "range": self.range(language),
            "nan": self.nan(language),
            "source": self.source,
        }


_LABELS, _DESCRIPTIONS = Texts("metrics.labels"), Texts("metrics.descriptions")
_RANGES, _NAN = Texts("metrics.ranges"), Texts("metrics.nan")
# Name, better direction, keys of the texts for its range and NaN, source.
_Row = tuple[str, Better, str, str, str]
_OF_A_MASK: tuple[_Row, ...] = (
    ("relevance_mass", "higher", "share", "no_positive", "arras2022clevr"),
    ("relevance_rank", "higher", "share", "no_mask", "arras2022clevr"),
    ("pointing_game", "higher", "share", "no_mask", "zhang2018top"),
    ("localisation_auc", "higher", "share_half", "one_sided", "fawcett2006introduction"),
    ("area_share", None, "share", "no_mask", ""),
)
_OTHERS: tuple[_Row, ...] = (
    ("flipping_area", "higher", "signed_zero", "not_finite", "samek2017evaluating"),
    ("deletion", "lower", "share", "not_finite", "petsiuk2018rise"),
    ("insertion", "higher", "share", "not_finite", "petsiuk2018rise"),
    ("infidelity", "lower", "squared", "not_finite", "yeh2019infidelity"),
    ("max_sensitivity", "lower", "positive", "zero", "yeh2019infidelity"),
    ("sparseness", "higher", "gini", "zero", "chalasani2020concise"),
    ("entropy", "lower", "nats", "zero", "bhatt2020evaluating"),
    ("cascading_randomisation_spearman", "lower", "signed", "flat", "adebayo2018sanity"),
    ("cascading_randomisation_ssim", "lower", "signed", "either_zero", "adebayo2018sanity"),
    ("random_logit_spearman", "lower", "signed", "flat", "sixt2020explanations"),
    ("random_logit_ssim", "lower", "signed", "either_zero", "sixt2020explanations"),
)
_GROWN: tuple[_Row, ...] = tuple((f"{name}_grown", *told) for name, *told in _OF_A_MASK)  # type: ignore[misc]


def _metric(name: str, better: Better, scale: str, nan: str, source: str) -> Metric:
    return Metric(
        name, _LABELS.text(name), _DESCRIPTIONS.text(name), better, _RANGES.text(scale), _NAN.text(nan), source
    )


METRICS: Mapping[str, Metric] = MappingProxyType({row[0]: _metric(*row) for row in (*_OF_A_MASK, *_GROWN, *_OTHERS)})
