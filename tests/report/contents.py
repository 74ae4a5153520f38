"""A small report of three classes, with text that is none of ours and heatmaps whose colours are known."""

import datetime
from dataclasses import replace

import numpy as np

from xaisigns.report.evaluation import ClassAccuracy, Evaluation
from xaisigns.report.highlight import Highlight
from xaisigns.report.measured import Mean
from xaisigns.report.report import Method, Report
from xaisigns.report.scores import Metric, Score, score_range
from xaisigns.report.sections.classes import Classes
from xaisigns.report.sections.classes.shown_class import Example, ShownClass
from xaisigns.report.sections.conservation import Conservation, LedgerRow
from xaisigns.report.sections.front import Front
from xaisigns.report.sections.reading import Reading
from xaisigns.report.sections.reproduction import Reproduction
from xaisigns.report.sections.rules import RuleRow, Rules
from xaisigns.report.sections.scores import MethodScores
from xaisigns.report.sections.summary import Summary

MARKUP = "<script>alert(1)</script> #emph[x] *fett* $x$ {{ 7 * 7 }} & Co."
LONG = "Ende des Überholverbots für Kraftfahrzeuge über 3,5 t"
NAMES = {0: "Überholverbot", 1: MARKUP, 2: LONG}
METHODS = (Method("lrp", "LRP ε-γ"), Method("saliency", "Saliency"), Method("random", "Zufall", control=True))
SIDE = 16


def photo(seed: int = 0, height: int = SIDE, width: int = SIDE):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def halves(side: int = SIDE):
    """Red to the left, blue to the right."""
    heatmap = np.ones((side, side), np.float32)
    heatmap[:, side // 2 :] = -1
    return heatmap


def heatmaps(side: int = SIDE):
    return {"lrp": halves(side), "saliency": np.zeros((side, side), np.float32)}


def example(kind="typical", called=0, **changes):
    return replace(Example(kind, photo(), heatmaps(), called, 0.987), **changes)


SCORES = {"inside": {"lrp": Score(0.75, 0.7, 0.8), "saliency": Score(0.5, 0.4, 0.6), "random": Score(0.2, 0.1, 0.3)}}
METRICS = (Metric("inside", "Relevanz im Schild", "higher", "Anteil im Schild."),)
HIGHLIGHTS = (Highlight(0, 1, 0.5, photo(2), halves(), "lrp", stickered=True),)
EXAMPLES = (example(), example("unsure"), example("mistaken", 1), example("stickered", 2))
CLASSES = (
    ShownClass(0, EXAMPLES, Mean(1234, photo(1), heatmaps()), {"lrp": 0.62}, SCORES),
    ShownClass(1, (example(called=1),)),
    ShownClass(2),
)
RULES = (
    RuleRow("features.0", "Conv2d", "z_box", {"stabilizer": 1e-6}, "composite"),
    RuleRow("features.1", "BatchNorm2d", "pass", {}, "type", {"kind": "folded", "into": "features.0"}),
)
LEDGER = (LedgerRow("classifier.0", "Linear", "epsilon", 5.65, 5.0, 0.6, 0.05),)


def small_report(
    *,
    classes=CLASSES,
    finding="Das Netz hat „Aufkleber = 70“ gelernt.",
    highlights=HIGHLIGHTS,
    metrics=METRICS,
    scores=SCORES,
    rules=RULES,
    ledger=LEDGER,
    more=(),
    **changes,
) -> Report:
    tables = [scores, *(shown.scores for shown in classes)]
    metrics = tuple(replace(metric, axis=score_range(tables, metric.key)) for metric in metrics)
    sections = [
        Front(finding, highlights),
        Reading(highlights),
        Summary(),
        MethodScores(metrics, scores, 8),
        Classes(classes, metrics),
        *([Rules("epsilon_gamma_box", rules)] if rules else []),
        *([Conservation(ledger, "Das Bild: 0.")] if ledger else []),
        Reproduction(
            command="xaisigns report gtsrb --out a.pdf",
            seed=7,
            versions={"torch": "2.14"},
            fingerprints={"Modell": "abc123"},
            processor="2 Kerne",
            seconds=83.4,
        ),
        *more,
    ]
    given = {
        "language": "de",
        "date": datetime.date(2026, 3, 1),
        "model": "stickered",
        "data": "GTSRB-Test",
        "names": NAMES,
        "methods": METHODS,
        "evaluation": Evaluation(
            count=20,
            accuracy=0.85,
            interval=(0.64, 0.9476),
            classes=(ClassAccuracy(0, 10, 0.8), ClassAccuracy(1, 10, 0.9), ClassAccuracy(2, 0, None)),
            confusion=np.array([[8, 1, 1], [0, 9, 1], [0, 0, 0]]),
        ),
        "sections": tuple(sorted(sections, key=lambda section: section.order)),
    }
    return Report(**{**given, **changes})


def bare_report(**changes) -> Report:
    """One class, and nothing that a report can do without."""
    return small_report(
        **{
            "names": {0: "Überholverbot"},
            "evaluation": Evaluation(
                0, float("nan"), (float("nan"), float("nan")), (ClassAccuracy(0, 0, None),), np.zeros((1, 1), np.int64)
            ),
            "classes": (ShownClass(0),),
            "finding": None,
            "highlights": (),
            "metrics": (),
            "scores": {},
            "rules": (),
            "ledger": (),
            "methods": (),
            **changes,
        }
    )


def told(kind, content: Report):
    """What the section of a kind tells."""
    return content.section(kind).tell(content)
