import re

import pytest

from xaisigns.data.classes import CLASSES

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
    assert [sign.id for sign in CLASSES] == list(range(43))
    for sign, word in zip(CLASSES, words.split(), strict=True):
        assert word in re.split(r"[ :!-]+|, ", re.sub(r"[()]", "", sign.name(language).lower()))


@pytest.mark.parametrize("language", ["de", "en"])
def test_no_two_classes_have_the_same_name(language):
    assert len({sign.name(language) for sign in CLASSES}) == 43


@pytest.mark.parametrize("sign", CLASSES, ids=lambda sign: sign.english)
def test_german_and_english_tell_the_same(sign):
    assert re.findall(r"[\d.]+", sign.german.replace(",", ".")) == re.findall(r"[\d.]+", sign.english)
    for german, english in (("links", "left"), ("rechts", "right"), ("Ende ", "End ")):
        assert (german in sign.german) == (english in sign.english)


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
    assert CLASSES[class_id].german == name


def test_the_name_comes_in_the_wanted_language():
    assert (CLASSES[14].name("de"), CLASSES[14].name("en")) == ("Halt! Vorfahrt gewähren", "Stop")
