"""xaisigns audit: which class does a model know by a shortcut, and how sure is that?"""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from xaisigns.base.bounds import LARGEST_SEED
from xaisigns.base.language import Language
from xaisigns.base.printable import printable
from xaisigns.cli.options import Force, Keep, Network, OptionalRoot, Output, Store
from xaisigns.cli.repair import print_repair
from xaisigns.cli.terminal import print_table, say
from xaisigns.cli.words import WORDS
from xaisigns.data.image_set import Split


def audit(
    root: OptionalRoot = None,
    *,
    network: Network,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="What flips are compared with: clean, stickered, a model file, or none. Default: clean, for any other "
            "model of GTSRB's classes.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        Split, typer.Option(help="Images to look at. Training images have the stickers that the model's had.")
    ] = "train",
    store: Store = None,
    keep: Keep = False,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed for drawing the images.")] = 0,
    repair: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Repair what is found, audit again, and write the model once nothing is found; at most three times.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="For --repair: go on with one that was killed.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for findings.json and a picture of each finding.")] = Path("audit"),
    force: Force = False,
    output: Output,
) -> None:
    """Find classes that the model knows by a shortcut, without being told which, and prove it."""
    from xaisigns.audit.audit_files import audit as audit_model
    from xaisigns.audit.audit_files import audit_places
    from xaisigns.audit.repair.rounds import audit_and_repair
    from xaisigns.base.files import check_places

    if repair is not None and split != "train":
        raise typer.BadParameter("a repair is made with training images", param_hint="--split")
    if repair is not None and (store is not None or keep):
        raise typer.BadParameter("a store is of one model, and a repair makes others", param_hint="--store")
    if resume and repair is None:
        raise typer.BadParameter("only a repair is gone on with: name its file by --repair", param_hint="--resume")
    check_places([] if repair else audit_places(out, []), force=force)
    model = network.load()
    with output.bars() as progress:
        if repair is not None:
            document = audit_and_repair(
                model,
                root,
                reference,
                repaired=repair,
                out=out,
                language=output.lang,
                seed=seed,
                resume=resume,
                force=force,
                progress=progress,
            )
            return output.show(document, _print_rounds)
        document = audit_model(
            model,
            root,
            reference,
            split=split,
            store=store,
            keep=keep,
            out=out,
            language=output.lang,
            seed=seed,
            force=force,
            progress=progress,
        )
    return output.show(document, _print)


def _print_rounds(document: dict[str, Any], language: Language) -> None:
    for number, told in enumerate(document["rounds"], 1):
        say(WORDS("repair_round", language, number=number))
        _print(told["audit"], language)
        if told["repair"]:
            print_repair(told["repair"], language)
    say(WORDS("repair_file", language, path=document["model"]))


def _print(document: dict[str, Any], language: Language) -> None:
    from xaisigns.audit.findings_file import findings_of
    from xaisigns.audit.wording import nothing_text, shown_findings, table_row

    findings = findings_of(document)
    columns = ("class", "verdict", "confidence", "flips", "compared", "carriers")
    table = Table(*(WORDS(f"audit_{key}", language) for key in columns), show_lines=True)
    for found in shown_findings(findings):
        cells = table_row(found, found.name, language)
        table.add_row(*(Text("\n".join(map(printable, lines))) for lines in cells))
    print_table(table)
    say(WORDS("audit_legend", language))
    for sentence in [found.sentence for found in findings.found if found.sentence] or [
        nothing_text(findings, language)
    ]:
        say(sentence)
    say(WORDS("audit_limits", language))
    for text in document["limits"].values():
        say(f"- {text}")
    say(WORDS("audit_files", language, path=document["files"]["findings"]))
