"""Who chose a layer's rule, and what canonization does to the layer, in words."""

from collections.abc import Mapping

from xaisigns.base.language import Language
from xaisigns.report.section import WORDS


def told_source(source: str, language: Language) -> str:
    """Who chose the rule, as ``rule_table`` names it."""
    return WORDS(f"source_{source}", language)


def told_change(change: Mapping[str, str | None] | None, language: Language) -> str:
    """What canonization does to a layer, as ``rule_table`` says it; empty where it does nothing."""
    return "" if change is None else WORDS(f"change_{change['kind']}", language, into=change["into"])
