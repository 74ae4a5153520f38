"""xaisigns rules: which rule LRP applies to which layer."""

from typing import Any

from rich.table import Table

from xaisigns.attribution.options import Value
from xaisigns.base.language import Language
from xaisigns.base.texts import Texts
from xaisigns.cli.options import Composite, Network, Output, RuleFile
from xaisigns.cli.terminal import print_table, say
from xaisigns.cli.words import WORDS

_RULES = Texts("rules")


def rules(
    *,
    network: Network,
    composite: Composite = "epsilon_gamma_box:gamma=0.05",
    rules: RuleFile = None,
    output: Output,
) -> None:
    """Show each layer's type, rule and parameters, what chose the rule, and what is changed before LRP."""
    from xaisigns.attribution.assignment import read_rules, rule_table
    from xaisigns.attribution.composites import COMPOSITES
    from xaisigns.attribution.lrp import LRP
    from xaisigns.attribution.named_rules import RULES
    from xaisigns.attribution.specification import read_specification

    model = network.load()
    chosen = read_rules(rules) if rules else None
    lrp = LRP(model.module, composite, chosen, model.bounds)
    document = {
        "model": network.model,
        "composite": str(read_specification(composite)),
        "layers": rule_table(lrp.network, lrp.assignments),
        "composites": list(COMPOSITES),
        "rules": list(RULES),
    }
    output.show(document, _print)


def _told(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _print(document: dict[str, Any], language: Language) -> None:
    from xaisigns.attribution.assignment import gates_joined

    table = Table(*(WORDS(key, language) for key in ("layer", "type", "rule", "parameters", "chosen_by", "before_lrp")))
    for row in gates_joined(document["layers"]):
        parameters = ", ".join(f"{name}={_told(value)}" for name, value in row["parameters"].items())
        source, changed = _RULES(f"source_{row['source']}", language), row["change"]
        change = _RULES(f"change_{changed['kind']}", language, into=changed["into"]) if changed else ""
        table.add_row(row["layer"], row["type"], row["rule"], parameters, source, change)
    print_table(table)
    for kind in ("composites", "rules"):
        say(WORDS(kind, language, names=", ".join(document[kind])))
