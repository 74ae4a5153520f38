"""All that people read, by language: a catalogue for each, and the texts that a part of the package brings itself.

The catalogue of a language has a table of texts for each room of the package. A folder such as that of a report's
section may have its own texts, ``CODE.toml`` in it; what the catalogue says wins. A further language is one new file.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib.resources import files
from typing import Any

from xaisigns.base.bounds import shown
from xaisigns.base.language import Language, catalogue, missing_texts, read_texts
from xaisigns.base.numbers import whole
from xaisigns.errors import LanguageError

Text = Callable[[Language], str]  # a text that a thing carries with it, such as a method's description


class Texts:
    """The texts of a ``room``, a table of the catalogue such as "report.scores"; ``package`` may have more of them.

    Raises LanguageError, where a text is asked for, when the language has none; it names all that the room lacks.
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

    def text(self, key: str) -> Text:
        """The text for a thing to carry with it, in whichever language it is asked for."""
        return partial(self, key)

    def all(self, language: Language) -> Mapping[str, str]:
        """Every text of the room, by key; for templates, which look up their own."""
        return _table(self.room, self.package, language)

    def missing(self, language: Language) -> list[str]:
        """What English has and the language has not, each by ROOM.KEY."""
        known = self.all(language)
        return [f"{self.room}.{key}" for key in self.all("en") if key not in known]


def own_text(text: str | Mapping[Language, str]) -> Text:
    """A text of the caller's own for a thing to carry: one for every language, or one for each.

    A language without one gets the first. Raises LanguageError for anything else.
    """
    texts = {"": text} if isinstance(text, str) else text
    if not isinstance(texts, Mapping) or not texts or not all(isinstance(one, str) for one in texts.values()):
        raise LanguageError(
            f"wanted a text, or one for each language such as {{'en': ..., 'de': ...}}, got {shown(text)}"
        )
    return partial(_own, dict(texts))


def _own(texts: Mapping[Language, str], language: Language) -> str:
    return texts.get(language) or next(iter(texts.values()))


class _Table(dict[str, str]):
    def __init__(self, own: Texts, language: Language, texts: Mapping[str, str]) -> None:
        super().__init__(texts)
        self._own, self._language = own, language

    def __missing__(self, key: str) -> str:
        asked = f"{self._own.room}.{key}"
        raise missing_texts(self._language, list(dict.fromkeys([asked, *self._own.missing(self._language)])))


@cache
def _table(room: str, package: str | None, language: Language) -> _Table:
    table: Mapping[str, Any] = catalogue(language)
    for part in room.split("."):
        table = table.get(part, {})
    own = files(package) / f"{language}.toml" if package else None
    texts = read_texts(own) if own and own.is_file() else {}
    return _Table(
        Texts(room, package), language, {key: text for key, text in {**texts, **table}.items() if isinstance(text, str)}
    )
