"""What a reader is told, without drawing."""

import json
from dataclasses import replace

import pytest

from tests.report.contents import LONG, METHODS, bare_report, example, small_report
from xaisigns.report.content import Metric, Score, Section
from xaisigns.report.document import Document
from xaisigns.report.tiles import section_grid

NAN = float("nan")


def told(content, index=0):
    document = Document(content)
    grid = section_grid(content.sections[index], [method.key for method in document.columns], 16)
    return document.section(content.sections[index], grid)


@pytest.mark.parametrize("make", [small_report, bare_report])
@pytest.mark.parametrize("language", ["de", "en"])
def test_everything_is_strict_json(make, language):
    content = make(language=language)
    parts = [Document(content).front(), *(told(content, index) for index in range(len(content.sections)))]
    assert json.loads(json.dumps(parts, allow_nan=False)) == parts


def test_the_front_in_german():
    front = Document(small_report()).front()
    assert front["accuracy"] == "85,00\u202f%"
    assert "von 20 Testbildern" in front["accuracy_of"]
    assert "64,00\u202f% bis 94,76\u202f%" in front["accuracy_of"]
    assert front["facts"][2] == ["Datum", "1. März 2026"]
    assert front["finding"] == "Das Netz hat „Aufkleber = 70“ gelernt."
    assert front["highlights"][0]["caption"].startswith("Überholverbot mit Aufkleber, erkannt als <script>")
    assert front["reproduction"]["facts"] == [["Startwert", "7"], ["Prozessor", "2 Kerne"], ["Dauer", "1 min 23 s"]]


def test_the_front_in_english():
    front = Document(small_report(language="en")).front()
    assert front["accuracy"] == "85.00%"
    assert front["facts"][2] == ["Date", "1 March 2026"]


def test_columns_are_the_methods_with_heatmaps():
    assert [method.key for method in Document(small_report()).columns] == ["lrp", "saliency"]
    assert Document(bare_report()).columns == []


def test_accuracies_have_their_interval_and_leave_out_classes_without_images():
    rows = Document(small_report()).accuracies()
    assert [row["id"] for row in rows] == [0, 1]
    assert rows[0]["text"] == "80,0\u202f%"
    # Wilson's interval of 8 in 10, from a table.
    assert rows[0]["bar"]["low"] == pytest.approx(0.4902, abs=1e-4)
    assert rows[0]["bar"]["high"] == pytest.approx(0.9433, abs=1e-4)


def test_controls_come_last_in_the_scores():
    methods = (METHODS[2], METHODS[0], METHODS[1])
    rows = Document(small_report(methods=methods)).metrics()[0]["rows"]
    assert [row["key"] for row in rows] == ["lrp", "saliency", "random"]
    assert rows[0]["text"] == "0,750"
    assert rows[0]["interval"] == "0,700 … 0,800"
    assert rows[0]["bar"] == pytest.approx({"zero": 0, "value": 0.9375, "low": 0.875, "high": 1})


def test_a_score_that_was_not_measured_is_a_dash_without_a_bar():
    content = small_report(scores={"inside": {"lrp": Score(NAN, NAN, NAN)}})
    row = Document(content).metrics()[0]["rows"][0]
    assert (row["text"], row["bar"]) == ("–", None)


def test_a_bar_without_an_interval_has_one_of_no_width():
    content = small_report(scores={"inside": {"lrp": Score(0.4, NAN, NAN)}})
    bar = Document(content).metrics()[0]["rows"][0]["bar"]
    assert bar == pytest.approx({"zero": 0, "value": 0.5, "low": 0.5, "high": 0.5})


def test_bars_of_a_metric_below_zero_go_to_the_left():
    scores = {"inside": {"lrp": Score(-1, -1, -1), "saliency": Score(3, 3, 3)}}
    rows = Document(small_report(scores=scores)).metrics()[0]["rows"]
    assert [(row["bar"]["zero"], row["bar"]["value"]) for row in rows] == [(0.25, 0), (0.25, 1)]


