"""xaisigns explain: why does the model call this image what it calls it?"""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from xaisigns.cli.terminal import Json, Model, bars, print_json, print_table


def explain(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.", show_default=False)],
    model: Model = "stickered",
    composite: Annotated[str, typer.Option(help="epsilon_gamma_box or epsilon_plus_flat.")] = "epsilon_gamma_box",
    target: Annotated[str, typer.Option(help="predicted, or a class number.")] = "predicted",
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("heatmaps"),
    npy: Annotated[bool, typer.Option("--npy", help="Also write the raw relevance, (3, S, S) float32.")] = False,
    lang: Annotated[Literal["de", "en"], typer.Option(help="Language of names and pictures.")] = "en",
    json: Json = False,
) -> None:
    """Write one picture an image: the image, its heatmap, both overlaid; red for the class, blue against it."""
    from xaisigns.model.checkpoint import load_model
    from xaisigns.report.explanation import explain_files

    if target != "predicted" and not target.isdecimal():
        raise typer.BadParameter(f"wanted 'predicted' or a class number, got {target!r}", param_hint="--target")
    network = load_model(model)
    with bars() as bar:
        report = explain_files(
            network,
            images,
            out,
            composite=composite,
            target=None if target == "predicted" else int(target),
            npy=npy,
            language=lang,
            progress=bar("explaining"),
        )
    if json:
        print_json(report)
    elif report["results"]:
        _print(report["results"])
    for skipped in report["skipped"]:
        typer.echo(f"xaisigns: skipped {skipped['error']}", err=True)
    if report["skipped"]:
        raise typer.Exit(1)


def _print(results: list[dict[str, Any]]) -> None:
    table = Table("image", "called", "probability", "explained for", "picture")
    for result in results:
        called = result["predicted"]
        table.add_row(
            result["image"],
            f"{called['name']} ({called['id']})",
            f"{called['probability']:.1%}",
            f"{result['target']['name']} ({result['target']['id']})",
            result["files"]["picture"],
        )
    print_table(table)
