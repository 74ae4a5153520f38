"""What every command shares: options, progress bars on stderr, one JSON document or a table on stdout."""

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer
from rich import progress as rich_progress
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xaisigns.base.documents import json_text
from xaisigns.base.language import LANGUAGE_VARIABLE, Language, languages
from xaisigns.base.numbers import percent, written
from xaisigns.base.printable import printable
from xaisigns.base.progress import Progress
from xaisigns.base.texts import Texts
from xaisigns.cli.words import WORDS
from xaisigns.errors import OutputError

if TYPE_CHECKING:
    from xaisigns.data.preprocessing import RGB
    from xaisigns.model.explainable import Explainable

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else there.")]
if TYPE_CHECKING:
    _Language = str
else:
    _Language = Literal[languages()]  # from which Typer takes the choices
Lang = Annotated[
    _Language,
    typer.Option("--lang", envvar=LANGUAGE_VARIABLE, help="Language of names, tables, pictures and reports."),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files that xaisigns did not write, too.")]
Model = Annotated[str, typer.Option("--model", help="clean, stickered, or a model file.")]
Composite = Annotated[str, typer.Option(help="Rules by layer type; 'xaisigns rules' tells which there are.")]
RuleFile = Annotated[
    Path | None,
    typer.Option("--rules", metavar="FILE", help="TOML file of rules over the composite.", show_default=False),
]
InputSize = Annotated[
    int | None,
    typer.Option(
        min=32,
        max=1024,
        metavar="PIXELS",
        help="For a checkpoint trained elsewhere: pixels on each side.",
        show_default=False,
    ),
]
Mean = Annotated[
    str | None, typer.Option(metavar="R,G,B", help="Likewise: mean of the pixels, in 0..1.", show_default=False)
]
Std = Annotated[
    str | None, typer.Option(metavar="R,G,B", help="Likewise: their standard deviation.", show_default=False)
]
MaxPixels = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=1,
        help="An image with more pixels (a WebP: than half) is skipped; each takes 4 bytes and more of memory.",
    ),
]
_ROOT = "Folder with GTSRB (official, Kaggle or torchvision layout), or your own images in train/CLASS and test/CLASS."
Root = Annotated[Path, typer.Argument(metavar="ROOT", help=_ROOT, show_default=False)]
OptionalRoot = Annotated[
    Path | None,
    typer.Argument(metavar="[ROOT]", help=f"{_ROOT} Without it: signs drawn by the package.", show_default=False),
]

Methods = Annotated[
    str,
    typer.Option(
        metavar="SPEC,...",
        help="Methods with their options, such as lrp,occlusion:window=4, or a set: default, composites, all. "
        "'xaisigns methods' tells which there are.",
    ),
]
Masks = Annotated[
    Literal["sticker", "roi"] | None,
    typer.Option(
        help="What should be pointed at: the sticker, on images that it turns into its class, or the sign. Without it: "
        "the sticker, for a model that was trained with stickers.",
        show_default=False,
    ),
]
OptionalImages = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[IMAGE]...", help="Image files. Without any: four signs drawn by the package.", show_default=False
    ),
]


def load(model: str, input_size: int | None, mean: str | None, std: str | None) -> "Explainable":
    """The model that the options name."""
    from xaisigns.model.checkpoint import load_model
    from xaisigns.model.explainable import Preprocessing

    if input_size is None and mean is None and std is None:
        return load_model(model)
    if input_size is None or mean is None or std is None:
        raise typer.BadParameter("--input-size, --mean and --std go together: give all three")
    return load_model(model, Preprocessing(input_size, _rgb(mean, "--mean"), _rgb(std, "--std")))


def _rgb(text: str, option: str) -> "RGB":
    with suppress(ValueError):
        red, green, blue = map(float, text.split(","))
        if all(map(math.isfinite, (red, green, blue))):
            return red, green, blue
    raise typer.BadParameter(f"wanted three numbers such as 0.35,0.31,0.33, got {text!r}", param_hint=option)


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
    """From now on, a character that stdout or stderr cannot encode is replaced."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) in ("strict", "surrogateescape"):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


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


def or_rendered(root: Path | None, progress: Progress) -> Path:
    """The folder that was named, or that of the drawn signs."""
    from xaisigns.data.drawn.sign_set import default_rendered_set

    return root or default_rendered_set(progress)


def or_examples(images: list[Path] | None) -> list[Path]:
    """The image files that were named, or those of the four example signs."""
    from xaisigns.data.drawn.examples import example_files

    return images or example_files()


def target_class(text: str) -> int | Literal["predicted"]:
    """What --target says: a class number, or the predicted class."""
    if text == "predicted":
        return "predicted"
    number = class_number(text)
    if number is None:
        raise typer.BadParameter(f"wanted 'predicted' or a class number, got {text!r}", param_hint="--target")
    return number


def class_number(text: str) -> int | None:
    """The number that the digits 0 to 9 say; None for any other text, and for more than nine of them."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def tell_skipped(skipped: list[dict[str, str]]) -> None:
    """Name each image that was skipped on stderr; exit with 1 where there is one."""
    for one in skipped:
        reason = one["error"].removeprefix(one["image"]).removeprefix(":").strip()
        tell(f"xaisigns: skipped {one['image']}: {reason}")
    if skipped:
        raise typer.Exit(1)
