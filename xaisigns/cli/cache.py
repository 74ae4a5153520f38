"""xaisigns cache: what is stored of earlier work, and how to remove it."""

from typing import Annotated, Any

import typer
from rich.table import Table

from xaisigns.base.language import Language
from xaisigns.base.numbers import number, whole
from xaisigns.cli.terminal import Json, Lang, print_json, print_table, say
from xaisigns.cli.words import WORDS

app = typer.Typer(help="See what is stored of earlier work, or remove it.", no_args_is_help=True)

_UNITS = ("B", "kB", "MB", "GB", "TB")


@app.command()
def info(lang: Lang = "en", json: Json = False) -> None:
    """Tell what is in the cache, where it is, and how large it may become (XAISIGNS_CACHE_LIMIT, such as 4GB)."""
    from xaisigns.base.cache_folder import by_kind, cache_folder, cache_limit, contents

    folder, limit = cache_folder(), cache_limit()
    kinds = by_kind(contents(folder))
    size = sum(row["size"] for row in kinds.values())
    if json:
        print_json({"folder": str(folder), "limit": limit, "size": size, "kinds": kinds})
        return
    if kinds:
        _print_kinds(kinds, lang)
    say(WORDS("cache", lang, folder=folder, size=_size(size, lang), limit=_size(limit, lang)))


@app.command()
def clear(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[KIND]", help="Only what is of this kind, as 'info' names it.", show_default=False),
    ] = None,
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Remove what is in the cache, and nothing else from its folder; it is made again when it is needed."""
    from xaisigns.base.cache_folder import by_kind, cache_folder, clear_cache

    removed = clear_cache(kind)
    kinds = by_kind(removed)
    if json:
        print_json({"folder": str(cache_folder()), "removed": kinds})
        return
    if kinds:
        _print_kinds(kinds, lang)
    size = _size(sum(row["size"] for row in kinds.values()), lang)
    say(WORDS.counted("cleared", len(removed), lang, folder=cache_folder(), size=size))


def _print_kinds(kinds: dict[str, Any], language: Language) -> None:
    words = WORDS.all(language)
    table = Table(words["kind"])
    for column in ("count", "size"):
        table.add_column(words[column], justify="right")
    for kind, row in kinds.items():
        table.add_row(kind, whole(row["count"], language), _size(row["size"], language))
    print_table(table)


def _size(count: int, language: Language) -> str:
    """Bytes as people read them."""
    power = min((len(str(count)) - 1) // 3, len(_UNITS) - 1)
    text = number(count / 1000**power, language) if power else whole(count, language)
    return f"{text} {_UNITS[power]}"
