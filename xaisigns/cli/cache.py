"""xaisigns cache: what is stored of earlier work, and how to remove it."""

from typing import Annotated, Any

import typer
from rich.table import Table

from xaisigns.base.language import Language
from xaisigns.base.numbers import number, whole
from xaisigns.cli.examples import examples
from xaisigns.cli.options import Output, with_groups
from xaisigns.cli.terminal import print_table, say
from xaisigns.cli.words import WORDS

app = typer.Typer(
    help="See what is stored of earlier work, or remove it.",
    epilog=examples("cache"),
    no_args_is_help=True,
)

_UNITS = ("B", "kB", "MB", "GB", "TB")


@app.command(epilog=examples("cache info"))
@with_groups
def info(*, output: Output) -> None:
    """Show what is in the cache, where it is, and how large it may become (XAISIGNS_CACHE_LIMIT, such as 4GB)."""
    from xaisigns.base.cache_folder import by_kind, cache_folder, cache_limit, contents

    folder, limit = cache_folder(), cache_limit()
    kinds = by_kind(contents(folder))
    size = sum(row["size"] for row in kinds.values())
    output.show({"folder": str(folder), "limit": limit, "size": size, "kinds": kinds}, _print_info)


def _print_info(document: dict[str, Any], language: Language) -> None:
    _print_kinds(document["kinds"], language)
    size, limit = (_size(document[key], language) for key in ("size", "limit"))
    say(WORDS("cache", language, folder=document["folder"], size=size, limit=limit))


@app.command(epilog=examples("cache clear"))
@with_groups
def clear(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[KIND]", help="Only what is of this kind, as 'info' names it.", show_default=False),
    ] = None,
    *,
    output: Output,
) -> None:
    """Remove what is in the cache, and nothing else from its folder; it is made again when it is needed."""
    from xaisigns.base.cache_folder import by_kind, cache_folder, clear_cache

    removed = by_kind(clear_cache(kind))
    output.show({"folder": str(cache_folder()), "removed": removed}, _print_removed)


def _print_removed(document: dict[str, Any], language: Language) -> None:
    removed = document["removed"]
    _print_kinds(removed, language)
    count, size = (sum(row[key] for row in removed.values()) for key in ("count", "size"))
    say(WORDS.counted("cleared", count, language, folder=document["folder"], size=_size(size, language)))


def _print_kinds(kinds: dict[str, Any], language: Language) -> None:
    if not kinds:
        return
    table = Table(WORDS("kind", language))
    for column in ("count", "size"):
        table.add_column(WORDS(column, language), justify="right")
    for kind, row in kinds.items():
        table.add_row(kind, whole(row["count"], language), _size(row["size"], language))
    print_table(table)


def _size(count: int, language: Language) -> str:
    """Bytes as people read them."""
    power = min((len(str(count)) - 1) // 3, len(_UNITS) - 1)
    text = number(count / 1000**power, language) if power else whole(count, language)
    return f"{text} {_UNITS[power]}"
