"""What people read: in which language, and how numbers and foreign names are written."""

import math
import os
import unicodedata
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from xaisigns.errors import LanguageError

Language = Literal["de", "en"]

LANGUAGE_VARIABLE = "XAISIGNS_LANG"
_KNOWN: dict[str, Language] = {"de": "de", "en": "en"}
# Control characters, invisible ones that format, halves of characters, breaks of lines and paragraphs.
_NOT_SHOWN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Text(NamedTuple):
    """What people read, in both languages."""

    en: str
    de: str

    def told(self, language: Language) -> str:
        """The text in the wanted language."""
        return self.de if language == "de" else self.en


def chosen_language(language: Language | None = None) -> Language:
    """The language that was asked for, else that of the variable XAISIGNS_LANG, else English.

    Raises LanguageError for any but de and en.
    """
    said = (os.environ.get(LANGUAGE_VARIABLE) or "en") if language is None else language
    if said not in _KNOWN:
        raise LanguageError(f"{LANGUAGE_VARIABLE if language is None else 'language'} must be de or en, got {said!r}")
    return _KNOWN[said]


def counted(words: Mapping[str, str], key: str, count: int, language: Language, **blanks: Any) -> str:
    """The text ``key`` with its ``{count}`` and other blanks filled; of a single thing it is the text ``key_one``."""
    return words[f"{key}_one" if count == 1 else key].format(count=whole(count, language), **blanks)


def number(value: float, language: Language) -> str:
    """Three significant digits, without an exponent from 0.001 to 10,000; a dash for what is no number."""
    if not math.isfinite(value):
        return "–"
    exponent = math.floor(math.log10(abs(value))) if value else 0
    if -3 <= exponent < 4:
        text = f"{value:.{max(0, 2 - exponent)}f}"
    else:
        mantissa, exponent_text = f"{value:.1e}".split("e")
        text = f"{mantissa}·10{str(int(exponent_text)).translate(_SUPERSCRIPT)}"
    return written(text.replace("-", "−"), language)


def percent(share: float | None, language: Language, digits: int = 1) -> str:
    """A share of 0..1; a dash for what is no number."""
    if share is None or not math.isfinite(share):
        return "–"
    unit = "\u202f%" if language == "de" else "%"
    return written(f"{share:.{digits}%}"[:-1], language) + unit


def printable(text: str) -> str:
    r"""The text in one line, with what a terminal would obey or hide written as Python escapes it: ESC as ``\x1b``.

    That is of control characters, of those that turn the direction or have no width, and of halves of characters, which
    stand for bytes in file names that are no UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _NOT_SHOWN else char
        for char in text
    )


def whole(value: int, language: Language) -> str:
    """A count with its thousands apart."""
    return f"{value:,}".replace(",", "\u202f" if language == "de" else ",")


def written(digits: str, language: Language) -> str:
    """A number that Python wrote, with the language's decimal mark."""
    return digits.replace(".", ",") if language == "de" else digits
