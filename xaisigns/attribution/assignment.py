"""Which layer gets which rule: the caller's choices by name, index and type over a composite; also from a TOML file."""

import itertools
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from torch import nn

from xaisigns.attribution import layers as kinds
from xaisigns.attribution.composites import find_composite
from xaisigns.attribution.flow import first_layers, gate_layers, input_affines
from xaisigns.attribution.layers import SUPPORTED, WEIGHTED
from xaisigns.attribution.named_rules import Rule
from xaisigns.attribution.network import Network, changes_of, leaves, types_of
from xaisigns.attribution.options import Value
from xaisigns.base.bounds import shown
from xaisigns.base.files import is_file, whole_file
from xaisigns.errors import DataError, RuleError

Key = str | int | type[nn.Module]
Rules = Mapping[Key, Rule | str]

RULES_MARK = b"# Rules of LRP, written by xaisigns."
_LONGEST = 1_000_000  # bytes of a file of rules
_MOST_DOTS = 2_000
_OWN_KINDS = (
    kinds.Affine,
    kinds.Concatenation,
    kinds.Gate,
    kinds.Interpolation,
    kinds.Mean,
    kinds.Rearrangement,
    kinds.Sum,
)
_TYPES = {kind.__name__: kind for kind in (*SUPPORTED, *_OWN_KINDS)}
_GATED = Rule("gradient"), "gate"
# A pixel's relevance is that of the same pixel in other units.
_NORMALISING = Rule("pass"), "composite"


@dataclass(frozen=True)
class Assignment:
    """A layer's rule and who chose it: "name", "index", "type" or "composite"; "gate" where no relevance arrives."""

    layer: str
    type: str
    rule: Rule
    source: str


def assign(network: Network, composite: str, rules: Rules | None = None) -> list[Assignment]:
    """The rule of every layer of a canonized network, in the order of the forward pass.

    A key of ``rules`` that is a str is a layer's name, with the wildcards ``*`` and ``?``; an int is an index over the
    convolution and linear layers, from the end where negative; a class is a type of layer. A name wins over an index,
    an index over a type, a type over the composite; an exact name over one with wildcards; otherwise the first given.
    Raises RuleError for a composite, rule, layer, index or type that does not exist, with those that do.
    """
    chosen = find_composite(composite)
    layers = leaves(network)
    weighted = [name for name, layer in layers.items() if isinstance(layer, WEIGHTED)]
    first, gated, normalising = first_layers(network), gate_layers(network), input_affines(network)
    own = {key: rule if isinstance(rule, Rule) else Rule(rule) for key, rule in _given(rules).items()}
    _refuse_unknown(own, layers, weighted)
    table = []
    for name, layer in layers.items():
        found = _own_choice(own, name, layer, weighted)
        if found is None and name in gated:
            found = _GATED
        if found is None and name in normalising:
            found = _NORMALISING
        if found is None:
            rule = chosen.rule(layer, is_first=name in first)
            if rule is None:
                raise RuleError(
                    f"composite {composite!r} has no rule for layer {name!r} of type {type(layer).__name__}"
                )
            found = rule, "composite"
        table.append(Assignment(name, type(layer).__name__, *found))
    return table


def rule_table(network: Network, assignments: Sequence[Assignment]) -> list[dict[str, Any]]:
    """How LRP will explain a canonized network, as plain data: a row for each layer in the order of the forward pass.

    ``assignments`` are those of the ``LRP`` that was built for it. A row has layer, type (the caller's own), rule,
    parameters, source (as in ``assign``) and change (``Change`` as a dict, or None).
    """
    changed, types = changes_of(network), types_of(network)
    return [
        {
            "layer": row.layer,
            "type": types[row.layer],
            "rule": row.rule.name,
            "parameters": row.rule.settings,
            "source": row.source,
            "change": changed[row.layer]._asdict() if row.layer in changed else None,
        }
        for row in assignments
    ]


