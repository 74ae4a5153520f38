"""xaisigns export: a store in the format of other programs."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from xaisigns.base.language import Language
from xaisigns.cli.options import Output
from xaisigns.cli.terminal import say
from xaisigns.cli.words import WORDS


def export(
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="What 'xaisigns attribute' wrote.", show_default=False)
    ],
    *,
    virelay: Annotated[Path, typer.Option(metavar="DIR", help="New folder for a project of ViRelAy for each method.")],
    output: Output,
) -> None:
    """Write images, heatmaps, embeddings and clusters of a store as ViRelAy and CoRelAy read them."""
    from xaisigns.study.attributions.virelay import export as export_store

    with output.bars() as progress:
        document = export_store(store, virelay=virelay, language=output.lang, progress=progress)
    output.show(document, _print)


def _print(document: dict[str, Any], language: Language) -> None:
    images = WORDS.counted("images", document["images"], language)
    for project in document["projects"]:
        command = shlex.join(["virelay", project])
        say(WORDS("exported", language, project=project, images=images, command=command))
