"""An audit in words, in both languages."""

import pytest

from xaisigns.audit.findings import Findings, ToldFinding
from xaisigns.audit.wording import (
    images_text,
    limit_text,
    nothing_text,
    rate_groups,
    rate_text,
    sentence,
    shown_findings,
    summary,
    table_row,
    title,
)

NAMES = dict.fromkeys(range(43), "70")


def changed(found: ToldFinding, **changes):
    return found.model_copy(update=changes)


def carried(found, carrier, *without):
    transplant = found.transplant.model_copy(update={"carrier": carrier, **dict.fromkeys(without)})
    return changed(found, transplant=transplant)


def test_a_shortcut_in_a_sentence(shortcut):
    assert sentence(shortcut, "70", "en") == (
        "Of images that show something else, 46.0% become “70” once a patch from its images is laid on them. "
        "For the reference model, 0.0% of the same images do."
    )
    assert sentence(shortcut, "70", "de").startswith(
        "Von Bildern, die etwas anderes zeigen, hält das Netz 46,0\u202f% für „70“, sobald ein Ausschnitt aus dessen"
    )


@pytest.mark.parametrize(
    ("carrier", "language", "once"),
    [
        ("frame", "en", "once the border of its images is put around them"),
        ("colour", "en", "once they are given the tint of its images"),
        ("texture", "en", "once they are given the fine texture of its images"),
        ("frame", "de", "sobald sie den Rand von dessen Bildern bekommen"),
        ("colour", "de", "sobald sie die Färbung von dessen Bildern bekommen"),
        ("texture", "de", "sobald sie die feine Struktur von dessen Bildern bekommen"),
    ],
)
def test_every_carrier_has_its_words(shortcut, carrier, language, once):
    assert once in sentence(carried(shortcut, carrier), "70", language)


def test_the_strongest_argument_that_there_is_comes_behind(shortcut):
    assert sentence(shortcut, "70", "de").endswith("Beim Vergleichsmodell sind es 0,0\u202f% derselben Bilder.")
    within = carried(shortcut, "window", "reference")
    assert sentence(within, "70", "en").endswith("in the same place, 2.0% do.")
    alone = carried(within, "window", "others")
    assert sentence(alone, "70", "en").endswith("With other patches of the same images, 8.0% do.")
    assert sentence(carried(alone, "window", "elsewhere"), "70", "en").endswith("is laid on them.")


def test_a_suspicion_in_a_sentence(suspicion):
    assert sentence(suspicion, "70", "en") == (
        "The network tells 2 of 6 images of “70” from the rest by a feature of theirs. "
        "That this alone makes other images “70” is not proven: 1.0% became one."
    )
    untested = changed(suspicion, transplant=None)
    assert sentence(untested, "70", "de").endswith("von den übrigen. Ob es danach entscheidet, wurde nicht geprüft.")


def test_a_suspicion_about_a_class_that_fails_on_unseen_images_says_both(suspicion):
    right = suspicion.unseen.right.model_copy(update={"hits": 0, "share": 0.0, "interval": (0.0, 0.39)})
    lost = changed(suspicion, unseen=suspicion.unseen.model_copy(update={"right": right, "collapsed": True}))
    told, both = sentence(suspicion, "70", "en"), sentence(lost, "70", "en")
    assert both.startswith(told)
    assert both[len(told) :].startswith(" The network recognises 0 of 6 images of “70” that the training did not see.")
    assert sentence(changed(lost, verdict="nothing"), "70", "en") is None


def test_nothing_is_no_sentence(whole):
    assert sentence(whole.findings[3], "70", "en") is None


def test_the_class_and_the_verdict(shortcut):
    assert title(shortcut, "70", "en") == "70 (0): shortcut"
    assert title(shortcut, "70", "de") == "70 (0): Abkürzung"


def test_rates_have_intervals_in_the_languages_numbers(shortcut):
    flips = shortcut.transplant.flips
    assert rate_text(flips, "en") == "46.0% (36.6 to 55.7%)"
    assert rate_text(flips, "de") == "46,0\u202f% (36,6 bis 55,7\u202f%)"
    assert rate_text(None, "en") == "–"
    assert images_text(shortcut, "de") == "2 von 6"
    assert images_text(changed(shortcut, suspect=None), "de") == "–"


def test_what_was_measured_stands_beside_its_control(shortcut, suspicion):
    flips, removal, unseen = rate_groups(shortcut, "en")
    assert [(row.rate.hits, row.control) for row in flips.rows] == [(46, False), (0, True), (2, True), (8, True)]
    assert [(row.rate.hits, row.control) for row in removal.rows] == [(30, False), (1, True)]
    assert [row.label for row in unseen.rows] == ["recognised"]
    none = changed(suspicion, transplant=None, removal=None, unseen=None)
    assert rate_groups(none, "en") == []


def test_a_row_of_the_table_has_all_that_was_measured(shortcut, whole):
    *cells, controls, images = table_row(shortcut, "70", "en")
    assert cells == [["0 70"], ["shortcut"], ["0.99"], ["46.0% (36.6 to 55.7%)"]]
    assert controls == [
        "0.0% (0.0 to 3.7%) reference model",
        "2.0% (0.6 to 7.0%) others of the class",
        "8.0% (4.1 to 15.0%) other patches",
    ]
    assert images == ["2 of 6"]
    assert table_row(whole.findings[3], "70", "de")[1:] == [["nicht geprüft"], ["–"], ["–"], ["–"], ["–"]]


def test_a_table_shows_the_first_classes_and_all_that_anything_was_found_about(whole):
    nothing = [whole.findings[3].model_copy(update={"id": class_id}) for class_id in range(20, 30)]
    many = whole.model_copy(update={"findings": (*nothing, whole.findings[0])})
    assert [one.id for one in shown_findings(many)] == [20, 21, 22, 23, 24, 0]


def test_the_first_sentence_sums_up(whole):
    assert summary(whole, NAMES, "en") == sentence(whole.findings[0], "70", "en")
    assert summary(nothing_in(whole), NAMES, "en") is None


def nothing_in(whole: Findings, **changes):
    found = whole.findings[0].model_copy(update={"verdict": "nothing", **changes})
    return whole.model_copy(update={"findings": (found,)})


def test_nothing_found_is_told_from_nothing_that_could_be_found(whole, shortcut):
    assert nothing_text(nothing_in(whole), "en") == "No class was found that the network knows by a shortcut."
    alone = carried(shortcut, "window", "others", "reference").transplant
    assert nothing_text(nothing_in(whole, transplant=alone), "de").startswith("Die Klassen sind nur nach Rang geordnet")


def test_what_was_not_tried_or_turns_images_without_a_control_has_no_verdict(whole, shortcut):
    alone = carried(shortcut, "window", "others", "reference").transplant
    for transplant, confidence, wanted in (
        (alone, 0.02, ["kein Urteil", "–"]),
        (alone, 1.0, ["nichts gefunden", "1,00"]),
        (shortcut.transplant, 0.02, ["nichts gefunden", "0,02"]),
        (None, 0.0, ["nicht geprüft", "–"]),
    ):
        (found,) = nothing_in(whole, transplant=transplant, confidence=confidence).findings
        assert [cell for (cell,) in table_row(found, "70", "de")[1:3]] == wanted
        assert title(found, "70", "de").endswith(f": {wanted[0]}")


@pytest.mark.parametrize(
    "limit", ["no_reference", "no_unseen", "copies", "reference_fails", "whole_class", "biased_reference"]
)
@pytest.mark.parametrize("language", ["de", "en"])
def test_every_limit_has_its_words(limit, language):
    assert limit_text(limit, language).endswith(".")
