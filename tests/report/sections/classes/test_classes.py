"""Which methods are columns, and which classes the navigation lists."""

from tests.report.contents import bare_report, small_report, told
from xaisigns.report.sections.classes import Classes


def test_columns_are_the_methods_with_heatmaps():
    assert [method.key for method in small_report().columns()] == ["lrp", "saliency"]
    assert [method["key"] for method in told(Classes, small_report())["columns"]] == ["lrp", "saliency"]
    assert bare_report().columns() == []


def test_every_class_is_an_entry_of_the_navigation():
    content = small_report()
    entries = content.section(Classes).entries(content)
    assert [(entry["id"], entry["number"]) for entry in entries] == [("class-0", 0), ("class-1", 1), ("class-2", 2)]
    assert entries[0]["name"] == "Überholverbot"
