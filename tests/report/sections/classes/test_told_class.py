"""A class in words, beside its tiles."""

from dataclasses import replace

from tests.report.contents import CLASSES, LONG, example, small_report, told
from xaisigns.report.scores import Metric, Score
from xaisigns.report.sections.classes import Classes
from xaisigns.report.sections.classes.shown_class import ShownClass
from xaisigns.report.sections.front import Front


def told_class(content, index=0):
    return told(Classes, content)["classes"][index]


def test_a_section():
    section = told_class(small_report())
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


def test_a_sticker_is_told_with_what_of_the_relevance_lies_on_it():
    shown = replace(CLASSES[0], examples=(example("stickered", 2, on_sticker=0.381, covered=0.098),))
    row = told_class(small_report(classes=(shown,)))["rows"][0]
    text = "nach LRP ε-γ liegen 38,1\u202f% dessen, was dafür spricht, auf dem Aufkleber, der 9,8\u202f% bedeckt"
    assert row["text"].endswith(f"; {text}")


def test_of_a_single_image_the_texts_are_in_the_singular():
    content = small_report()
    first = replace(content.evaluation.classes[0], count=1)
    evaluation = replace(content.evaluation, count=1, classes=(first, *content.evaluation.classes[1:]))
    shown = replace(CLASSES[0], mean=replace(CLASSES[0].mean, count=1))
    content = small_report(evaluation=evaluation, classes=(shown, *CLASSES[1:]))
    assert told_class(content)["line"] == "1 Testbild, 80,0\u202f% richtig erkannt"
    assert told_class(content)["rows"][4]["title"] == "Mittelwert über 1 Bild"
    assert told(Front, content)["accuracy_of"].startswith("von 1 Testbild richtig erkannt")


def test_a_section_without_images_or_examples():
    section = told_class(small_report(), 2)
    assert section["line"] == "Keine Testbilder"
    assert section["confused"] is None
    assert section["rows"] == section["bars"] == []


def test_a_method_without_a_heatmap_leaves_an_empty_cell():
    content = small_report(classes=(ShownClass(0, (example(), example(heatmaps={}))),))
    assert told_class(content)["rows"][1]["cells"] == [None, None]


def test_the_best_method_is_no_control_and_lower_may_be_better():
    scores = {"error": {"lrp": Score(3, 2, 4), "saliency": Score(2, 1, 3), "random": Score(1, 0, 2)}}
    heatmaps = dict.fromkeys(("lrp", "saliency", "random"), CLASSES[0].examples[0].heatmaps["lrp"])
    content = small_report(
        metrics=(Metric("error", "Fehler", "lower"),),
        scores={},
        classes=(ShownClass(0, (example(heatmaps=heatmaps),), scores=scores),),
    )
    bars = told_class(content)["bars"][0]
    assert bars["arrow"] == "↓"
    assert [cell["best"] for cell in bars["cells"]] == [False, True, False]


def test_what_was_never_confused_is_said_so():
    content = small_report()
    evaluation = replace(content.evaluation, confusion=content.evaluation.confusion * [[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert told_class(replace(content, evaluation=evaluation))["confused"] == "Nie für eine andere Klasse gehalten."
