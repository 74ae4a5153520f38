"""Texts by language: what each catalogue says, and what a thing carries with it."""

import pickle
import re

import pytest

from tests.catalogues import every_text, flaws
from xaisigns.base.language import catalogue, languages
from xaisigns.base.texts import Texts, own_text
from xaisigns.errors import LanguageError

# What is called the same in both languages.
SHARED = """
    ablation auc audit backprop backpropagation bfloat bias cam composite deeplift edges ellipse esc feature finger
    flipping gamma gates gini grad gradient gradients guided heatmap heatmaps index integrated kaggle kernel linear
    link logit logits lrp metrics name occlusion pixel png positive python relu saliency score shap shapley slic
    smoothgrad sobel spearman ssim superpixel system test torchvision training uniform was xaisigns"""


@pytest.mark.parametrize("language", languages())
def test_a_language_has_every_text_with_the_same_blanks(language):
    found = flaws(every_text(language), every_text("en"))
    assert not found, "\n".join(found)


def test_what_a_language_lacks_and_has_too_much_is_named():
    english = {"cli.images": "{count} images", "cli.of": "of {expected}", "format.months": ["January"] * 12}
    french = {"cli.images": "images", "cli.du": "du", "format.months": ["janvier"] * 11}
    assert flaws(french, english) == [
        "cli.of is missing",
        "cli.du is unknown",
        "cli.images has the blanks [], wanted ['count']",
        "format.months has the blanks 11, wanted 12",
    ]


def test_no_english_is_left_in_german():
    german = every_text("de")
    for key, english in every_text("en").items():
        if isinstance(english, str):
            same = set(words_of(english)) & set(words_of(german[key]))
            assert same - set(SHARED.split()) == set(), key


def words_of(text):
    """Words of three letters or more that are no blank and no name that one types, such as NAME:option=value."""
    return re.findall(r"[a-zäöüß]{3,}", re.sub(r"{\w+}|\S*[:=_]\S+", "", text.casefold()))


def test_a_single_thing_has_its_own_text():
    told = [Texts("cli").counted("images", count, "de") for count in (0, 1, 2, 39209)]
    assert told == ["0 Bilder", "1 Bild", "2 Bilder", "39\u202f209 Bilder"]


def test_what_a_catalogue_says_wins_over_the_text_of_a_package(tmp_path, monkeypatch):
    (tmp_path / "brings_texts").mkdir()
    (tmp_path / "brings_texts/__init__.py").touch()
    (tmp_path / "brings_texts/de.toml").write_text('image = "Foto"\nnew = "neu: {what}"\n', encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    both = Texts("cli", "brings_texts")
    assert both("image", "de") == Texts("cli")("image", "de") == catalogue("de")["cli"]["image"] == "Bild"
    assert both("new", "de", what="{x}") == "neu: {x}"
    assert Texts("brought", "brings_texts")("image", "de") == "Foto"


def test_a_text_that_a_language_lacks_is_named():
    for texts, key in ((Texts("cli"), "nothing"), (Texts("cli.deeper"), "image"), (Texts("nowhere"), "image")):
        with pytest.raises(LanguageError, match=rf"the language 'de' has no text {texts.room}\.{key}; add it to its"):
            texts(key, "de")


def test_all_that_a_room_lacks_is_named_at_once(foreign, tmp_path):
    lacking = re.sub(r'(?m)^"(image|heatmap)" = .*\n', "", (tmp_path / "languages/xx.toml").read_text(encoding="utf-8"))
    (tmp_path / "languages/xx.toml").write_text(lacking, encoding="utf-8")
    pictures = Texts("pictures")
    assert pictures.missing("de") == []
    assert pictures.missing(foreign) == ["pictures.image", "pictures.heatmap"]
    message = "^the language 'xx' has no text pictures.heatmap, pictures.image; add them to its catalogue$"
    with pytest.raises(LanguageError, match=message):
        pictures("heatmap", foreign)


def test_a_thing_carries_its_text_into_another_process():
    carried = pickle.loads(pickle.dumps([Texts("cli").text("image"), own_text({"de": "meins"}), own_text("mine")]))
    assert [text("de") for text in carried] == ["Bild", "meins", "mine"]


def test_a_text_of_ones_own_is_for_every_language_or_for_each():
    assert {own_text("mine")(language) for language in ("en", "de", "fr")} == {"mine"}
    both = own_text({"de": "meins", "en": "mine"})
    assert [both(language) for language in ("en", "de", "fr")] == ["mine", "meins", "meins"]


@pytest.mark.parametrize("text", [None, 5, {}, {"en": 5}, ["mine"]])
def test_what_is_no_text_is_refused(text):
    with pytest.raises(LanguageError, match="wanted a text, or one for each language such as"):
        own_text(text)
