"""Which language is spoken."""

import pytest

from xaisigns.base.language import catalogue, chosen_language, languages, read_texts, written_form
from xaisigns.errors import LanguageError


def test_there_is_a_language_for_each_catalogue():
    assert {"de", "en"} <= set(languages())
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


@pytest.mark.parametrize("name", ["qq", "DE", "de_DE.UTF-8", " en"])
def test_another_language_is_refused(name, monkeypatch):
    with pytest.raises(LanguageError, match=f"language must be de or en.*, got {name!r}"):
        chosen_language(name)
    monkeypatch.setenv("XAISIGNS_LANG", name)
    with pytest.raises(LanguageError, match=f"XAISIGNS_LANG must be de or en.*, got {name!r}"):
        chosen_language()


def test_how_a_language_writes_is_told_or_missed_by_name(foreign, tmp_path):
    assert (written_form("de", "decimal"), written_form("xx", "decimal")) == (",", "'")
    with pytest.raises(LanguageError, match=r"the language 'de' has no text format\.nothing; add it to its catalogue"):
        written_form("de", "nothing")
    catalogue.cache_clear()
    (tmp_path / "languages/xx.toml").write_text('[cli]\nimage = "image"\n', encoding="utf-8")
    with pytest.raises(LanguageError, match=r"the language 'xx' has no text format\.decimal"):
        written_form("xx", "decimal")


@pytest.mark.parametrize("content", [b"[cli", b"a = '\xff'"])
def test_a_broken_catalogue_is_named(content, tmp_path):
    (tmp_path / "fr.toml").write_bytes(content)
    with pytest.raises(LanguageError, match=r"fr\.toml is no TOML in UTF-8: .*; mend it"):
        read_texts(tmp_path / "fr.toml")