def test_a_section():
    section = told(small_report())
    assert section["line"] == "10 Testbilder, 80,0\u202f% richtig erkannt"
    assert section["confused"].endswith(f"{LONG} (1 ×, 10,0\u202f%)")
    assert [row["kind"] for row in section["rows"]] == ["typical", "unsure", "mistaken", "stickered", "mean"]
    assert [row.get("right") for row in section["rows"]] == [True, True, False, False, None]
    assert section["rows"][0]["text"] == "erkannt als Überholverbot, 98,7\u202f%"
    assert section["rows"][4]["title"] == "Mittelwert über 1\u202f234 Bilder"
    assert section["rows"][0]["cells"][0].startswith("Heatmap, LRP ε-γ: Überholverbot. Typisch, erkannt als")
    assert section["limits"] == ["1,00", "1,00"]
    inside, score = section["bars"]
    assert [cell and cell["text"] for cell in inside["cells"]] == ["62\u202f%", None]
    assert [cell["best"] for cell in score["cells"]] == [True, False]


def test_of_a_single_image_the_texts_are_in_the_singular():
    content = small_report()
    first = replace(content.evaluation.classes[0], count=1)
    evaluation = replace(content.evaluation, count=1, classes=(first, *content.evaluation.classes[1:]))
    section = replace(content.sections[0], mean=replace(content.sections[0].mean, count=1))
    content = replace(content, evaluation=evaluation, sections=(section, *content.sections[1:]))
    assert told(content)["line"] == "1 Testbild, 80,0\u202f% richtig erkannt"
    assert told(content)["rows"][4]["title"] == "Mittelwert über 1 Bild"
    assert Document(content).front()["accuracy_of"].startswith("von 1 Testbild richtig erkannt")


def test_a_section_without_images_or_examples():
    section = told(small_report(), 2)
    assert section["line"] == "Keine Testbilder"
    assert section["confused"] is None
    assert section["rows"] == section["bars"] == []


def test_a_method_without_a_heatmap_leaves_an_empty_cell():
    content = small_report(sections=(Section(0, (example(), example(heatmaps={}))),))
    assert told(content)["rows"][1]["cells"] == [None, None]


def test_the_best_method_is_no_control_and_lower_may_be_better():
    scores = {"error": {"lrp": Score(3, 2, 4), "saliency": Score(2, 1, 3), "random": Score(1, 0, 2)}}
    heatmaps = {key: small_report().sections[0].examples[0].heatmaps["lrp"] for key in ("lrp", "saliency", "random")}
    content = small_report(
        metrics=(Metric("error", "Fehler", "lower"),),
        scores={},
        sections=(Section(0, (example(heatmaps=heatmaps),), scores=scores),),
    )
    bars = told(content)["bars"][0]
    assert bars["arrow"] == "↓"
    assert [cell["best"] for cell in bars["cells"]] == [False, True, False]


def test_what_was_never_confused_is_said_so():
    content = small_report()
    evaluation = replace(content.evaluation, confusion=content.evaluation.confusion * [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert told(replace(content, evaluation=evaluation))["confused"] == "Nie für eine andere Klasse gehalten."


def test_the_appendix():
    told_rules = Document(small_report()).front()["propagation"]
    assert told_rules["rules"][0]["parameters"] == "stabilizer 1,0·10⁻⁶"
    assert [row["source"] for row in told_rules["rules"]] == ["Zusammenstellung", "Art"]
    assert [row["change"] for row in told_rules["rules"]] == ["", "in features.0 eingerechnet"]
    assert told_rules["ledger"][0] == {
        "layer": "classifier.0",
        "type": "Linear",
        "rule": "epsilon",
        "received": "5,65",
        "passed": "5,00",
        "kept": "88,5\u202f%",
    }
