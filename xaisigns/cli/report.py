"""xaisigns report: heatmaps of every class and a comparison of methods, as PDF and as one HTML file."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from xaisigns.base.bounds import LARGEST_SEED
from xaisigns.base.language import Language
from xaisigns.base.numbers import whole, written
from xaisigns.cli.options import Force, Keep, Network, OptionalRoot, Output, Store, class_numbers
from xaisigns.cli.terminal import say
from xaisigns.cli.words import WORDS
from xaisigns.metrics.settings import MOST_OF_A_CLASS


def report(
    root: OptionalRoot = None,
    *,
    network: Network,
    out: Annotated[
        Path | None, typer.Option(help="PDF to write. Default: report.pdf, unless --html is given.", show_default=False)
    ] = None,
    html: Annotated[Path | None, typer.Option(help="HTML file to write.", show_default=False)] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="4,14", help="Classes to show. Default: all.", show_default=False)
    ] = None,
    examples: Annotated[int, typer.Option(min=1, max=MOST_OF_A_CLASS, help="Examples per class, at most.")] = 4,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC,...",
            help="As for score. Default: the default methods except random.",
            show_default=False,
        ),
    ] = None,
    audit: Annotated[
        Path | None,
        typer.Option(
            metavar="FINDINGS", help="findings.json of 'xaisigns audit', to open the report with.", show_default=False
        ),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Another model of the same classes to show beside it, such as the one before a repair.",
            show_default=False,
        ),
    ] = None,
    store: Store = None,
    keep: Keep = False,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed for drawing the images that methods are scored on.")
    ] = 0,
    force: Force = False,
    output: Output,
) -> None:
    """Write what the model looks at in every class, and how far to trust each method, as PDF and HTML."""
    from xaisigns.report.collection import REPORT_METHODS
    from xaisigns.report.report_files import check_reports
    from xaisigns.report.report_files import report as write_report

    pdf = out or (None if html else Path("report.pdf"))
    check_reports({kind: path for kind, path in (("pdf", pdf), ("html", html)) if path}, force=force)
    wanted = class_numbers(classes)
    model = network.load()
    with output.bars() as progress:
        document = write_report(
            model,
            root,
            pdf,
            html,
            methods=methods or REPORT_METHODS,
            classes=wanted,
            examples=examples,
            language=output.lang,
            seed=seed,
            name=network.model,
            command=_command(output.lang),
            audit=audit,
            before=before,
            store=store,
            keep=keep,
            force=force,
            progress=progress,
        )
    output.show(document, _print)


def _command(language: Language) -> str:
    """The command that makes the report again, even where the language came from the environment."""
    given = sys.argv[1:]
    said = language == "en" or any(argument.startswith("--lang") for argument in given)
    return shlex.join(["xaisigns", *given, *([] if said else ["--lang", language])])


def _print(document: dict[str, Any], language: Language) -> None:
    classes, examples = (WORDS.counted(key, document[key], language) for key in ("classes", "examples"))
    for path in document["files"].values():
        say(WORDS("written", language, path=path, classes=classes, examples=examples))
    documents = written(f"{document['document_seconds']:.1f}", language)
    say(WORDS("took", language, seconds=whole(round(document["seconds"]), language), documents=documents))
