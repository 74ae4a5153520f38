"""Which languages are spoken, and what each one's catalogue says."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
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
    """A language's catalogue: how it writes numbers and dates, and a table of texts for each room of the package.

    Raises LanguageError where its file is no TOML.
    """
    return read_texts(_CATALOGUES / f"{language}.toml")


def read_texts(file: Traversable) -> dict[str, Any]:
    """The tables of a file of texts. Raises LanguageError for one that is no TOML in UTF-8."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LanguageError(f"{file} is no TOML in UTF-8: {error}; mend it") from error


def written_form(language: Language, what: str) -> Any:
    """How the language writes ``what`` of numbers or dates. Raises LanguageError where its catalogue does not say."""
    try:
        return catalogue(language)["format"][what]
    except KeyError:
        raise missing_texts(language, [f"format.{what}"]) from None


def missing_texts(language: Language, names: Sequence[str]) -> LanguageError:
    """The error for all that a catalogue lacks, each by ROOM.KEY."""
    add = "add it" if len(names) == 1 else "add them"
    return LanguageError(f"the language {language!r} has no text {', '.join(names)}; {add} to its catalogue")


def chosen_language(language: Language | None = None) -> Language:
    """The language that was asked for, else that of the variable XAISIGNS_LANG, else English.

    Raises LanguageError for one without a catalogue.
    """
    said = (os.environ.get(LANGUAGE_VARIABLE) or "en") if language is None else language
    if said not in languages():
        what = LANGUAGE_VARIABLE if language is None else "language"
        raise LanguageError(f"{what} must be {' or '.join(languages())}, got {said!r}")
    return said
