"""xaisigns score: which attribution points at what made the model decide?"""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from xaisigns.base.bounds import LARGEST_SEED
from xaisigns.base.language import Language
from xaisigns.base.numbers import percent, written
from xaisigns.base.progress import Progress
from xaisigns.cli.options import Force, Keep, Masks, Methods, Network, OptionalRoot, Output, Store
from xaisigns.cli.terminal import print_table, say, tell
from xaisigns.cli.words import WORDS
from xaisigns.metrics.settings import MOST_OF_A_CLASS, MOST_STEPS, Precision


def score(
    root: OptionalRoot = None,
    *,
    network: Network,
    methods: Methods = "default",
    metrics: Annotated[
        str,
        typer.Option(
            metavar="GROUP,...",
            help="localisation, complexity, flipping, infidelity, robustness, randomisation, or a group of your own; "
            "robustness and randomisation are slow. 'xaisigns metrics' lists what is in each.",
        ),
    ] = "localisation,complexity,flipping",
    masks: Masks = None,
    per_class: Annotated[int, typer.Option(min=1, max=MOST_OF_A_CLASS, help="Test images per class, at most.")] = 4,
    steps: Annotated[int, typer.Option(min=1, max=MOST_STEPS, help="Steps of pixel flipping.")] = 16,
    filling: Annotated[
        Literal["mean", "blur", "noise"], typer.Option(help="What flipped pixels are replaced by.")
    ] = "mean",
    seed: Annotated[
        int,
        typer.Option(min=0, max=LARGEST_SEED, help="Seed for drawing the images, and for metrics that draw at random."),
    ] = 0,
    precision: Annotated[
        Precision,
        typer.Option(help="bf16: flipping and robustness in about a third of the time, and how far that is off."),
    ] = "full",
    store: Store = None,
    keep: Keep = False,
    out: Annotated[Path, typer.Option(help="Folder for scores.csv, scores.json and scores.md.")] = Path("scores"),
    force: Force = False,
    output: Output,
) -> None:
    """Score attributions against known truth, with 95% intervals, next to controls that know nothing of the model."""
    from xaisigns.base.files import check_places
    from xaisigns.study.score_files import score_places, write_scores
    from xaisigns.study.scoring import score as score_methods

    check_places(score_places(out), force=force)
    model = network.load()
    with output.bars() as progress:
        document = score_methods(
            model,
            root,
            methods,
            metrics=metrics,
            masks=masks,
            per_class=per_class,
            steps=steps,
            filling=filling,
            seed=seed,
            precision=precision,
            store=store,
            keep=keep,
            language=output.lang,
            progress=_telling(progress, output.lang),
        )
    document["files"] = write_scores(document, out, output.lang, force=force)
    output.show(document, _print)


def _telling(progress: Progress, language: Language) -> Progress:
    """Says on stderr how long the work will take, where that is told before it."""

    def hear(work: str, done: int, total: int | None, /, **figures: float) -> None:
        if "expected_seconds" in figures:
            minutes = written(f"{figures['expected_seconds'] / 60:.1f}", language)
            tell(WORDS("will_take", language, minutes=minutes))
        else:
            progress(work, done, total, **figures)

    return hear


def _print(document: dict[str, Any], language: Language) -> None:
    from xaisigns.study.score_files import best_methods, metric_title, ordered, precision_note

    kind = document["masks"]
    images = WORDS.counted("sticker_images" if kind == "sticker" else "test_images", document["count"], language)
    mask, grown = (percent(document["area_share"][key], language) for key in ("mask", "grown"))
    say(WORDS("nowhere" if kind == "image" else "covered", language, images=images, mask=mask, grown=grown))
    best = best_methods(document)
    table = Table(WORDS("method", language))
    for metric in document["metrics"]:
        table.add_column(metric_title(document, metric, language), justify="right")
    methods, controls = ordered(document)
    for name in (*methods, *controls):
        scores = document["methods"][name]
        cells = [_cell(score, language, bold=name in best[metric]) for metric, score in scores.items()]
        table.add_row(name, *cells, end_section=name == (methods or [""])[-1])
    print_table(table)
    if note := precision_note(document, language):
        say(note)
    say(WORDS("legend", language, csv=document["files"]["csv"]))


def _cell(score: dict[str, Any], language: Language, *, bold: bool) -> Text:
    from xaisigns.study.score_files import mark

    if score["value"] is None:
        return Text("–")
    value = written(f"{score['value']:.3f}", language)
    return Text(f"{value}{mark(score) or ' '}", style="bold" if bold else "")
