"""xaisigns explain: why does the model call this image what it calls it?"""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from xaisigns.base.language import Language
from xaisigns.base.numbers import percent, written
from xaisigns.cli.terminal import (
    Force,
    InputSize,
    Json,
    Lang,
    MaxPixels,
    Mean,
    Model,
    OptionalImages,
    RuleFile,
    Std,
    bars,
    load,
    or_examples,
    print_json,
    print_table,
    target_class,
    tell_skipped,
)
from xaisigns.cli.words import WORDS


def explain(
    images: OptionalImages = None,
    model: Model = "stickered",
    method: Annotated[str, typer.Option(help="'xaisigns methods' tells which there are.")] = "lrp",
    composite: Annotated[
        str | None,
        typer.Option(help="Rules of lrp by layer type; epsilon_gamma_box:gamma=0.05 if not given.", show_default=False),
    ] = None,
    rules: RuleFile = None,
    target: Annotated[str, typer.Option(help="predicted, or a class number.")] = "predicted",
    against: Annotated[
        int | None,
        typer.Option(min=0, help="What speaks for the target rather than for this class?", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("heatmaps"),
    ledger: Annotated[bool, typer.Option("--ledger", help="Tell where the relevance went, layer by layer.")] = False,
    npy: Annotated[bool, typer.Option("--npy", help="Also write the raw relevance, (3, S, S) float32.")] = False,
    force: Force = False,
    lang: Lang = "en",
    input_size: InputSize = None,
    mean: Mean = None,
    std: Std = None,
    max_pixels: MaxPixels = 50_000_000,
    json: Json = False,
) -> None:
    """Write one picture an image: the image, its heatmap, both overlaid; red for the class, blue against it."""
    from xaisigns.attribution.assignment import read_rules
    from xaisigns.attribution.specification import read_specification
    from xaisigns.pictures.explanation import Explaining, explain_files

    class_id = target_class(target)
    if read_specification(method).name != "lrp" and (composite is not None or rules is not None or ledger):
        raise typer.BadParameter("--composite, --rules and --ledger are for --method lrp", param_hint="--method")
    network = load(model, input_size, mean, std)
    chosen = read_rules(rules) if rules else None
    with bars(lang) as progress:
        report = explain_files(
            network,
            or_examples(images),
            out,
            Explaining(
                method,
                composite,
                chosen,
                target=None if class_id == "predicted" else class_id,
                against=against,
                npy=npy,
                ledger=ledger,
                language=lang,
                max_pixels=max_pixels,
                force=force,
            ),
            progress=progress,
        )
    if json:
        print_json(report)
    elif report["results"]:
        _print(report["results"], lang)
    tell_skipped(report["skipped"])


def _print(results: list[dict[str, Any]], language: Language) -> None:
    table = Table(*(WORDS(key, language) for key in ("image", "called", "probability", "explained_for", "picture")))
    for result in results:
        called = result["predicted"]
        table.add_row(
            result["image"],
            f"{called['name']} ({called['id']})",
            percent(called["probability"], language),
            f"{result['target']['name']} ({result['target']['id']})",
            result["files"]["picture"],
        )
    print_table(table)
    for result in results:
        if "ledger" in result:
            _print_ledger(result, language)


def _print_ledger(result: dict[str, Any], language: Language) -> None:
    rows = result["ledger"]
    columns = [WORDS(key, language) for key in ("layer", "type", "rule", "received", "passed", "absorbed")]
    table = Table(*columns, "", title=result["image"])
    largest = max(abs(row["received"]) for row in rows) or 1.0
    for row in rows:
        absorbed = row["received"] - row["passed"]
        bar = ("█" if absorbed > 0 else "░") * min(30, round(30 * abs(absorbed) / largest))
        table.add_row(
            row["layer"],
            row["type"],
            row["rule"],
            *(written(f"{value:.4f}", language) for value in (row["received"], row["passed"], absorbed)),
            bar,
        )
    print_table(table)
