"""Which language is spoken."""

import pytest

from xaisigns.base.language import catalogue, chosen_language, languages
from xaisigns.errors import LanguageError


def test_there_is_a_language_for_each_catalogue():
    assert languages() == ("de", "en")
    assert all(catalogue(language)["format"]["decimal"] for language in languages())


def test_the_argument_wins_over_the_variable_and_that_over_english(monkeypatch):
    assert chosen_language() == "en"
    monkeypatch.setenv("XAISIGNS_LANG", "")
    assert chosen_language() == "en"
    monkeypatch.setenv("XAISIGNS_LANG", "de")
    assert chosen_language() == "de"
    assert chosen_language("en") == "en"
    monkeypatch.setenv("XAISIGNS_LANG", "nonsense")
    assert chosen_language("de") == "de"


@pytest.mark.parametrize("name", ["fr", "DE", "de_DE.UTF-8", " en"])
def test_another_language_is_refused(name, monkeypatch):
    with pytest.raises(LanguageError, match=f"language must be de or en, got {name!r}"):
        chosen_language(name)
    monkeypatch.setenv("XAISIGNS_LANG", name)
    with pytest.raises(LanguageError, match=f"XAISIGNS_LANG must be de or en, got {name!r}"):
        chosen_language()
