"""xaisigns metrics: which metrics there are."""

from rich.table import Table

from xaisigns.cli.terminal import Json, Lang, print_json, print_table, say
from xaisigns.cli.words import WORDS


def metrics(lang: Lang = "en", json: Json = False) -> None:
    """Print each metric by group: what it asks, which direction is better, its range, when there is no score."""
    from xaisigns.metrics.catalogue import groups

    found = {group: [metric.document(lang) for metric in own] for group, own in groups().items()}
    if json:
        print_json({"metrics": [document for documents in found.values() for document in documents]})
        return
    columns = ("group", "metric", "name", "asks", "better", "range", "nan", "source")
    table = Table(*(WORDS(key, lang) for key in columns))
    for group, documents in found.items():
        for number, row in enumerate(documents, 1):
            better, shown = WORDS(row["better"], lang), group if number == 1 else ""
            cells = (row["label"], row["name"], row["description"], better, row["range"], row["nan"], row["source"])
            table.add_row(shown, *cells, end_section=number == len(documents))
    print_table(table)
    say(WORDS("measured_by", lang, group=",".join(list(found)[:2])))
