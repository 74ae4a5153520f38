"""xaisigns attribute: every image of a data set explained, into a store that other commands and programs read."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from xaisigns.base.language import Language
from xaisigns.base.numbers import written
from xaisigns.cli.options import Methods, Network, OptionalRoot, Output
from xaisigns.cli.terminal import say, tell_skipped
from xaisigns.cli.words import WORDS


def attribute(
    root: OptionalRoot = None,
    *,
    network: Network,
    methods: Methods = "lrp",
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Inner layers whose relevance by LRP is kept, channel by channel; 'xaisigns rules' lists the layers.",
            show_default=False,
        ),
    ] = None,
    metrics: Annotated[
        str, typer.Option(metavar="GROUP,...", help="Scores to keep of every image, as for score, or '' for none.")
    ] = "localisation,complexity",
    heatmaps: Annotated[
        Literal["float16", "float32"],
        typer.Option(help="How exactly heatmaps are kept; as float16 each with a scale of its own."),
    ] = "float16",
    out: Annotated[Path, typer.Option(metavar="STORE", help="Folder of the store; one that is there is gone on with.")],
    output: Output,
) -> None:
    """Explain every image into a Zarr store; a run that was stopped, however it was, is gone on with."""
    from xaisigns.study.attributions.writing import write_store

    model = network.load()
    with output.bars() as progress:
        document = write_store(
            model,
            root,
            methods,
            out=out,
            layers=[name.strip() for name in (layers or "").split(",") if name.strip()],
            metrics=metrics,
            heatmaps=heatmaps,
            progress=progress,
        )
    output.show(document, _print)
    tell_skipped(document["skipped"])


def _print(document: dict[str, Any], language: Language) -> None:
    explained = WORDS.counted("images", document["explained"], language)
    say(WORDS("stored", language, store=document["store"], images=explained, methods=", ".join(document["methods"])))
    if document["resumed"]:
        say(WORDS.counted("resumed", document["resumed"], language))
    say(WORDS("store_took", language, seconds=written(f"{document['seconds']:.1f}", language)))
