"""xaisigns rules: which rule LRP uses for which layer."""

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
    """Print each layer's type, rule and parameters, who chose the rule, and what is changed before LRP."""
    from xaisigns.attribution.assignment import read_rules, rule_table
    from xaisigns.attribution.composites import COMPOSITES
    from xaisigns.attribution.lrp import LRP
    from xaisigns.attribution.specification import read_specification

    network = load(model, input_size, mean, std)
    chosen = read_rules(rules) if rules else None
    LRP(network, composite, chosen, network.bounds)  # refuses a rule that does not fit its layer, which no table tells
    layers = rule_table(network, composite, chosen)
    if json:
        print_json({"model": model, "composite": str(read_specification(composite)), "layers": layers})
        return
    _print(layers, lang)
    say(WORDS("composites", lang, names=", ".join(COMPOSITES)))


def _print(layers: list[dict[str, Any]], language: Language) -> None:
    table = Table(*(WORDS(key, language) for key in ("layer", "type", "rule", "parameters", "chosen_by", "before_lrp")))
    for row in layers:
        parameters = ", ".join(f"{name}={value:g}" for name, value in row["parameters"].items())
        source, changed = _RULES(f"source_{row['source']}", language), row["change"]
        change = _RULES(f"change_{changed['kind']}", language, into=changed["into"]) if changed else ""
        table.add_row(row["layer"], row["type"], row["rule"], parameters, source, change)
    print_table(table)
