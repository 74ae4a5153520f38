"""All that people read, by language: a catalogue for each, and the texts that a part of the package brings itself.

The catalogue of a language is ``languages/CODE.toml`` beside this file: how it writes numbers, and a table of texts for
each room of the package. A folder such as that of a report's section may have its own texts, ``CODE.toml`` in it; what
the catalogue says wins. A further language is one new file.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from xaisigns.base.language import Language, whole
from xaisigns.errors import LanguageError


class Texts:
    """The texts of a ``room``, a table of the catalogue such as "report.scores"; ``package`` may have more of them.

    Raises LanguageError, where a text is asked for, when the language has none.
    """

    def __init__(self, room: str, package: str | None = None) -> None:
        self.room, self.package = room, package

    def __call__(self, key: str, language: Language, **blanks: Any) -> str:
        """The text with its blanks filled."""
        text = self.all(language).get(key)
        if text is None:
            raise LanguageError(f"the language {language!r} has no text {self.room}.{key}; add it to its catalogue")
        return text.format(**blanks) if blanks else text

    def counted(self, key: str, count: int, language: Language, **blanks: Any) -> str:
        """The text with ``{count}`` and its other blanks filled; of a single thing it is the text ``key_one``."""
        return self(f"{key}_one" if count == 1 else key, language, count=whole(count, language), **blanks)

    def all(self, language: Language) -> Mapping[str, str]:
        """Every text of the room, by key."""
        return _table(self.room, self.package, language)


@cache
def _table(room: str, package: str | None, language: Language) -> Mapping[str, str]:
    table: Mapping[str, Any] = _catalogue(language)
    for part in room.split("."):
        table = table.get(part, {})
    own = {} if package is None else _read(package, f"{language}.toml")
    return {key: text for key, text in {**own, **table}.items() if isinstance(text, str)}


@cache
def _catalogue(language: Language) -> Mapping[str, Any]:
    return _read("xaisigns.base", "languages", f"{language}.toml")


def _read(package: str, *place: str) -> Mapping[str, Any]:
    file = files(package).joinpath(*place)
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
