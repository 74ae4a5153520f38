"""xaisigns metrics: which metrics there are."""

from typing import Any

from rich.table import Table

from xaisigns.base.language import Language
from xaisigns.cli.options import Output
from xaisigns.cli.terminal import print_table, say
from xaisigns.cli.words import WORDS


def metrics(*, output: Output) -> None:
    """List the metrics by group: what each asks, which direction is better, its range, when there is no score."""
    from xaisigns.metrics.catalogue import groups

    rows = [metric.document(output.lang) for own in groups().values() for metric in own]
    output.show({"metrics": rows}, _print)


def _print(document: dict[str, Any], language: Language) -> None:
    rows = document["metrics"]
    columns = ("group", "metric", "name", "asks", "better", "range", "nan", "source")
    table = Table(*(WORDS(key, language) for key in columns))
    for row, before, after in zip(rows, [None, *rows], [*rows[1:], None], strict=False):
        first, last = (other is None or other["group"] != row["group"] for other in (before, after))
        better, shown = WORDS(row["better"], language), row["group"] if first else ""
        cells = (row["label"], row["name"], row["description"], better, row["range"], row["nan"], row["source"])
        table.add_row(shown, *cells, end_section=last)
    print_table(table)
    groups = list(dict.fromkeys(row["group"] for row in rows))
    say(WORDS("measured_by", language, group=",".join(groups[:2])))
