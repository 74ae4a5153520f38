"""All commands as one application, and how its errors are reported."""

import os
import warnings
from contextlib import suppress
from typing import Annotated

import typer

from xaisigns.base.plugins import failed_plugins
from xaisigns.base.printable import printable
from xaisigns.cli import (
    attribute,
    audit,
    cache,
    compare,
    data,
    evaluate,
    explain,
    export,
    live,
    methods,
    metrics,
    repair,
    report,
    rules,
    score,
    train,
    tune,
)
from xaisigns.cli.examples import examples
from xaisigns.cli.options import with_groups
from xaisigns.cli.terminal import drop_unwritten, never_fail_to_encode, say, tell
from xaisigns.errors import PluginWarning, XaisignsError

TRACEBACK_VARIABLE = "XAISIGNS_TRACEBACK"

app = typer.Typer(
    help="See what a traffic-sign classifier really learnt.",
    epilog=examples(""),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data.app, name="data")
for _command in (
    train.train,
    evaluate.evaluate,
    explain.explain,
    rules.rules,
    methods.methods,
    metrics.metrics,
    compare.compare,
    score.score,
    attribute.attribute,
    export.export,
    tune.tune,
    audit.audit,
    repair.repair,
    report.report,
    live.live,
):
    app.command(epilog=examples(_command.__name__))(with_groups(_command))
app.add_typer(cache.app, name="cache")


def _say_version(wanted: bool) -> None:
    if wanted:
        from xaisigns import __version__

        say(f"xaisigns {__version__}")
        raise typer.Exit


@app.callback()
def _xaisigns(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    pass


def run() -> int:
    """Run the command that the arguments name and give its exit code. Raises what the command raises."""
    never_fail_to_encode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)  # each is told below, in one line
        try:
            return int(app(prog_name="xaisigns", standalone_mode=False) or 0)
        finally:
            for failure in failed_plugins():
                tell(f"xaisigns: {failure}")


def told(error: Exception) -> int:
    """Tell the error on stderr, one that is not of usage in one line, and give the exit code."""
    if isinstance(error, typer.Abort):  # what Ctrl-C is to some versions of Typer
        return 130
    if hasattr(error, "format_message"):  # Typer's errors of usage, which have no public class
        from typer import rich_utils

        # What some versions of Typer put before what is wrong with a choice helps nobody.
        message = getattr(error, "message", "").removeprefix("Value error, ")
        error.message = printable(message)  # type: ignore[attr-defined]
        with suppress(OSError):  # of a full stderr
            rich_utils.rich_format_error(error)  # type: ignore[arg-type]
        return 2
    if os.environ.get(TRACEBACK_VARIABLE):
        raise error
    if not isinstance(error, BrokenPipeError):  # else whoever reads the output has enough of it
        tell(f"xaisigns: {_line(error)}")
    drop_unwritten()
    return 1


def _line(error: Exception) -> str:
    if isinstance(error, XaisignsError):
        return str(error)
    if isinstance(error, OSError):
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return f"{where}{error.strerror or error}"
    if isinstance(error, MemoryError):
        return "there is not enough memory for this; close other programs, or give it less at once"
    return (
        f"{type(error).__name__}: {error}; this is a defect of xaisigns: please report it with what the command prints "
        f"when {TRACEBACK_VARIABLE}=1 is set"
    )
