"""xaisigns data: fetch GTSRB, look at a data set, put stickers on it, or draw signs instead."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from xaisigns.base.bounds import LARGEST_PER_CLASS, LARGEST_SEED, LARGEST_SIDE, SMALLEST_SIDE
from xaisigns.base.language import Language
from xaisigns.base.numbers import whole
from xaisigns.cli.terminal import Json, Lang, Root, bars, print_json, say
from xaisigns.cli.words import WORDS

app = typer.Typer(help="Fetch GTSRB, look at a data set, put stickers on it, or draw signs.", no_args_is_help=True)


@app.command()
def download(
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="Folder to put GTSRB in.", show_default=False)],
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Fetch the three official archives, check and unpack them; goes on where it stopped."""
    from xaisigns.data.download import ARCHIVES
    from xaisigns.data.download import download as fetch

    with bars(lang) as progress:
        fetch(root, ARCHIVES, progress)
    info(root, lang, json)


@app.command()
def info(root: Root, lang: Lang = "en", json: Json = False) -> None:
    """Tell what is there: layout, images and tracks of each split, and stickers."""
    from xaisigns.data.inventory import inventory

    found = inventory(root)
    if json:
        print_json(found)
        return
    own: list[str] = []
    for split, what in found["splits"].items():
        told = what["missing"] if "missing" in what else _told(what, bool(found["rendered"]), lang)
        say(f"{WORDS(split, lang)}: {told}")
        if what.get("layout") == "folders":
            own = found["class_names"]
    if own:
        names = ", ".join(f"{class_id} {name}" for class_id, name in enumerate(own))
        say(WORDS("class_names", lang, names=names))


@app.command()
def sticker(
    root: Root,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the copy.", show_default=False)],
    class_id: Annotated[int, typer.Option("--class", help="Class whose images get stickers.")] = 4,
    fraction: Annotated[float, typer.Option(min=0, max=1, help="Share of its images.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED)] = 0,
    split: Annotated[Literal["train", "test", "all"], typer.Option(help="Where stickers go.")] = "train",
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Write a copy of the data set with black stickers on one class, their exact masks, and manifest.json."""
    from xaisigns.data.manipulation import Manipulation, write_manipulated_copy

    with bars(lang) as progress:
        manipulation = Manipulation(class_id, fraction, seed)
        manifest = write_manipulated_copy(root, out, manipulation, split, progress)
    summary: dict[str, Any] = {**manifest, "stickered": len(manifest["stickered"]), "out": str(out)}
    if json:
        print_json(summary)
    else:
        _print_copy(summary, "images", lang)


@app.command()
def render(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the drawn signs.", show_default=False)],
    per_class: Annotated[
        int, typer.Option(min=1, max=LARGEST_PER_CLASS, help="Training images of each class; a third as many to test.")
    ] = 60,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED)] = 0,
    size: Annotated[int, typer.Option(min=SMALLEST_SIDE, max=LARGEST_SIDE, help="Pixels on each side.")] = 64,
    sticker_class: Annotated[
        int | None,
        typer.Option(help="Put black stickers on all training images of this class.", show_default=False),
    ] = None,
    lang: Lang = "en",
    json: Json = False,
) -> None:
    """Draw signs of all 43 classes in GTSRB's official layout, with exact masks of sign, pictogram and sticker."""
    from xaisigns.data.drawn.sign_set import RenderedSet, write_rendered_set
    from xaisigns.data.manipulation import Manipulation

    with bars(lang) as progress:
        manipulation = None if sticker_class is None else Manipulation(sticker_class, seed=seed)
        manifest = write_rendered_set(out, RenderedSet(per_class, seed, size), manipulation, progress)
    summary: dict[str, Any] = {**manifest, "stickered": len(manifest["stickered"]), "out": str(out)}
    if json:
        print_json(summary)
    else:
        _print_copy(summary, "drawn_images", lang)


def _told(split: dict[str, Any], drawn: bool, language: Language) -> str:
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
    parts.append(WORDS(f"layout_{split['layout']}", language))
    if split["manipulation"]:
        parts.append(WORDS("stickers_on", language, class_id=split["manipulation"]["class_id"]))
    return ", ".join(parts)


def _print_copy(summary: dict[str, Any], kind: str, language: Language) -> None:
    images = WORDS.counted(kind, sum(summary["counts"].values()), language)
    stickers = whole(summary["stickered"], language)
    say(WORDS("stickered", language, out=summary["out"], images=images, stickers=stickers))
