"""The guide shows the last example sign."""

from dataclasses import replace

from tests.report.contents import bare_report, small_report, told
from xaisigns.report.sections.front import Front
from xaisigns.report.sections.reading import Reading


def test_the_last_example_sign_is_taken_apart():
    first = small_report().section(Front).highlights[0]
    content = small_report(highlights=(replace(first, called=0), first))
    shown = told(Reading, content)["highlight"]
    assert shown["picture"] == "highlight-1"
    assert shown["caption"].startswith("Überholverbot mit Aufkleber, erkannt als <script>")
    assert [name for name, _ in content.section(Reading).grids(content)] == ["highlight-1"]


def test_without_example_signs_there_is_none():
    assert told(Reading, bare_report()) == {"highlight": None}
    assert list(bare_report().section(Reading).grids(bare_report())) == []
