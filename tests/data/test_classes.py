import re

import pytest

from xaisigns.base.language import languages
from xaisigns.data.classes import CLASS_NAMES, CLASSES, names_in, unnamed_class

# One word of every class, in the order of GTSRB's ClassId as its papers and the Kaggle copy print it.
ENGLISH = """
    20 30 50 60 70 80 80 100 120 overtaking 3.5 next priority way stop closed 3.5 entry danger left right
    double uneven slippery narrows works signals pedestrians children cyclists snow animals all right left ahead right
    left right left roundabout overtaking 3.5"""
GERMAN = """
    20 30 50 60 70 80 80 100 120 überholverbot 3,5 nächsten vorfahrtstraße gewähren halt aller 3,5
    einfahrt gefahrstelle links rechts doppelkurve unebene schleuder verengte arbeitsstelle lichtzeichenanlage fußgänger
    kinder radverkehr schnee wildwechsel sämtlicher rechts links geradeaus rechts links rechts links kreisverkehr
    überholverbots 3,5"""


@pytest.mark.parametrize(("language", "words"), [("en", ENGLISH), ("de", GERMAN)])
def test_the_43_classes_are_in_gtsrbs_order(language, words):
    for name, word in zip(CLASS_NAMES[language], words.split(), strict=True):
        assert word in re.split(r"[ :!-]+|, ", re.sub(r"[()]", "", name.lower()))


@pytest.mark.parametrize("language", languages())
def test_no_two_classes_have_the_same_name(language):
    assert len(set(CLASS_NAMES[language])) == 43


@pytest.mark.parametrize("class_id", CLASSES)
def test_german_and_english_tell_the_same(class_id):
    german, english = (CLASS_NAMES[language][class_id] for language in ("de", "en"))
    assert re.findall(r"[\d.]+", german.replace(",", ".")) == re.findall(r"[\d.]+", english)
    for ours, theirs in (("links", "left"), ("rechts", "right"), ("Ende ", "End ")):
        assert (ours in german) == (theirs in english)


@pytest.mark.parametrize(
    ("class_id", "name"),
    [
        (2, "Zulässige Höchstgeschwindigkeit 50 km/h"),  # Zeichen 274
        (6, "Ende der zulässigen Höchstgeschwindigkeit 80 km/h"),  # Zeichen 278
        (10, "Überholverbot für Kraftfahrzeuge über 3,5 t"),  # Zeichen 277
        (14, "Halt! Vorfahrt gewähren"),  # Zeichen 206
        (16, "Verbot für Kraftfahrzeuge über 3,5 t"),  # Zeichen 253
        (42, "Ende des Überholverbots für Kraftfahrzeuge über 3,5 t"),  # Zeichen 281
    ],
)
def test_german_names_are_those_of_the_stvo(class_id, name):
    assert CLASS_NAMES["de"][class_id] == name


def test_names_are_there_in_every_language_and_no_other():
    assert list(CLASS_NAMES) == list(languages())
    assert (CLASS_NAMES["de"][14], CLASS_NAMES["en"][14]) == ("Halt! Vorfahrt gewähren", "Stop")
    assert "qq" not in CLASS_NAMES


def test_a_language_that_a_model_lacks_has_gtsrbs_names_for_gtsrbs_classes_alone():
    own = {"fr": ["chat", "chien"]}
    assert names_in({"en": CLASS_NAMES["en"]}, "de") == CLASS_NAMES["de"]
    assert names_in({"en": [*CLASS_NAMES["en"][:-1], "mine"]}, "de")[-1] == "mine"
    assert names_in(own, "de") == names_in(own, "fr") == ["chat", "chien"]
    assert names_in({"en": ["cat"], "de": ["Katze"]}, "de") == ["Katze"]
    assert names_in({}, "de") == ()


def test_a_class_without_a_name_is_told_by_its_number():
    assert [unnamed_class(7, language) for language in ("de", "en")] == ["Klasse 7", "class 7"]
