"""What every command writes: progress bars on stderr, one JSON document or a table on stdout."""

import codecs
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TextIO

import typer
from rich import progress as rich_progress
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xaisigns.base.documents import json_text
from xaisigns.base.language import Language
from xaisigns.base.numbers import percent, written
from xaisigns.base.printable import printable
from xaisigns.base.progress import Progress
from xaisigns.base.texts import Texts
from xaisigns.cli.words import WORDS
from xaisigns.errors import OutputError

_REPLACED = "xaisigns.replaced"  # how a character is written that a stream cannot encode


class _Console(Console):
    """Writes texts as they are, whatever brackets and colons are in them, but for what a terminal would obey."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)
        if not self.is_terminal:
            self.width = 1000

    def render_str(self, text: str, **options: Any) -> Text:
        # Replaced before it is laid out: what stands for a wide character may be narrow.
        shown = printable(text).encode(self.encoding, "replace").decode(self.encoding)
        return super().render_str(shown, **options)


def never_fail_to_encode() -> None:
    """From now on, a character that stdout or stderr cannot encode is replaced, a minus by a hyphen."""

    def replaced(error: UnicodeError) -> tuple[str | bytes, int]:
        if isinstance(error, UnicodeEncodeError) and error.object[error.start] == "−":
            return "-", error.start + 1
        return codecs.replace_errors(error)

    codecs.register_error(_REPLACED, replaced)
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) in ("strict", "surrogateescape"):
            stream.reconfigure(errors=_REPLACED)  # type: ignore[union-attr]


def say(text: str) -> None:
    """One line on stdout."""
    with _stdout() as stream:
        stream.write(f"{printable(text)}\n")


def tell(text: str) -> None:
    """One line on stderr."""
    with suppress(OSError, AttributeError):  # a closed stderr: there is nobody to tell
        sys.stderr.write(f"{printable(text)}\n")
        sys.stderr.flush()


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    with _stdout() as stream:
        stream.write(json_text(document, encoding=stream.encoding or "utf-8") + "\n")


def print_table(table: Table) -> None:
    """A table on stdout, as wide as it needs to be where stdout is no terminal."""
    with _stdout():
        _Console().print(table)


def drop_unwritten() -> None:
    """Drop what cannot be written of stdout and stderr; else the interpreter would try at its end, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def answers(result: dict[str, Any]) -> list[tuple[list[str], dict[str, Any]]]:
    """The answers of a document about an image, each with the model's name, that of a single model with none."""
    if "answers" in result:
        return [([printed["model"]], printed) for printed in result["answers"]]
    return [([], result)]


def answers_table(results: Sequence[dict[str, Any]], columns: Sequence[str], language: Language) -> Table:
    """A table for a row for each answer about each image: the image, its model where there are several, ``columns``."""
    models = ["model"] if "answers" in results[0] else []
    return Table(*(WORDS(key, language) for key in ("image", *models, *columns)))


@contextmanager
def _stdout() -> Iterator[TextIO]:
    """Standard output; raises OutputError where it cannot be written."""
    if sys.stdout is None:
        raise OutputError("cannot write to standard output: it is closed; give it a file or a terminal")
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {error.strerror or error}") from error


@contextmanager
def bars(language: Language) -> Iterator[Progress]:
    """Progress bars on stderr, one for each work, only on a terminal."""
    console = _Console(stderr=True)
    columns = (
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.TextColumn("{task.percentage:>3.0f} %"),
        rich_progress.TimeRemainingColumn(),
        rich_progress.TextColumn("{task.fields[note]}", markup=False),
    )
    with rich_progress.Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        titles = Texts("progress").all(language)
        tasks: dict[str, rich_progress.TaskID] = {}

        def hear(work: str, done: int, total: int | None, /, **figures: float) -> None:
            if work not in tasks:
                title = titles.get(work, work)
                tasks[work] = shown.add_task(printable(title), total=None, note="")
            shown.update(tasks[work], completed=done, total=total, note=_note(figures, language))

        yield hear


def _note(figures: dict[str, float], language: Language) -> str:
    """What a training tells beside its bar."""
    if not figures:
        return ""
    loss, accuracy = written(f"{figures['loss']:.3f}", language), percent(figures["accuracy"], language, 2)
    return WORDS.all(language)["epoch"].format(epoch=figures["epoch"], loss=loss, accuracy=accuracy)


def tell_skipped(skipped: list[dict[str, str]]) -> None:
    """Name each image that was skipped on stderr; exit with 1 where there is one."""
    for one in skipped:
        reason = one["error"].removeprefix(one["image"]).removeprefix(":").strip()
        tell(f"xaisigns: skipped {one['image']}: {reason}")
    if skipped:
        raise typer.Exit(1)
