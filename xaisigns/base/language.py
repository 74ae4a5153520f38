"""Which languages are spoken, and what each one's catalogue says."""

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from xaisigns.errors import LanguageError

Language = str  # the code of a language, as its catalogue is named: "de", "en"

LANGUAGE_VARIABLE = "XAISIGNS_LANG"
_CATALOGUES = files("xaisigns.base") / "languages"


@cache
def languages() -> tuple[Language, ...]:
    """The codes of all languages: a catalogue for each, ``languages/CODE.toml`` beside this file."""
    return tuple(
        sorted(file.name.removesuffix(".toml") for file in _CATALOGUES.iterdir() if file.name.endswith(".toml"))
    )


@cache
def catalogue(language: Language) -> Mapping[str, Any]:
    """A language's catalogue: how it writes numbers and dates, and a table of texts for each room of the package."""
    return tomllib.loads((_CATALOGUES / f"{language}.toml").read_text(encoding="utf-8"))


def chosen_language(language: Language | None = None) -> Language:
    """The language that was asked for, else that of the variable XAISIGNS_LANG, else English.

    Raises LanguageError for one without a catalogue.
    """
    said = (os.environ.get(LANGUAGE_VARIABLE) or "en") if language is None else language
    if said not in languages():
        what = LANGUAGE_VARIABLE if language is None else "language"
        raise LanguageError(f"{what} must be {' or '.join(languages())}, got {said!r}")
    return said
