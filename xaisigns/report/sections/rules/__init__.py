"""How LRP was set: the rule of every layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from xaisigns.attribution.assignment import gates_joined, rule_table
from xaisigns.attribution.options import Value
from xaisigns.base.language import Language
from xaisigns.base.numbers import number, written
from xaisigns.base.texts import Texts
from xaisigns.report.page_text import plain
from xaisigns.report.report import Report
from xaisigns.report.section import Section

if TYPE_CHECKING:
    from xaisigns.report.collection import Source

_RULES = Texts("rules")


@dataclass(frozen=True)
class RuleRow:
    """A layer and its rule, as gates_joined says it."""

    layer: str
    type: str
    rule: str
    parameters: Mapping[str, Value]
    source: str
    change: Mapping[str, str | None] | None = None


@dataclass(frozen=True)
class Rules(Section):
    """The composite, and each layer's rule from the input on."""

    order = 50

    composite: str
    rules: tuple[RuleRow, ...]

    @classmethod
    def collect(cls, source: "Source") -> Self | None:
        """Those of the first LRP; None without one."""
        if source.lrp is None:
            return None
        rows = gates_joined(rule_table(source.lrp.network, source.lrp.assignments))
        return cls(source.lrp.composite, tuple(RuleRow(**row) for row in rows))

    def tell(self, report: Report) -> dict[str, Any]:
        """The rows of the table."""
        language = report.language
        rows = [
            {
                "layer": plain(row.layer),
                "type": plain(row.type),
                "rule": plain(row.rule),
                "parameters": plain(", ".join(_told(key, value, language) for key, value in row.parameters.items())),
                "source": _RULES(f"source_{row.source}", language),
                "change": plain(told_change(row.change, language)),
            }
            for row in self.rules
        ]
        return {"note": self.texts("note", language, composite=plain(self.composite)), "rules": rows}


def _told(name: str, value: Value, language: Language) -> str:
    """A parameter with all digits that it has, and no more."""
    if isinstance(value, str):
        return f"{name} {value}"
    short = f"{value:g}"
    return f"{name} {number(value, language) if 'e' in short else written(short, language)}"


def told_change(change: Mapping[str, str | None] | None, language: Language) -> str:
    """What canonization does to a layer, as ``rule_table`` says it; empty where it does nothing."""
    return "" if change is None else _RULES(f"change_{change['kind']}", language, into=change["into"])
