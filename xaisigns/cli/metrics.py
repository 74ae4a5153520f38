"""xaisigns metrics: which metrics there are."""

from typing import Any

from rich.table import Table

from xaisigns.base.language import Language
from xaisigns.cli.options import Output
from xaisigns.cli.terminal import print_table, say
from xaisigns.cli.words import WORDS

_FACTS = ("better", "range", "nan", "source")
_WIDEST = 56  # letters of the last column: the table has about 110


def metrics(*, output: Output) -> None:
    """List the metrics by group: what each asks, which direction is better, its range, when there is no score."""
    from xaisigns.metrics.catalogue import groups

    rows = [metric.document(output.lang) for own in groups().values() for metric in own]
    output.show({"metrics": rows}, _print)


def _facts(row: dict[str, str], language: Language) -> str:
    """What else there is to tell of a metric."""
    facts = {**row, "better": WORDS(row["better"], language)}
    return "; ".join(f"{WORDS(key, language)}: {facts[key]}" for key in _FACTS if facts[key])


def _print(document: dict[str, Any], language: Language) -> None:
    rows = document["metrics"]
    table = Table(*(WORDS(key, language) for key in ("group", "name")))
    table.add_column(WORDS("asks", language), max_width=_WIDEST)
    for row, before, after in zip(rows, [None, *rows], [*rows[1:], None], strict=False):
        first, last = (other is None or other["group"] != row["group"] for other in (before, after))
        table.add_row(row["group"] if first else "", row["name"], row["description"])
        table.add_row("", row["label"], _facts(row, language), end_section=last)
    print_table(table)
    groups = list(dict.fromkeys(row["group"] for row in rows))
    say(WORDS("measured_by", language, group=",".join(groups[:2])))
