"""xaisigns attribute: every image of a data set explained, into a store that other commands and programs read."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from xaisigns.base.language import Language
from xaisigns.base.numbers import written
from xaisigns.cli.options import Methods, Network, OptionalRoot, Output
from xaisigns.cli.terminal import say, tell_skipped
from xaisigns.cli.words import WORDS
from xaisigns.data.image_set import Split


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
    responses: Annotated[
        bool,
        typer.Option("--responses", help="Keep what channels of middle layers answer, too: what audit --store reads."),
    ] = False,
    split: Annotated[Split, typer.Option(help="Images to explain, as they lie there.")] = "test",
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(help="This process, or actors on a cluster of Ray's; the store is then in a folder they share."),
    ] = "local",
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Actors of Ray. Default: one for each machine or GPU.", show_default=False),
    ] = None,
    ray_address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Cluster to use, or auto. Default: one on this machine alone.", show_default=False
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="STORE", help="Folder of the store; one that is there is gone on with.")],
    output: Output,
) -> None:
    """Explain every image into a Zarr store; a run that was stopped, however it was, is gone on with."""
    from xaisigns.study.attributions.writing import write_store

    if engine == "local" and (workers, ray_address) != (None, None):
        raise typer.BadParameter("--workers and --ray-address are for --engine ray")
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
            responses=responses,
            split=split,
            engine=engine,
            workers=workers,
            ray_address=ray_address,
            progress=progress,
        )
    output.show(document, _print)
    tell_skipped(document["skipped"])


def _print(document: dict[str, Any], language: Language) -> None:
    explained = WORDS.counted(f"{document['split']}_images", document["explained"], language)
    say(WORDS("stored", language, store=document["store"], images=explained, methods=", ".join(document["methods"])))
    if document["resumed"]:
        say(WORDS.counted("resumed", document["resumed"], language))
    say(WORDS("store_took", language, seconds=written(f"{document['seconds']:.1f}", language)))
