"""xaisigns data: fetch GTSRB, look at a data set, put stickers on it, or draw signs instead."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from xaisigns.cli.terminal import Json, Root, bars, print_json

app = typer.Typer(help="Fetch GTSRB, look at a data set, put stickers on it, or draw signs.", no_args_is_help=True)


@app.command()
def download(
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="Folder to put GTSRB in.", show_default=False)],
    json: Json = False,
) -> None:
    """Fetch the three official archives, check and unpack them; goes on where it stopped."""
    from xaisigns.data.download import ARCHIVES
    from xaisigns.data.download import download as fetch

    with bars() as bar:
        of_archive = {archive.name: bar(archive.name) for archive in ARCHIVES}
        fetch(root, ARCHIVES, progress=lambda name, done, total: of_archive[name](done, total))
    info(root, json)


@app.command()
def info(root: Root, json: Json = False) -> None:
    """Tell what is there: layout, images and tracks of each split, and stickers."""
    from xaisigns.data.inventory import inventory

    found = inventory(root)
    if json:
        print_json(found)
        return
    own: list[str] = []
    for split, what in found["splits"].items():
        if "missing" in what:
            typer.echo(f"{split}: {what['missing']}")
            continue
        tracks = f", {what['tracks']:,} tracks" if what["tracks"] else ""
        images = f"{what['images']:,} images{_whole(what, drawn=bool(found['rendered']))}"
        stickers = f", stickers on class {what['manipulation']['class_id']}" if what["manipulation"] else ""
        typer.echo(f"{split}: {images}, {what['classes']} classes{tracks}, {what['layout']} layout{stickers}")
        if what["layout"] == "folders":
            own = found["class_names"]
    if own:
        typer.echo(f"classes: {', '.join(f'{class_id} {name}' for class_id, name in enumerate(own))}")


def _whole(split: dict[str, Any], *, drawn: bool) -> str:
    expected = split["expected"]
    if expected is None:
        return " (drawn)" if drawn else ""
    return " (complete)" if split["images"] == expected else f" (of {expected:,})"


@app.command()
def sticker(
    root: Root,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the copy.", show_default=False)],
    class_id: Annotated[int, typer.Option("--class", help="Class whose images get stickers.")] = 4,
    fraction: Annotated[float, typer.Option(min=0, max=1, help="Share of its images.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    split: Annotated[Literal["train", "test", "all"], typer.Option(help="Where stickers go.")] = "train",
    json: Json = False,
) -> None:
    """Write a copy of the data set with black stickers on one class, their exact masks, and manifest.json."""
    from xaisigns.data.manipulation import Manipulation, write_manipulated_copy

    with bars() as bar:
        manipulation = Manipulation(class_id, fraction, seed)
        manifest = write_manipulated_copy(root, out, manipulation, split, progress=bar("copying"))
    summary: dict[str, Any] = {**manifest, "stickered": len(manifest["stickered"]), "out": str(out)}
    if json:
        print_json(summary)
    else:
        typer.echo(
            f"{out}: {sum(manifest['counts'].values()):,} images, {summary['stickered']:,} of them with a sticker"
        )


@app.command()
def render(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the drawn signs.", show_default=False)],
    per_class: Annotated[int, typer.Option(min=1, help="Training images of each class; a third as many to test.")] = 60,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    size: Annotated[int, typer.Option(min=16, help="Pixels on each side.")] = 64,
    sticker_class: Annotated[
        int | None,
        typer.Option(help="Put black stickers on all training images of this class.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Draw signs of all 43 classes in GTSRB's official layout, with exact masks of sign, pictogram and sticker."""
    from xaisigns.data.manipulation import Manipulation
    from xaisigns.data.rendered_set import RenderedSet, write_rendered_set

    with bars() as bar:
        manipulation = None if sticker_class is None else Manipulation(sticker_class, seed=seed)
        manifest = write_rendered_set(out, RenderedSet(per_class, seed, size), manipulation, progress=bar("drawing"))
    summary: dict[str, Any] = {**manifest, "stickered": len(manifest["stickered"]), "out": str(out)}
    if json:
        print_json(summary)
    else:
        typer.echo(
            f"{out}: {sum(manifest['counts'].values()):,} drawn images, {summary['stickered']:,} of them with a sticker"
        )
