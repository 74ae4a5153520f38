"""The keys of --json are those of docs/json.md, neither more nor less."""

import json
import re

import numpy as np
import pytest

import xaisigns as xs
from tests.conftest import REPOSITORY
from tests.repairs import written_findings
from xaisigns.base.cache import cached_arrays

SIGN = REPOSITORY / "examples/signs/speed-50-sticker.png"
LITTLE = "--per-class 1 --steps 2"
TUNED = {"layers": 1, "parameters": 1}
EXPLAINED = "--npy --ledger --layer features.8 --channels features.8=1,2 --target 4 --against 2"
# Section of the document, command, and the keys below which names of things are keys: for how many levels.
COMMANDS = [
    ("explain", f"explain {{sign}} {{broken}} --out {{out}} {EXPLAINED}", {"channels": 1}),
    ("attribute", "attribute {gtsrb} --model {model} --out {out} --methods edges", {}),
    ("live", "live --model {model} --port 0", {}),
    ("export", "export {store} --virelay {out}", {}),
    ("compare", "compare {sign} {broken} --out {out} --methods lrp", {}),
    ("methods", "methods", {"options": 1}),
    ("metrics", "metrics", {}),
    ("rules", "rules", {"parameters": 1}),
    ("evaluate", "evaluate {gtsrb}", {"success_by_class": 1, "right_by_class": 1}),
    (
        "score",
        f"score {{gtsrb}} --out {{out}} --methods lrp,edges {LITTLE}",
        {"metrics": 1, "methods": 2, "seconds": 1},
    ),
    ("tune", "tune {gtsrb} --model {model} --masks roi --per-class 1 --held-out 1 --out {out}.toml", TUNED),
    (
        "audit",
        "audit {gtsrb} --model {model} --reference none --out {out}",
        {"thresholds": 1, "limits": 1, "images": 1},
    ),
    (
        "repair",
        "repair {gtsrb} --model {model} --finding {findings} --out {out}.safetensors --steps 1",
        {"settings": 1},
    ),
    ("report", "report {gtsrb} --out {out}.pdf --html {out}.html --methods lrp --classes 14 --examples 1", {}),
    ("train", "train {gtsrb} --out {out}.safetensors --epochs 1 --input-size 32 --drawn 1", {}),
    ("data info and data download", "data info {drawn}", {"splits": 1}),
    ("data layouts", "data layouts", {"expected": 1}),
    ("data sticker", "data sticker {gtsrb} {out}", {"counts": 1}),
    ("data render", "data render {out} --per-class 1 --size 16 --sticker-class 4", {"counts": 1}),
    ("cache info", "cache info", {"kinds": 1}),
    ("cache clear", "cache clear", {"removed": 1}),
]
SETTINGS = {"training", "manipulation", "stickers"}


@pytest.mark.usefixtures("few_rules", "made_up_audit", "made_up_repair", "unserved")
@pytest.mark.parametrize(("section", "command", "named"), COMMANDS, ids=[command[0] for command in COMMANDS])
def test_the_keys_are_those_of_the_document(section, command, named, run, gtsrb, drawn, untrained, tmp_path):
    cached_arrays("scores", [section], lambda: {"a": np.zeros(3)})
    broken = tmp_path / "broken.png"
    broken.write_text("no picture")
    places = {
        "sign": SIGN,
        "broken": broken,
        "gtsrb": gtsrb,
        "drawn": drawn,
        "model": untrained,
        "out": tmp_path / "out",
    }
    if "{findings}" in command:
        places["findings"] = written_findings(untrained, gtsrb, tmp_path / "audit")
    if "{store}" in command:
        places["store"] = tmp_path / "store"
        xs.write_store(untrained, gtsrb, "edges", out=places["store"])
    _, printed, told = run(*(part.format(**places) for part in command.split()), "--json")
    assert printed, told
    assert _keys(json.loads(printed), named) == _documented(section)


@pytest.mark.parametrize("command", ["explain", "compare"])
def test_answers_of_several_models_have_the_keys_of_one(command, run, untrained, tmp_path):
    (tmp_path / "broken.png").write_text("no picture")
    options, named = (EXPLAINED, {"channels": 1}) if command == "explain" else ("--methods lrp", {})
    models = ("--model", untrained, "--model", "clean")
    _, printed, told = run(
        command, SIGN, tmp_path / "broken.png", *models, "--out", tmp_path / "out", *options.split(), "--json"
    )
    assert printed, told
    several = _documented("explain and compare with several models")
    assert {"answers", "model"} <= several
    assert _keys(json.loads(printed), named) == _documented(command) | several


@pytest.fixture
def drawn(run, tmp_path):
    """A drawn data set without its training images."""
    run("data", "render", tmp_path / "drawn", "--per-class", 1, "--size", 16)
    (tmp_path / "drawn/GTSRB/Final_Training").rename(tmp_path / "gone")
    return tmp_path / "drawn"


def _keys(value, named, level=0):
    """The keys in a document, but for names of things and for settings."""
    if isinstance(value, list):
        return set().union(*(_keys(one, named) for one in value))
    if not isinstance(value, dict):
        return set()
    below = (
        _keys(one, named, level - 1 if level else named.get(key, 0))
        for key, one in value.items()
        if key not in SETTINGS
    )
    return set().union(*below) | (set() if level else set(value))


def _documented(section):
    page = (REPOSITORY / "docs/json.md").read_text(encoding="utf-8")
    text = re.search(rf"^## {section}$.*?^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
    values = r': "[^"]*"|"[\w-]+"(?: \| (?:"[\w-]+"|null))+'
    return set(re.findall(r'"(\w+)"', re.sub(values, "", text)))
