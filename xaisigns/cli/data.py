"""xaisigns data: fetch GTSRB, look at a data set, put stickers on it, or draw signs instead."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from xaisigns.base.bounds import LARGEST_PER_CLASS, LARGEST_SIDE, SMALLEST_SIDE
from xaisigns.base.language import Language
from xaisigns.base.numbers import whole
from xaisigns.cli.examples import examples
from xaisigns.cli.options import Output, Root, Seed, StickerClass, with_groups
from xaisigns.cli.terminal import print_table, say
from xaisigns.cli.words import WORDS

app = typer.Typer(
    help="Fetch GTSRB, look at a data set, put stickers on it, or draw signs.",
    epilog=examples("data"),
    no_args_is_help=True,
)


@app.command(epilog=examples("data download"))
@with_groups
def download(
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="Folder to put GTSRB in.", show_default=False)],
    *,
    output: Output,
) -> None:
    """Fetch, check and unpack the three official archives; resumes where it stopped."""
    from xaisigns.data.download import ARCHIVES
    from xaisigns.data.download import download as fetch

    with output.bars() as progress:
        fetch(root, ARCHIVES, progress)
    _tell(root, output)


@app.command(epilog=examples("data info"))
@with_groups
def info(root: Root, *, output: Output) -> None:
    """Show what is there: layout, images and tracks of each split, and stickers."""
    _tell(root, output)


def _tell(root: Path, output: Output) -> None:
    from xaisigns.data.inventory import inventory

    output.show(inventory(root), _print_inventory)


def _print_inventory(found: dict[str, Any], language: Language) -> None:
    from xaisigns.data.classes import CLASS_NAMES

    for split, what in found["splits"].items():
        told = what["missing"] if "missing" in what else _told(what, bool(found["rendered"]), language)
        say(f"{WORDS(split, language)}: {told}")
    if found["class_names"] != CLASS_NAMES["en"]:
        names = ", ".join(f"{class_id} {name}" for class_id, name in enumerate(found["class_names"]))
        say(WORDS("class_names", language, names=names))


@app.command(epilog=examples("data layouts"))
@with_groups
def layouts(*, output: Output) -> None:
    """List the layouts that a data set may have, in the order in which they are tried; plugins may bring more."""
    from xaisigns.data.layouts import LAYOUTS

    rows: list[dict[str, Any]] = [
        {"name": name, "description": layout.description(output.lang), "expected": dict(layout.expected)}
        for name, layout in reversed(list(LAYOUTS.items()))
    ]
    output.show({"layouts": rows}, _print_layouts)


def _print_layouts(document: dict[str, Any], language: Language) -> None:
    table = Table(*(WORDS(key, language) for key in ("name", "layout", "complete")))
    for row in document["layouts"]:
        counts = [f"{WORDS(split, language)} {whole(count, language)}" for split, count in row["expected"].items()]
        table.add_row(row["name"], row["description"], ", ".join(counts))
    print_table(table)


@app.command(epilog=examples("data sticker"))
@with_groups
def sticker(
    root: Root,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the copy.", show_default=False)],
    class_id: Annotated[int, typer.Option("--class", help="Class whose images get stickers.")] = 4,
    fraction: Annotated[float, typer.Option(min=0, max=1, help="Share of its images that get one.")] = 1.0,
    seed: Seed = 0,
    split: Annotated[Literal["train", "test", "all"], typer.Option(help="Images that get stickers.")] = "train",
    *,
    output: Output,
) -> None:
    """Write a copy of the data set with black stickers on one class, their exact masks, and manifest.json."""
    from xaisigns.data.manipulation import Manipulation, write_manipulated_copy

    with output.bars() as progress:
        manipulation = Manipulation(class_id, fraction, seed)
        manifest = write_manipulated_copy(root, out, manipulation, split, progress)
    output.show(_summary(manifest, out), partial(_print_copy, "images"))


@app.command(epilog=examples("data render"))
@with_groups
def render(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the drawn signs.", show_default=False)],
    per_class: Annotated[
        int, typer.Option(min=1, max=LARGEST_PER_CLASS, help="Training images per class; a third as many for testing.")
    ] = 60,
    seed: Seed = 0,
    size: Annotated[int, typer.Option(min=SMALLEST_SIDE, max=LARGEST_SIDE, help="Side length in pixels.")] = 64,
    sticker_class: StickerClass = None,
    *,
    output: Output,
) -> None:
    """Draw signs of all 43 classes in GTSRB's official layout, with exact masks of sign, pictogram and sticker."""
    from xaisigns.data.drawn.sign_set import DrawnSet, write_drawn_set
    from xaisigns.data.manipulation import Manipulation

    with output.bars() as progress:
        manipulation = None if sticker_class is None else Manipulation(sticker_class, seed=seed)
        manifest = write_drawn_set(out, DrawnSet(per_class, seed, size), manipulation, progress)
    output.show(_summary(manifest, out), partial(_print_copy, "drawn_images"))


def _summary(manifest: dict[str, Any], out: Path) -> dict[str, Any]:
    return {**manifest, "stickered": len(manifest["stickered"]), "out": str(out)}


def _told(split: dict[str, Any], drawn: bool, language: Language) -> str:
    from xaisigns.data.layouts import LAYOUTS

    expected = split["expected"]
    if expected is None:
        state = f" ({WORDS('drawn', language)})" if drawn else ""
    elif split["images"] == expected:
        state = f" ({WORDS('complete', language)})"
    else:
        state = f" ({WORDS('of', language, expected=whole(expected, language))})"
    parts = [
        f"{WORDS.counted('images', split['images'], language)}{state}",
        WORDS.counted("classes", split["classes"], language),
    ]
    if split["tracks"]:
        parts.append(WORDS.counted("tracks", split["tracks"], language))
    parts.append(LAYOUTS[split["layout"]].description(language))
    if split["manipulation"]:
        parts.append(WORDS("stickers_on", language, class_id=split["manipulation"]["class_id"]))
    return ", ".join(parts)


def _print_copy(kind: str, summary: dict[str, Any], language: Language) -> None:
    images = WORDS.counted(kind, sum(summary["counts"].values()), language)
    stickers = whole(summary["stickered"], language)
    say(WORDS("stickered", language, out=summary["out"], images=images, stickers=stickers))
