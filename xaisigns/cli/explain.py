"""xaisigns explain: why does the model classify this image as it does?"""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from xaisigns.base.language import Language
from xaisigns.base.numbers import number, percent, written
from xaisigns.cli.options import (
    Force,
    MaxPixels,
    Networks,
    OptionalImages,
    Output,
    RuleFile,
    class_number,
    target_class,
)
from xaisigns.cli.terminal import answers, answers_table, print_table, say, tell_skipped
from xaisigns.cli.words import WORDS

_CHANNELS = 5  # of a layer that are told on the terminal


def explain(
    images: OptionalImages = None,
    *,
    network: Networks,
    method: Annotated[str, typer.Option(help="Attribution method; 'xaisigns methods' lists them.")] = "lrp",
    composite: Annotated[
        str | None,
        typer.Option(help="Rules of lrp by layer type. Default: epsilon_gamma_box:gamma=0.05.", show_default=False),
    ] = None,
    rules: RuleFile = None,
    target: Annotated[str, typer.Option(help="Class to explain: predicted, or a class number.")] = "predicted",
    against: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="Explain what speaks for the target rather than for this class, or with 'rest' than for all others.",
            show_default=False,
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Also show the relevance of this layer's output; repeatable. 'xaisigns rules' lists the layers.",
            show_default=False,
        ),
    ] = None,
    channels: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=N,...",
            help="Let relevance pass through these channels of a layer's output alone; repeatable.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("heatmaps"),
    ledger: Annotated[bool, typer.Option("--ledger", help="Show where the relevance went, layer by layer.")] = False,
    npy: Annotated[
        bool, typer.Option("--npy", help="Also write the raw relevance, (3, S, S) float32, that of layers to a .npz.")
    ] = False,
    max_pixels: MaxPixels = 50_000_000,
    force: Force = False,
    output: Output,
) -> None:
    """Write one picture per image: the image, its heatmap, both overlaid; red for the class, blue against it."""
    from xaisigns.attribution.assignment import read_rules
    from xaisigns.attribution.specification import read_specification
    from xaisigns.pictures.explanation import Explaining, explain_files

    class_id = target_class(target)
    if read_specification(method).name != "lrp" and (composite is not None or rules or ledger or layer or channels):
        raise typer.BadParameter(
            "--composite, --rules, --ledger, --layer and --channels are for --method lrp", param_hint="--method"
        )
    passing = dict(map(_channels, channels or ()))
    model = network.load()
    chosen = read_rules(rules) if rules else None
    with output.bars() as progress:
        report = explain_files(
            model,
            images,
            out,
            Explaining(
                method,
                composite,
                chosen,
                target=None if class_id == "predicted" else class_id,
                against=_against(against),
                npy=npy,
                ledger=ledger,
                layers=list(dict.fromkeys(layer or ())),
                channels=passing or None,
                language=output.lang,
                max_pixels=max_pixels,
                force=force,
            ),
            progress=progress,
        )
    output.show(report, _print)
    tell_skipped(report["skipped"])


def _against(text: str | None) -> int | Literal["rest"] | None:
    if text is None:
        return None
    if text == "rest":
        return "rest"
    class_id = class_number(text)
    if class_id is None:
        raise typer.BadParameter(f"wanted 'rest' or a class number, got {text!r}", param_hint="--against")
    return class_id


def _channels(text: str) -> tuple[str, list[int]]:
    layer, _, numbers = text.rpartition("=")
    found = [class_number(one.strip()) for one in numbers.split(",")]
    if not layer or None in found:
        raise typer.BadParameter(
            f"wanted a layer and numbers, such as features.8=12,40, got {text!r}", param_hint="--channels"
        )
    return layer, [one for one in found if one is not None]


def _print(report: dict[str, Any], language: Language) -> None:
    results = report["results"]
    if not results:
        return
    asked = any(answer["against"] for result in results for _, answer in answers(result))
    contrasted = ["rather_than"] if asked else []
    columns = ("called", "probability", "explained_for", *contrasted, "picture")
    table = answers_table(results, columns, language)
    for result in results:
        for model, answer in answers(result):
            called = answer["predicted"]
            table.add_row(
                result["image"],
                *model,
                f"{called['name']} ({called['id']})",
                percent(called["probability"], language),
                f"{answer['target']['name']} ({answer['target']['id']})",
                *[_other(answer["against"], language) for _ in contrasted],
                result["files"]["picture"],
            )
    print_table(table)
    for result in results:
        for model, answer in answers(result):
            title = ", ".join([result["image"], *model])
            if "layers" in answer:
                _print_layers(answer["layers"], title, language)
            if "ledger" in answer:
                _print_ledger(answer["ledger"], title, language)


def _other(against: dict[str, Any] | Literal["rest"], language: Language) -> str:
    return WORDS("all_others", language) if against == "rest" else f"{against['name']} ({against['id']})"


def _print_layers(rows: list[dict[str, Any]], title: str, language: Language) -> None:
    columns = [WORDS(key, language) for key in ("layer", "shape", "relevance", "strongest_channels")]
    table = Table(*columns, title=title)
    for row in rows:
        strongest = (f"{one['channel']} ({number(one['relevance'], language)})" for one in row["channels"][:_CHANNELS])
        shape = " × ".join(map(str, row["shape"]))
        table.add_row(row["layer"], shape, number(row["relevance_sum"], language), ", ".join(strongest))
    print_table(table)


def _print_ledger(rows: list[dict[str, Any]], title: str, language: Language) -> None:
    from xaisigns.pictures.explanation import absorbing

    columns = ("received", "passed", "bias", "stabilizer")
    table = Table(*(WORDS(key, language) for key in ("layer", "type", "rule", *columns)), "", title=title)
    largest = max(abs(row["received"]) for row in rows) or 1.0
    shown = absorbing([row["received"] for row in rows], [row["passed"] for row in rows])
    for row in (rows[place] for place in shown):
        absorbed = row["received"] - row["passed"]
        bar = ("█" if absorbed > 0 else "░") * min(30, round(30 * abs(absorbed) / largest))
        values = (written(f"{round(row[key], 4) + 0.0:.4f}", language) for key in columns)  # no -0.0000
        table.add_row(row["layer"], row["type"], row["rule"], *values, bar)
    print_table(table)
    if len(shown) < len(rows):
        say(WORDS.counted("all_passed", len(rows) - len(shown), language))