def gates_joined(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of ``rule_table`` to be read: neighbours that only feed gates are one row, and have no rule in it."""
    joined: list[dict[str, Any]] = []
    for is_gate, run in itertools.groupby(rows, lambda row: row["source"] == "gate"):
        found = list(run)
        if is_gate:
            types = ", ".join(dict.fromkeys(row["type"] for row in found))
            name = _from_to(found[0]["layer"], found[-1]["layer"])
            found = [{**found[0], "layer": name, "type": types, "rule": "", "parameters": {}, "change": None}]
        joined.extend(found)
    return joined


def _from_to(first: str, last: str) -> str:
    """Two names as one text; where the last is of the same module, that is told once."""
    parent, _, own = last.rpartition(".")
    if first == last:
        return first
    return f"{first} … {own if first.rpartition('.')[0] == parent else last}"


def rules_text(rules: Rules | None) -> str:
    """The one text for rules, whatever they are made of; empty for none."""
    told = []
    for key, rule in _given(rules).items():
        chosen = rule if isinstance(rule, Rule) else Rule(rule)
        layer = f"{key.__module__}.{key.__qualname__}" if isinstance(key, type) else key
        settings = {name: _plain(value) for name, value in sorted(chosen.settings.items())}
        told.append([type(key).__name__, str(layer), chosen.name, settings])
    return f":{json.dumps(told)}" if told else ""


def are_built_in(rules: Rules | None) -> bool:
    """Whether the names and parameters of the rules tell all that they do."""
    return all((rule if isinstance(rule, Rule) else Rule(rule)).is_built_in for rule in _given(rules).values())


def read_rules(path: Path) -> dict[Key, Rule]:
    """Rules from a TOML file with the tables ``name``, ``index`` and ``type``.

    A value is a rule's name, or a table of ``rule`` and its parameters. Raises RuleError, with the path, for a file
    that is missing or says anything else.
    """
    try:
        document = _document(path)
    except (OSError, ValueError, DataError) as error:
        raise RuleError(f"{path} cannot be read as a TOML file of rules: {str(error)[:200]}") from error
    except RecursionError as error:
        raise RuleError(f"{path} cannot be read as a TOML file of rules: it is nested too deeply") from error
    try:
        return _rules(document)
    except RuleError as error:
        raise RuleError(f"{path}: {error}") from error


def write_rules(path: Path, rules: Mapping[str, Rule], comment: str, *, force: bool = False) -> None:
    """Write rules by layer name as a TOML file that ``read_rules`` takes, with a comment of one or more lines above.

    Raises OutputError when it cannot be written, or is there and not of xaisigns without ``force``.
    """
    lines = [RULES_MARK.decode(), *(f"# {line}" for line in comment.splitlines()), "[name]"]
    for name, rule in rules.items():
        values = "".join(f", {parameter} = {_toml(value)}" for parameter, value in rule.parameters.items())
        lines.append(f"{_toml(name)} = {{rule = {_toml(rule.name)}{values}}}")
    with whole_file(path, RULES_MARK, force=force) as temporary:
        temporary.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _plain(value: Value) -> Value:
    """The same for 1 and 1.0."""
    return value if isinstance(value, str) else float(value)


def _toml(value: Value) -> str:
    # A JSON string is a TOML string but for one character.
    return json.dumps(_plain(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _given(rules: Rules | None) -> Rules:
    if rules is not None and not isinstance(rules, Mapping):
        raise RuleError(
            f"rules are wanted as a mapping from layers to rules, got {shown(rules)}; read_rules reads a file"
        )
    return rules or {}


def _document(path: Path) -> dict[str, Any]:
    if not is_file(path):
        raise ValueError("there is no such file")
    with path.open("rb") as file:
        content = file.read(_LONGEST + 1)
    if not content or len(content) > _LONGEST:
        raise ValueError(f"wanted a file of 1 to {_LONGEST} bytes")
    if content.count(b".") > _MOST_DOTS:  # tomllib takes minutes over a key of thousands of parts
        raise ValueError(f"wanted at most {_MOST_DOTS} dots")
    # Some editors begin a file with a byte-order mark.
    return tomllib.loads(content.decode("utf-8-sig"))


def _rules(document: dict[str, Any]) -> dict[Key, Rule]:
    rules: dict[Key, Rule] = {}
    for table, text, value in _entries(document):
        key = _key(table, text)
        if key in rules:
            raise RuleError(f"{table} {shown(text)} comes twice")
        rules[key] = _rule(value)
    return rules


def _entries(document: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for table, entries in document.items():
        if table not in ("name", "index", "type") or not isinstance(entries, dict):
            raise RuleError(f"no table {shown(table)} is known; there are [name], [index] and [type]")
        for key, value in entries.items():
            yield table, key, value


def _key(table: str, key: str) -> Key:
    if table == "name":
        return key
    if table == "type":
        if key not in _TYPES:
            raise RuleError(f"no type {shown(key)}; there are {', '.join(_TYPES)}")
        return _TYPES[key]
    if not re.fullmatch("-?[0-9]{1,9}", key):
        raise RuleError(f"index {shown(key)} is not a whole number")
    return int(key)


def _rule(value: Any) -> Rule:
    if isinstance(value, str):
        return Rule(value)
    if isinstance(value, dict) and isinstance(value.get("rule"), str):
        return Rule(value["rule"], {name: given for name, given in value.items() if name != "rule"})
    raise RuleError(f'a rule is wanted, such as "epsilon" or {{rule = "gamma", gamma = 0.1}}, got {shown(value)}')


def _own_choice(own: Mapping[Key, Rule], name: str, layer: nn.Module, weighted: list[str]) -> tuple[Rule, str] | None:
    if name in own:
        return own[name], "name"
    for key, rule in own.items():
        if isinstance(key, str) and fnmatchcase(name, key):
            return rule, "name"
    if name in weighted:
        place = weighted.index(name)
        for index in (place, place - len(weighted)):
            if index in own:
                return own[index], "index"
    for key, rule in own.items():
        if isinstance(key, type) and isinstance(layer, key):
            return rule, "type"
    return None


def _refuse_unknown(own: Mapping[Key, Rule], layers: Mapping[str, nn.Module], weighted: list[str]) -> None:
    for key in own:
        if isinstance(key, bool) or not isinstance(key, str | int | type):
            raise RuleError(f"rules are for a layer's name, index or type, got {shown(key)}")
        if isinstance(key, str) and not any(name == key or fnmatchcase(name, key) for name in layers):
            raise RuleError(f"no layer {shown(key)}; there are {', '.join(layers)}")
        if isinstance(key, int) and not -len(weighted) <= key < len(weighted):
            raise RuleError(
                f"no layer with index {key}: the convolution and linear layers are 0 to {len(weighted) - 1}, "
                f"or -{len(weighted)} to -1 from the end"
            )
        if isinstance(key, type) and not any(isinstance(layer, key) for layer in layers.values()):
            there = ", ".join(sorted({type(layer).__name__ for layer in layers.values()}))
            raise RuleError(f"no layer of type {key.__name__}; there are {there}")
