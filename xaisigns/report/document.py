"""A report in words: all that both outputs print, as plain text in the report's language and bars from 0 to 1."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from xaisigns.base.dates import duration, written_date
from xaisigns.base.numbers import number, percent, whole
from xaisigns.model.evaluation import wilson_interval
from xaisigns.report.content import (
    Confusion,
    Example,
    Heatmaps,
    Method,
    Metric,
    Propagation,
    Report,
    Score,
    Section,
    confusions,
    score_range,
)
from xaisigns.report.tiles import Grid
from xaisigns.report.words import WORDS, counted, plain, told_change

_PAIRS = 8  # confusions of the summary
_OTHERS = 3  # and of a class

Bar = dict[str, float]


class Document:
    """Puts the parts of one report into words: all of it as JSON has it, None for what is missing."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._language = report.language
        self._words = WORDS[report.language]
        self._ranges = {metric.key: score_range(report, metric.key) for metric in report.metrics}
        self.columns = [method for method in report.methods if method.key in _with_heatmaps(report)]

    def front(self) -> dict[str, Any]:
        """All but the sections."""
        report, words = self._report, self._words
        accuracy = report.evaluation
        low, high = (percent(end, self._language, 2) for end in accuracy.interval)
        accuracies = self.accuracies()
        least = min((row["bar"]["low"] for row in accuracies), default=0.0)
        return {
            "language": self._language,
            "words": words,
            "facts": [
                [words["model"], plain(report.model)],
                [words["data"], plain(report.data)],
                [words["date"], written_date(report.date, self._language)],
            ],
            "accuracy": percent(accuracy.accuracy, self._language, 2),
            "accuracy_of": counted(words, "accuracy_of", accuracy.count, self._language, low=low, high=high),
            "finding": plain(report.finding) if report.finding else None,
            "highlights": [self._highlight(number) for number in range(len(report.highlights))],
            "columns": [self._method(method) for method in self.columns],
            "accuracies": accuracies,
            "axis": words["axis"].format(low=percent(least, self._language), high=percent(1, self._language, 0)),
            "confusions": [self._pair(one) for one in confusions(accuracy)[:_PAIRS]],
            "confusions_note": words["confusions_note"].format(
                count=self._whole(sum(one.count for one in confusions(accuracy)))
            ),
            "metrics": self.metrics(),
            "propagation": self._propagation(report.propagation) if report.propagation else None,
            "reproduction": self._reproduction(),
        }

    def accuracies(self) -> list[dict[str, Any]]:
        """Name, share and 95 % interval of every class that has test images."""
        rows = []
        for one in self._report.evaluation.classes:
            if one.count and one.accuracy is not None:
                low, high = wilson_interval(round(one.accuracy * one.count), one.count)
                text = percent(one.accuracy, self._language)
                row = {"id": one.id, "name": self._name(one.id), "count": self._whole(one.count), "text": text}
                rows.append({**row, "bar": {"value": one.accuracy, "low": low, "high": high, "zero": 0.0}})
        return rows

    def metrics(self) -> list[dict[str, Any]]:
        """Each metric's scores over all classes, controls last; what was not measured is left out."""
        told = []
        methods = sorted(self._report.methods, key=lambda method: method.control)
        for metric in self._report.metrics:
            scores = self._report.scores.get(metric.key, {})
            rows = [
                {**self._method(method), **self._score(metric, scores[method.key])}
                for method in methods
                if method.key in scores
            ]
            if rows:
                told.append({**self._metric(metric), "rows": rows})
        return told

    def section(self, section: Section, grid: Grid) -> dict[str, Any]:
        """A class, with a cell for each tile of its grid: the tile's text, None where there is no heatmap."""
        words = self._words
        rows = [self._example(section, one) for one in section.examples]
        if section.mean:
            text = counted(words, "mean", section.mean.count, self._language)
            rows.append({**self._row(text, words["mean_note"], section.id, section.mean.heatmaps), "kind": "mean"})
        limits = [grid.limits.get(method.key) for method in self.columns]
        return {
            "id": section.id,
            "name": self._name(section.id),
            "line": self._class_line(section.id),
            "confused": self._confused(section.id),
            "rows": rows,
            "limits": [None if limit is None else number(limit, self._language) for limit in limits],
            "bars": self._bars(section),
        }

    def _name(self, class_id: int) -> str:
        return plain(self._report.names[class_id])

    def _whole(self, count: int) -> str:
        return whole(count, self._language)

    def _method(self, method: Method) -> dict[str, Any]:
        return {"key": method.key, "label": plain(method.label), "control": method.control}

    def _metric(self, metric: Metric) -> dict[str, Any]:
        return {
            "label": plain(metric.label),
            "better": self._words[metric.better],
            "arrow": "↑" if metric.better == "higher" else "↓",
            "explanation": plain(metric.explanation),
        }

    def _score(self, metric: Metric, score: Score) -> dict[str, Any]:
        low, high = self._ranges[metric.key]
        text = number(score.mean, self._language)
        interval = f"{number(score.low, self._language)} … {number(score.high, self._language)}"
        return {"text": text, "interval": interval, "bar": _bar(score, low, high)}

    def _highlight(self, index: int) -> dict[str, Any]:
        one = self._report.highlights[index]
        words = self._words["highlight_stickered" if one.stickered else "highlight"]
        caption = words.format(
            label=self._name(one.label),
            called=self._name(one.called),
            probability=percent(one.probability, self._language),
        )
        method = next(plain(method.label) for method in self._report.methods if method.key == one.method)
        kinds = ("image", "heatmap", "overlay")
        return {"caption": caption, "method": method, "alt": [f"{self._words[kind]}: {caption}" for kind in kinds]}

    def _pair(self, one: Confusion) -> dict[str, Any]:
        return {
            "label": one.label,
            "label_name": self._name(one.label),
            "called": one.called,
            "called_name": self._name(one.called),
            "count": self._whole(one.count),
            "share": percent(one.share, self._language),
        }

    def _class_line(self, class_id: int) -> str:
        one = self._report.evaluation.classes[class_id]
        if not one.count or one.accuracy is None:
            return self._words["class_line_none"]
        accuracy = percent(one.accuracy, self._language)
        return counted(self._words, "class_line", one.count, self._language, accuracy=accuracy)

    def _confused(self, class_id: int) -> str | None:
        if not self._report.evaluation.classes[class_id].count:
            return None
        found = confusions(self._report.evaluation, class_id)
        if not found:
            return self._words["confused_never"]
        classes = "; ".join(
            f"{self._name(one.called)} ({self._whole(one.count)} ×, {percent(one.share, self._language)})"
            for one in found[:_OTHERS]
        )
        return self._words["confused_with"].format(classes=classes + ("; …" if len(found) > _OTHERS else ""))

    def _example(self, section: Section, one: Example) -> dict[str, Any]:
        called = self._words["row"].format(
            called=self._name(one.called), probability=percent(one.probability, self._language)
        )
        row = self._row(self._words[one.kind], called, section.id, one.heatmaps)
        return {**row, "kind": one.kind, "right": one.called == section.id}

    def _row(self, title: str, text: str, class_id: int, heatmaps: Heatmaps) -> dict[str, Any]:
        told = f"{self._name(class_id)}. {title}, {text}"
        cells = [
            f"{self._words['heatmap']}, {plain(method.label)}: {told}" if method.key in heatmaps else None
            for method in self.columns
        ]
        return {"title": title, "text": text, "image": f"{self._words['image']}: {told}", "cells": cells}

    def _bars(self, section: Section) -> list[dict[str, Any]]:
        """The rows of bars under a grid: what lies inside the sign, then each metric that was measured here."""
        inside = [self._inside(section.inside.get(method.key)) for method in self.columns]
        rows = [{"label": self._words["inside"], "arrow": "", "cells": inside}]
        for metric in self._report.metrics:
            scores = section.scores.get(metric.key, {})
            best = _best(metric, self.columns, scores)
            cells = [
                {**self._score(metric, scores[method.key]), "best": method.key in best}
                if method.key in scores
                else None
                for method in self.columns
            ]
            rows.append({**self._metric(metric), "cells": cells})
        return [row for row in rows if any(row["cells"])]

    def _inside(self, share: float | None) -> dict[str, Any] | None:
        if share is None:
            return None
        bar = _bar(Score(share, math.nan, math.nan), 0, 1)
        return {"text": percent(share, self._language, 0), "interval": "", "bar": bar, "best": False}

    def _propagation(self, told: Propagation) -> dict[str, Any]:
        words, language = self._words, self._language
        rules = [
            {
                "layer": plain(row.layer),
                "type": plain(row.type),
                "rule": plain(row.rule),
                "parameters": plain(
                    ", ".join(f"{key} {number(value, language)}" for key, value in row.parameters.items())
                ),
                "source": words[f"source_{row.source}"],
                "change": plain(told_change(row.change, language)),
            }
            for row in told.rules
        ]
        ledger = [
            {
                "layer": plain(row.layer),
                "type": plain(row.type),
                "rule": plain(row.rule),
                "received": number(row.received, language),
                "passed": number(row.passed, language),
                "kept": percent(row.passed / row.received if row.received else math.nan, language),
            }
            for row in told.ledger
        ]
        note = words["rules_note"].format(composite=plain(told.composite))
        return {"note": note, "rules": rules, "ledger": ledger, "ledger_of": plain(told.ledger_of)}

    def _reproduction(self) -> dict[str, Any]:
        told, words = self._report.reproduction, self._words
        return {
            "command": plain(told.command),
            "facts": [
                [words["seed"], str(told.seed)],
                [words["processor"], plain(told.processor)],
                [words["seconds"], duration(told.seconds)],
            ],
            "versions": _pairs(told.versions),
            "fingerprints": _pairs(told.fingerprints),
        }


