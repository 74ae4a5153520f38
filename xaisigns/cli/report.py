"""xaisigns report: heatmaps of every class, methods compared, as PDF and as one HTML file."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from xaisigns.base.bounds import LARGEST_SEED
from xaisigns.base.language import Language
from xaisigns.base.numbers import written
from xaisigns.cli.options import Force, Network, OptionalRoot, Output, class_number, or_rendered
from xaisigns.cli.terminal import say
from xaisigns.cli.words import WORDS
from xaisigns.metrics.settings import MOST_OF_A_CLASS


def report(
    root: OptionalRoot = None,
    *,
    network: Network,
    out: Annotated[
        Path | None, typer.Option(help="PDF to write; report.pdf where no --html is given.", show_default=False)
    ] = None,
    html: Annotated[Path | None, typer.Option(help="HTML file to write.", show_default=False)] = None,
    classes: Annotated[
        str | None, typer.Option(metavar="4,14", help="Classes to show. Without it: all.", show_default=False)
    ] = None,
    examples: Annotated[int, typer.Option(min=1, max=MOST_OF_A_CLASS, help="Examples of each class, at most.")] = 4,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC,...",
            help="As for score. Without it: the default methods less random.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Draws the images that methods are scored on.")
    ] = 0,
    force: Force = False,
    output: Output,
) -> None:
    """Write what the model looks at in every class, and how far to trust each method, as PDF and HTML."""
    from xaisigns.report.gather import REPORT_METHODS, Reporting
    from xaisigns.report.writing import check_reports, write_reports

    pdf = out or (None if html else Path("report.pdf"))
    paths = {kind: path for kind, path in (("pdf", pdf), ("html", html)) if path}
    check_reports(paths, force=force)
    model = network.load()
    with output.bars() as progress:
        document = write_reports(
            model,
            or_rendered(root, progress),
            Reporting(
                name=network.model,
                command=_command(output.lang),
                methods=methods.split(",") if methods else REPORT_METHODS,
                classes=_ids(classes),
                examples=examples,
                language=output.lang,
                seed=seed,
            ),
            paths,
            progress,
            force=force,
        )
    output.show(document, _print)


def _command(language: Language) -> str:
    """The line that makes the report again, also where the language came from the environment."""
    given = sys.argv[1:]
    said = language == "en" or any(argument.startswith("--lang") for argument in given)
    return shlex.join(["xaisigns", *given, *([] if said else ["--lang", language])])


def _ids(text: str | None) -> list[int] | None:
    if text is None:
        return None
    ids = [class_number(part.strip()) for part in text.split(",")]
    wanted = [one for one in ids if one is not None]
    if len(wanted) < len(ids):
        raise typer.BadParameter(f"wanted class numbers such as 4,14, got {text!r}", param_hint="--classes")
    return wanted


def _print(document: dict[str, Any], language: Language) -> None:
    words = WORDS.all(language)
    classes, examples = (WORDS.counted(key, document[key], language) for key in ("classes", "examples"))
    for path in document["files"].values():
        say(words["written"].format(path=path, classes=classes, examples=examples))
    documents = written(f"{document['document_seconds']:.1f}", language)
    say(words["took"].format(seconds=f"{document['seconds']:.0f}", documents=documents))
