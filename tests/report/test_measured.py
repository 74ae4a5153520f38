"""Metrics have words, and means their own scale; what is measured is checked in test_collection.py."""

from tests.report.contents import halves, photo
from xaisigns.base.language import languages
from xaisigns.metrics.catalogue import METRICS
from xaisigns.report.measured import SHOWN_METRICS, Mean
from xaisigns.report.sections.scores import MethodScores


def test_the_metrics_of_a_report_are_told_in_every_language():
    for language in languages():
        words = MethodScores.texts.all(language)
        assert all(words[name] and words[f"{name}_told"] for name in SHOWN_METRICS)
    assert all(METRICS[name].better for name in SHOWN_METRICS)


def test_a_mean_has_scales_of_its_own():
    assert Mean(2, photo(), {"lrp": halves() / 2}).limits == {"lrp": 0.5}
