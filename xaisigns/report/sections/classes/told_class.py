"""A class of a report in words: what its rows show, what it is confused with, and bars of its scores."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from xaisigns.base.numbers import number, percent, whole
from xaisigns.base.texts import Texts
from xaisigns.report.evaluation import confusions
from xaisigns.report.heatmaps import Heatmaps
from xaisigns.report.page_text import plain
from xaisigns.report.report import Method, Report
from xaisigns.report.scores import Metric, Score, bar, told_metric, told_score
from xaisigns.report.section import WORDS
from xaisigns.report.sections.classes.shown_class import Example, ShownClass

_OTHERS = 3  # confusions that are named


class ClassTeller:
    """Puts the classes of one report into words."""

    def __init__(self, report: Report, columns: Sequence[Method], metrics: Sequence[Metric], words: Texts) -> None:
        self._report, self._columns, self._metrics = report, columns, metrics
        self._language, self._words = report.language, words

    def tell(self, shown: ShownClass) -> dict[str, Any]:
        """A class, with a cell for each tile of its grid: the tile's text, None where there is no heatmap."""
        rows = [self._example(shown, one) for one in shown.examples]
        if shown.mean:
            title = self._words.counted("mean", shown.mean.count, self._language)
            row = self._row(title, self._words("mean_note", self._language), shown.id, shown.mean.heatmaps)
            rows.append({**row, "kind": "mean"})
        limits = [shown.limits.get(method.key) for method in self._columns]
        return {
            "id": shown.id,
            "name": self._report.name(shown.id),
            "line": self._class_line(shown.id),
            "confused": self._confused(shown.id),
            "rows": rows,
            "limits": [None if limit is None else number(limit, self._language) for limit in limits],
            "bars": self._bars(shown),
        }

    def _class_line(self, class_id: int) -> str:
        one = self._report.evaluation.classes[class_id]
        if not one.count or one.accuracy is None:
            return self._words("class_line_none", self._language)
        accuracy = percent(one.accuracy, self._language)
        return self._words.counted("class_line", one.count, self._language, accuracy=accuracy)

    def _confused(self, class_id: int) -> str | None:
        if not self._report.evaluation.classes[class_id].count:
            return None
        found = confusions(self._report.evaluation, class_id)
        if not found:
            return self._words("confused_never", self._language)
        classes = "; ".join(
            f"{self._report.name(one.called)} "
            f"({whole(one.count, self._language)} ×, {percent(one.share, self._language)})"
            for one in found[:_OTHERS]
        )
        return self._words("confused_with", self._language, classes=classes + ("; …" if len(found) > _OTHERS else ""))

    def _example(self, shown: ShownClass, one: Example) -> dict[str, Any]:
        text = self._words(
            "row",
            self._language,
            called=self._report.name(one.called),
            probability=percent(one.probability, self._language),
        )
        if one.on_sticker is not None and one.covered is not None:
            shares = {"share": percent(one.on_sticker, self._language), "covered": percent(one.covered, self._language)}
            text += self._words("on_sticker", self._language, method=plain(self._report.methods[0].label), **shares)
        row = self._row(self._words(one.kind, self._language), text, shown.id, one.heatmaps)
        return {**row, "kind": one.kind, "right": one.called == shown.id}

    def _row(self, title: str, text: str, class_id: int, heatmaps: Heatmaps) -> dict[str, Any]:
        told = f"{self._report.name(class_id)}. {title}, {text}"
        heatmap = WORDS("heatmap", self._language)
        cells = [
            f"{heatmap}, {plain(method.label)}: {told}" if method.key in heatmaps else None for method in self._columns
        ]
        return {"title": title, "text": text, "image": f"{WORDS('image', self._language)}: {told}", "cells": cells}

    def _bars(self, shown: ShownClass) -> list[dict[str, Any]]:
        """The rows of bars under a grid: what lies inside the sign, then each metric that was measured here."""
        inside = [self._inside(shown.inside.get(method.key)) for method in self._columns]
        rows = [{"label": self._words("inside", self._language), "arrow": "", "cells": inside}]
        for metric in self._metrics:
            scores = shown.scores.get(metric.key, {})
            best = _best(metric, self._columns, scores)
            cells = [
                {**told_score(scores[method.key], metric.axis, self._language), "best": method.key in best}
                if method.key in scores
                else None
                for method in self._columns
            ]
            rows.append({**told_metric(metric, self._language), "cells": cells})
        return [row for row in rows if any(row["cells"])]

    def _inside(self, share: float | None) -> dict[str, Any] | None:
        if share is None:
            return None
        shown = bar(Score(share, math.nan, math.nan), (0, 1))
        return {"text": percent(share, self._language, 0), "interval": "", "bar": shown, "best": False}


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
