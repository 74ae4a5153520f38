"""The command line: a command parses, calls one function, prints."""

import sys

import typer

from xaisigns.cli import compare, data, evaluate, explain, methods, report, rules, score, train, tune
from xaisigns.errors import XaisignsError

app = typer.Typer(
    help="See what a traffic-sign classifier really learnt.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data.app, name="data")
app.command()(train.train)
app.command()(evaluate.evaluate)
app.command()(explain.explain)
app.command()(rules.rules)
app.command()(methods.methods)
app.command()(compare.compare)
app.command()(score.score)
app.command()(tune.tune)
app.command()(report.report)


def main() -> None:
    """Run the command line; an error becomes one line on stderr and exit code 1."""
    try:
        app(prog_name="xaisigns")
    except XaisignsError as error:
        sys.stderr.write(f"xaisigns: {' '.join(str(error).split())}\n")
        sys.exit(1)
