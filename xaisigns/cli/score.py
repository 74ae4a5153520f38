"""xaisigns score: which attribution points at what made the model decide?"""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from xaisigns.cli.terminal import (
    InputSize,
    Json,
    Masks,
    Mean,
    Methods,
    Model,
    OptionalRoot,
    Std,
    bars,
    load,
    or_rendered,
    print_json,
    print_table,
)


def score(
    root: OptionalRoot = None,
    model: Model = "stickered",
    methods: Methods = "default",
    metrics: Annotated[
        str,
        typer.Option(
            metavar="GROUP,...",
            help="localisation, complexity, flipping, infidelity, robustness, randomisation; the last two take long.",
        ),
    ] = "localisation,complexity,flipping",
    masks: Masks = None,
    per_class: Annotated[int, typer.Option(min=1, help="Test images of each class, at most.")] = 4,
    steps: Annotated[int, typer.Option(min=1, help="Steps of pixel flipping.")] = 16,
    filling: Annotated[Literal["mean", "blur", "noise"], typer.Option(help="What flipped pixels become.")] = "mean",
    seed: Annotated[int, typer.Option(min=0, help="Draws the images, and what metrics draw.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for scores.csv, scores.json and scores.md.")] = Path("scores"),
    input_size: InputSize = None,
    mean: Mean = None,
    std: Std = None,
    json: Json = False,
) -> None:
    """Score attributions against known truth, with 95 % intervals, beside controls that know nothing of the model."""
    from xaisigns.attribution.selection import select_methods
    from xaisigns.errors import DataError
    from xaisigns.metrics.cases import NO_TRUTH, find_cases
    from xaisigns.metrics.score_files import write_scores
    from xaisigns.metrics.scoring import Scoring, expected_seconds
    from xaisigns.metrics.scoring import score as score_methods

    chosen = select_methods(methods.split(","))
    scoring = Scoring([group.strip() for group in metrics.split(",")], steps, filling, seed)
    network = load(model, input_size, mean, std)
    with bars() as bar:
        cases = find_cases(network, or_rendered(root, bar), masks, per_class, seed=seed, progress=bar("finding images"))
        if masks == "roi" and cases.kind == "image":
            raise DataError(NO_TRUTH)
        seconds = expected_seconds(network, cases, chosen, scoring)
        if seconds:
            typer.echo(f"robustness and randomisation will take about {seconds / 60:.1f} minutes", err=True)
        document = score_methods(network, cases, chosen, scoring, progress=bar("scoring"))
    document["files"] = write_scores(document, out)
    if json:
        print_json(document)
    else:
        _print(document)


def _print(document: dict[str, Any]) -> None:
    from xaisigns.metrics.score_files import best_methods, ordered

    share, kind = document["area_share"], document["masks"]
    what = "stickered test images that the model falls for" if kind == "sticker" else "test images"
    covered = f"the mask covers {share['mask']:.1%}, grown by 2 px {share['grown']:.1%}"
    nothing = "nothing tells where in them to look, so there is no localisation"
    typer.echo(f"{document['count']:,} {what}; {nothing if kind == 'image' else covered}")
    best = best_methods(document)
    arrows = {"higher": "↑", "lower": "↓", None: ""}
    table = Table("method")
    for metric, told in document["metrics"].items():
        table.add_column(f"{metric.replace('_', ' ')} {arrows[told['better']]}", justify="right")
    methods, controls = ordered(document)
    for name in (*methods, *controls):
        cells = [_cell(score, bold=name in best[metric]) for metric, score in document["methods"][name].items()]
        table.add_row(name, *cells, end_section=name == (methods or [""])[-1])
    print_table(table)
    typer.echo(
        f"↑ higher is better, ↓ lower; bold: best; ° no better than edges or uniform (95 % certainty). "
        f"Intervals: {document['files']['csv']}"
    )


def _cell(score: dict[str, Any], *, bold: bool) -> Text:
    from xaisigns.metrics.score_files import mark

    if score["value"] is None:
        return Text("–")
    return Text(f"{score['value']:.3f}{mark(score) or ' '}", style="bold" if bold else "")
