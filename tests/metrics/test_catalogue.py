import pickle
import re
from pathlib import Path

import pytest

from xaisigns.base.language import languages
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
        metric.description("en"),
        metric.better or "",
        metric.range("en"),
        metric.nan("en"),
        source,
    ]
    assert f"| {' | '.join(wanted)} |".replace("|  |", "| |").replace("|  |", "| |") in rows


@pytest.mark.parametrize("language", languages())
def test_no_two_metrics_have_the_same_label(language):
    assert len({metric.label(language) for metric in METRICS.values()}) == len(METRICS)


def test_a_metric_can_be_sent_to_another_process():
    for metric in METRICS.values():
        sent = pickle.loads(pickle.dumps(metric))
        assert sent.told("de") == metric.told("de")


def test_every_source_is_in_the_references():
    known = set(re.findall(r"@\w+\{(\w+),", (REPOSITORY / "docs/references.bib").read_text(encoding="utf-8")))
    modules = (REPOSITORY / "xaisigns/metrics").glob("*.py")
    cited = {key for module in modules for key in re.findall(r"\[([a-z]+\d{4}[a-z]+)\]", module.read_text("utf-8"))}
    assert cited | {metric.source for metric in METRICS.values() if metric.source} <= known


def test_the_catalogue_cannot_be_changed():
    with pytest.raises(TypeError):
        METRICS["relevance_mass"] = None
