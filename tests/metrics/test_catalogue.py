import re
from pathlib import Path

import pytest

from xaisigns.metrics import localisation
from xaisigns.metrics.catalogue import METRICS

REPOSITORY = Path(__file__).parents[2]


def test_names_are_those_of_the_functions():
    for name, metric in METRICS.items():
        assert metric.name == name
    masked = [name for name in METRICS if f"{name}_grown" in METRICS]
    assert masked == ["relevance_mass", "relevance_rank", "pointing_game", "localisation_auc", "area_share"]
    assert all(callable(getattr(localisation, name)) for name in masked)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
def test_documentation_states_the_metric(metric):
    rows = (REPOSITORY / "docs/metrics.md").read_text(encoding="utf-8").splitlines()
    source = f"[{metric.source}]" if metric.source else ""
    wanted = [
        f"`{metric.name}`",
        metric.description.en,
        metric.better or "",
        metric.range.en,
        metric.nan.en,
        source,
    ]
    assert f"| {' | '.join(wanted)} |".replace("|  |", "| |").replace("|  |", "| |") in rows


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
def test_every_text_has_its_german(metric):
    for text in (metric.label, metric.description, metric.range, metric.nan):
        assert text.en
        assert text.de
    for text in (metric.label, metric.description, metric.nan):
        assert text.en != text.de
    assert metric.label.en == metric.name.replace("_", " ")
    assert len({other.label.de for other in METRICS.values()}) == len(METRICS)


def test_every_source_is_in_the_references():
    known = set(re.findall(r"@\w+\{(\w+),", (REPOSITORY / "docs/references.bib").read_text(encoding="utf-8")))
    modules = (REPOSITORY / "xaisigns/metrics").glob("*.py")
    cited = {key for module in modules for key in re.findall(r"\[([a-z]+\d{4}[a-z]+)\]", module.read_text("utf-8"))}
    assert cited | {metric.source for metric in METRICS.values() if metric.source} <= known


def test_the_catalogue_cannot_be_changed():
    with pytest.raises(TypeError):
        METRICS["relevance_mass"] = None
