"""xaisigns rules: which rule LRP uses for which layer."""

from typing import Any

from rich.table import Table

from xaisigns.base.language import Language
from xaisigns.cli.options import Composite, Network, Output, RuleFile
from xaisigns.cli.terminal import print_table, say
from xaisigns.cli.words import WORDS


def rules(
    *,
    network: Network,
    composite: Composite = "epsilon_gamma_box:gamma=0.05",
    rules: RuleFile = None,
    output: Output,
) -> None:
    """Print each layer's type, rule and parameters, who chose the rule, and what is changed before LRP."""
    from xaisigns.attribution.assignment import read_rules, rule_table
    from xaisigns.attribution.lrp import LRP
    from xaisigns.attribution.specification import read_specification

    model = network.load()
    chosen = read_rules(rules) if rules else None
    LRP(model, composite, chosen, model.bounds)  # refuses a rule that does not fit its layer, which no table tells
    layers = rule_table(model, composite, chosen)
    named = str(read_specification(composite))
    output.show({"model": network.model, "composite": named, "layers": layers}, _print)


def _print(document: dict[str, Any], language: Language) -> None:
    from xaisigns.attribution.composites import COMPOSITES
    from xaisigns.report.words import WORDS as REPORT_WORDS
    from xaisigns.report.words import told_change

    words = WORDS.all(language)
    table = Table(*(words[key] for key in ("layer", "type", "rule", "parameters", "chosen_by", "before_lrp")))
    for row in document["layers"]:
        parameters = ", ".join(f"{name}={value:g}" for name, value in row["parameters"].items())
        source, change = REPORT_WORDS[language][f"source_{row['source']}"], told_change(row["change"], language)
        table.add_row(row["layer"], row["type"], row["rule"], parameters, source, change)
    print_table(table)
    say(words["composites"].format(names=", ".join(COMPOSITES)))
