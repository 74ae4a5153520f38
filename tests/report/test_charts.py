"""A row of a chart holds no more than so many characters."""

from tests.report.charts import texts
from tests.report.contents import MARKUP, small_report
from xaisigns.report.sections.summary import accuracies as told_accuracies
from xaisigns.report.sections.summary.accuracy_chart import accuracy_chart


def accuracies():
    return told_accuracies(small_report())


def test_a_name_that_is_too_long_is_cut():
    shown = next(text for text in texts(accuracy_chart(accuracies(), "en")) if text.startswith("<script>"))
    assert len(shown) == 60
    assert shown == f"{MARKUP[:59]}…"
