"""xaisigns rules: which rule LRP applies to which layer."""

from typing import Any

from rich.table import Table

from xaisigns.base.language import Language
from xaisigns.base.texts import Texts
from xaisigns.cli.terminal import (
    Composite,
    InputSize,
    Json,
    Lang,
    Mean,
    Model,
    RuleFile,
    Std,
    load,
    print_json,
    print_table,
    say,
)
from xaisigns.cli.words import WORDS

_RULES = Texts("rules")


def rules(
    model: Model = "stickered",
    composite: Composite = "epsilon_gamma_box:gamma=0.05",
    rules: RuleFile = None,
    lang: Lang = "en",
    input_size: InputSize = None,
    mean: Mean = None,
    std: Std = None,
    json: Json = False,
) -> None:
    """Show each layer's type, rule and parameters, what chose the rule, and what is changed before LRP."""
    from xaisigns.attribution.assignment import read_rules, rule_table
    from xaisigns.attribution.composites import COMPOSITES
    from xaisigns.attribution.lrp import LRP
    from xaisigns.attribution.named_rules import RULES
    from xaisigns.attribution.specification import read_specification

    network = load(model, input_size, mean, std)
    chosen = read_rules(rules) if rules else None
    lrp = LRP(network.module, composite, chosen, network.bounds)
    layers = rule_table(network.module, lrp.assignments)
    if json:
        print_json(
            {
                "model": model,
                "composite": str(read_specification(composite)),
                "layers": layers,
                "composites": list(COMPOSITES),
                "rules": list(RULES),
            }
        )
        return
    _print(layers, lang)
    say(WORDS("composites", lang, names=", ".join(COMPOSITES)))
    say(WORDS("rules", lang, names=", ".join(RULES)))


def _print(layers: list[dict[str, Any]], language: Language) -> None:
    table = Table(*(WORDS(key, language) for key in ("layer", "type", "rule", "parameters", "chosen_by", "before_lrp")))
    for row in layers:
        parameters = ", ".join(f"{name}={value:g}" for name, value in row["parameters"].items())
        source, changed = _RULES(f"source_{row['source']}", language), row["change"]
        change = _RULES(f"change_{changed['kind']}", language, into=changed["into"]) if changed else ""
        table.add_row(row["layer"], row["type"], row["rule"], parameters, source, change)
    print_table(table)
