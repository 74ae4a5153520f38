"""xaisigns score: which attribution points at what made the model decide?"""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from xaisigns.base.bounds import LARGEST_SEED
from xaisigns.base.language import Language
from xaisigns.base.numbers import percent, written
from xaisigns.cli.options import Force, Masks, Methods, Network, OptionalRoot, Output, or_rendered
from xaisigns.cli.terminal import print_table, say, tell
from xaisigns.cli.words import WORDS
from xaisigns.metrics.settings import MOST_OF_A_CLASS, MOST_STEPS


def score(
    root: OptionalRoot = None,
    *,
    network: Network,
    methods: Methods = "default",
    metrics: Annotated[
        str,
        typer.Option(
            metavar="GROUP,...",
            help="localisation, complexity, flipping, infidelity, robustness, randomisation; the last two take long.",
        ),
    ] = "localisation,complexity,flipping",
    masks: Masks = None,
    per_class: Annotated[int, typer.Option(min=1, max=MOST_OF_A_CLASS, help="Test images of each class, at most.")] = 4,
    steps: Annotated[int, typer.Option(min=1, max=MOST_STEPS, help="Steps of pixel flipping.")] = 16,
    filling: Annotated[Literal["mean", "blur", "noise"], typer.Option(help="What flipped pixels become.")] = "mean",
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Draws the images, and what metrics draw.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for scores.csv, scores.json and scores.md.")] = Path("scores"),
    force: Force = False,
    output: Output,
) -> None:
    """Score attributions against known truth, with 95 % intervals, beside controls that know nothing of the model."""
    from xaisigns.attribution.selection import select_methods
    from xaisigns.base.files import check_places
    from xaisigns.errors import DataError
    from xaisigns.study.cases import NO_TRUTH, find_cases
    from xaisigns.study.score_files import score_places, write_scores
    from xaisigns.study.scoring import Scoring, check_steps, expected_seconds
    from xaisigns.study.scoring import score as score_methods

    chosen = select_methods(methods.split(","))
    scoring = Scoring([group.strip() for group in metrics.split(",")], steps, filling, seed)
    check_places(score_places(out), force=force)
    model, lang = network.load(), output.lang
    check_steps(scoring, model.settings.input_size**2)
    with output.bars() as progress:
        cases = find_cases(model, or_rendered(root, progress), masks, per_class, seed=seed, progress=progress)
        if masks == "roi" and cases.kind == "image":
            raise DataError(NO_TRUTH)
        seconds = expected_seconds(model, cases, chosen, scoring)
        if seconds:
            minutes = written(f"{seconds / 60:.1f}", lang)
            tell(WORDS.all(lang)["will_take"].format(minutes=minutes))
        document = score_methods(model, cases, chosen, scoring, progress=progress, language=lang)
    document["files"] = write_scores(document, out, lang, force=force)
    output.show(document, _print)


def _print(document: dict[str, Any], language: Language) -> None:
    from xaisigns.study.score_files import best_methods, metric_title, ordered

    words, kind = WORDS.all(language), document["masks"]
    images = WORDS.counted("sticker_images" if kind == "sticker" else "roi_images", document["count"], language)
    mask, grown = (percent(document["area_share"][key], language) for key in ("mask", "grown"))
    say(words["nowhere" if kind == "image" else "covered"].format(images=images, mask=mask, grown=grown))
    best = best_methods(document)
    table = Table(words["method"])
    for metric in document["metrics"]:
        table.add_column(metric_title(document, metric, language), justify="right")
    methods, controls = ordered(document)
    for name in (*methods, *controls):
        scores = document["methods"][name]
        cells = [_cell(score, language, bold=name in best[metric]) for metric, score in scores.items()]
        table.add_row(name, *cells, end_section=name == (methods or [""])[-1])
    print_table(table)
    say(words["legend"].format(csv=document["files"]["csv"]))


def _cell(score: dict[str, Any], language: Language, *, bold: bool) -> Text:
    from xaisigns.study.score_files import mark

    if score["value"] is None:
        return Text("–")
    value = written(f"{score['value']:.3f}", language)
    return Text(f"{value}{mark(score) or ' '}", style="bold" if bold else "")
