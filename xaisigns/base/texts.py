"""All that people read, by language: a catalogue for each, and the texts that a part of the package brings itself.

The catalogue of a language has a table of texts for each room of the package. A folder such as that of a report's
section may have its own texts, ``CODE.toml`` in it; what the catalogue says wins. A further language is one new file.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from xaisigns.base.language import Language, catalogue
from xaisigns.base.numbers import whole
from xaisigns.errors import LanguageError


class Texts:
    """The texts of a ``room``, a table of the catalogue such as "report.scores"; ``package`` may have more of them.

    Raises LanguageError, where a text is asked for, when the language has none.
    """

    def __init__(self, room: str, package: str | None = None) -> None:
        self.room, self.package = room, package

    def __call__(self, key: str, language: Language, **blanks: Any) -> str:
        """The text with its blanks filled."""
        text = self.all(language)[key]
        return text.format(**blanks) if blanks else text

    def counted(self, key: str, count: int, language: Language, **blanks: Any) -> str:
        """The text with ``{count}`` and its other blanks filled; of a single thing it is the text ``key_one``."""
        return self(f"{key}_one" if count == 1 else key, language, count=whole(count, language), **blanks)

    def all(self, language: Language) -> Mapping[str, str]:
        """Every text of the room, by key."""
        return _table(self.room, self.package, language)


class Text(NamedTuple):
    """What people read, in both languages."""

    en: str
    de: str

    def told(self, language: Language) -> str:
        """The text in the wanted language."""
        return self.de if language == "de" else self.en


class _Table(dict[str, str]):
    def __init__(self, room: str, language: Language, texts: Mapping[str, str]) -> None:
        super().__init__(texts)
        self._where = room, language

    def __missing__(self, key: str) -> str:
        room, language = self._where
        raise LanguageError(f"the language {language!r} has no text {room}.{key}; add it to its catalogue")


@cache
def _table(room: str, package: str | None, language: Language) -> _Table:
    table: Mapping[str, Any] = catalogue(language)
    for part in room.split("."):
        table = table.get(part, {})
    own = files(package) / f"{language}.toml" if package else None
    texts = tomllib.loads(own.read_text(encoding="utf-8")) if own and own.is_file() else {}
    return _Table(room, language, {key: text for key, text in {**texts, **table}.items() if isinstance(text, str)})