def _with_heatmaps(report: Report) -> set[str]:
    grids = [one.heatmaps for section in report.sections for one in section.examples]
    grids += [section.mean.heatmaps for section in report.sections if section.mean]
    return {key for heatmaps in grids for key in heatmaps}


def _best(metric: Metric, methods: Sequence[Method], scores: Mapping[str, Score]) -> set[str]:
    means = {
        method.key: scores[method.key].mean
        for method in methods
        if not method.control and method.key in scores and math.isfinite(scores[method.key].mean)
    }
    if len(means) < 2:
        return set()
    best = max(means.values()) if metric.better == "higher" else min(means.values())
    return {key for key, mean in means.items() if mean == best}


def _bar(score: Score, low: float, high: float) -> Bar | None:
    """Where a bar begins, ends, and has its interval, as shares of its axis; without an interval that of no width."""
    if not math.isfinite(score.mean):
        return None

    def at(value: float) -> float:
        return min(max((value - low) / (high - low), 0.0), 1.0)

    ends = [end if math.isfinite(end) else score.mean for end in (score.low, score.high)]
    return {"zero": at(0), "value": at(score.mean), "low": at(ends[0]), "high": at(ends[1])}


def _pairs(mapping: Mapping[str, str]) -> list[list[str]]:
    return [[plain(key), plain(value)] for key, value in mapping.items()]
