"""Every text of the package by language, and a language that is made up: English in Cyrillic letters."""

import json
import re
import string
import tomllib
from functools import cache
from pathlib import Path

from xaisigns.base import language as spoken
from xaisigns.base import texts

PACKAGE = Path(spoken.__file__).parents[1]
CATALOGUES = PACKAGE / "base/languages"
FOREIGN = "xx"
# None of it looks as in English: 1'234,5 would be 1.234'5 there.
_FORMAT = {"decimal": "'", "thousands": "_", "percent": "٪"}
_LETTERS = str.maketrans(
    string.ascii_letters, "".join(chr(start + place) for start in (0x430, 0x410) for place in range(26))
)


def every_text(code):
    """The texts of a language by "ROOM.KEY", those that parts of the package bring themselves among them."""
    found = {}
    for path in PACKAGE.rglob(f"{code}.toml"):
        if path.parent != CATALOGUES:
            parts = path.parent.relative_to(PACKAGE).parts
            room = ".".join(dict.fromkeys((parts[0], parts[-1])))
            found.update(_flat(tomllib.loads(path.read_text(encoding="utf-8")), f"{room}."))
    found.update(_flat(tomllib.loads((CATALOGUES / f"{code}.toml").read_text(encoding="utf-8"))))
    return found


def _flat(table, room=""):
    found = {}
    for key, value in table.items():
        inner = _flat(value, f"{room}{key}.") if isinstance(value, dict) else {f"{room}{key}": value}
        found.update(inner)
    return found


def blanks(text):
    return sorted(re.findall(r"{(\w+)}", text)) if isinstance(text, str) else len(text)


def flaws(language, reference):
    """What the texts of a language, as ``every_text`` gives them, lack or have too much against English."""
    found = [f"{key} is missing" for key in reference if key not in language]
    found += [f"{key} is unknown" for key in language if key not in reference]
    found += [
        f"{key} has the blanks {blanks(language[key])}, wanted {blanks(text)}"
        for key, text in reference.items()
        if key in language and blanks(language[key]) != blanks(text)
    ]
    return found


def in_cyrillic(text):
    """The text with its letters and numbers exchanged, but not its blanks: what is left of English is easily found."""
    if not isinstance(text, str):
        return [in_cyrillic(one) for one in text]
    text = re.sub(r"(?<=\d)\.(?=\d)", _FORMAT["decimal"], text).replace("%", _FORMAT["percent"])
    return "".join(part if part.startswith("{") else part.translate(_LETTERS) for part in re.split(r"({\w+})", text))


@cache
def _foreign_catalogue():
    rooms = {}
    for key, text in every_text("en").items():
        room, _, name = key.rpartition(".")
        rooms.setdefault(room, {})[name] = (
            _FORMAT.get(name, in_cyrillic(text)) if room == "format" else in_cyrillic(text)
        )
    lines = []
    for room, table in rooms.items():
        lines += [f"[{room}]", *(f"{json.dumps(name)} = {json.dumps(text)}" for name, text in table.items())]
    return "\n".join(lines)


def left_of_english(text, names=()):
    """Words and numbers of a text in the made-up language that are English, but for ``names`` and what one types.

    That is what stands in a path or behind an option, and what has a = in it.
    """
    told = re.sub(r"\S*/\S*|--\S+|\S*=\S*", "", text)
    words = set(re.findall(r"[A-Za-z]{2,}", told)) - set(re.findall(r"[A-Za-z]{2,}", " ".join(names)))
    return words | set(re.findall(r"\d[.,]\d+|\d+[\s\u202f]?%", told))


def speak_foreign(monkeypatch, folder):
    """Make the language known: one new file, as for any other."""
    for path in CATALOGUES.glob("*.toml"):
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / f"{FOREIGN}.toml").write_text(_foreign_catalogue(), encoding="utf-8")
    monkeypatch.setattr(spoken, "_CATALOGUES", folder)


def forget_languages():
    for kept in (spoken.languages, spoken.catalogue, texts._table):
        kept.cache_clear()
