"""Every command in German: by --lang, and by XAISIGNS_LANG."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

import xaisigns as xs
from xaisigns.attribution.assignment import rule_table
from xaisigns.attribution.composites import COMPOSITES
from xaisigns.attribution.methods import methods
from xaisigns.cli import words
from xaisigns.data import download
from xaisigns.data.examples import example_signs
from xaisigns.data.image_set import Layout, Split
from xaisigns.data.manipulation import Manipulation
from xaisigns.metrics import tuning
from xaisigns.model.checkpoint import save_model

REPOSITORY = Path(__file__).parents[2]
LITTLE = ("--per-class", "1", "--masks", "roi")
# With what stands behind them; MODEL was trained with stickers.
COMMANDS = {
    "explain": ("explain", "SIGN", "--model", "MODEL", "--ledger", "--out", "OUT"),
    "compare": ("compare", "SIGN", "--model", "MODEL", "--methods", "lrp,edges", "--out", "OUT"),
    "evaluate": ("evaluate", "GTSRB", "--model", "MODEL"),
    "score": (
        *("score", "GTSRB", "--model", "MODEL", *LITTLE, "--steps", "2", "--methods", "saliency,edges", "--out", "OUT"),
    ),
    "score for long": (
        *("score", "GTSRB", "--model", "MODEL", *LITTLE, "--methods", "saliency", "--metrics", "robustness"),
        *("--out", "OUT"),
    ),
    "rules": ("rules", "--model", "MODEL"),
    "methods": ("methods",),
    "tune": ("tune", "GTSRB", "--model", "MODEL", *LITTLE, "--held-out", "1", "--out", "OUT.toml"),
    "train": ("train", "GTSRB", "--out", "OUT.safetensors", "--input-size", "32", "--epochs", "1"),
    "report": ("report", "GTSRB", "--model", "MODEL", "--methods", "lrp:epsilon,edges", "--html", "OUT.html"),
    "data info": ("data", "info", "GTSRB"),
    "data sticker": ("data", "sticker", "GTSRB", "OUT"),
    "data render": ("data", "render", "OUT", "--per-class", "1", "--size", "16"),
    "data download": ("data", "download", "GTSRB"),
}
# What is called the same in both languages, beside what one types.
SHARED = """
    auc backpropagation cam contrast flipping grad guided identity logit name option pixel shapley slic sobel superpixel
    test training"""


@pytest.fixture
def command(run, gtsrb, untrained, few_rules, tmp_path, monkeypatch):
    """Runs one of the commands above and gives what it printed, each time into a new place."""
    monkeypatch.setattr(download, "ARCHIVES", ())
    monkeypatch.setattr(tuning, "COMPARED", ("epsilon",))
    model = xs.load_model(untrained)
    model.card["manipulation"] = Manipulation(4).to_json()
    save_model(model, tmp_path / "stickered.safetensors")
    example_signs()["speed-50"].save(tmp_path / "sign.png")
    places = {"GTSRB": gtsrb, "MODEL": tmp_path / "stickered.safetensors", "SIGN": tmp_path / "sign.png"}
    runs = 0

    def call(name, *more):
        nonlocal runs
        runs += 1
        places["OUT"] = tmp_path / f"out{runs}"
        arguments = [re.sub(r"^[A-Z]+", lambda m: str(places.get(m[0], m[0])), word) for word in COMMANDS[name]]
        code, printed, told = run(*arguments, *more)
        assert code == 0, told
        return printed.replace(str(tmp_path), ""), told

    return call


def typed(model):
    """Words that are the same in every language: names of methods, composites, rules, layers, sources."""
    rows = rule_table(xs.load_model(model), "epsilon_gamma_box")
    names = [*COMPOSITES, *(text for row in rows for text in (row["layer"], row["type"], row["rule"]))]
    names += [text for row in rows for text in row["parameters"]]
    for method in methods():
        names += [method.name, method.source or "", *method.options]
    return set(words_of(" ".join(names)))


def words_of(text):
    """Words of three letters or more that stand in no path and are no option."""
    return re.findall(r"[a-zäöü]{3,}", re.sub(r"\S*/\S*|--\S+", "", text.casefold()))


@pytest.mark.parametrize("name", COMMANDS)
def test_no_english_is_left_in_german(name, command, untrained):
    english, of_english = command(name)
    german, of_german = command(name, "--lang", "de")
    assert german.count("\n") == english.count("\n")
    both = set(words_of(english + of_english)) & set(words_of(german + of_german))
    assert both - typed(untrained) - set(SHARED.split()) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_variable_does_the_same_and_keys_stay_as_they_are(name, command, monkeypatch):
    english = json.loads(command(name, "--json")[0])
    monkeypatch.setenv("XAISIGNS_LANG", "de")
    german = json.loads(command(name, "--json")[0])
    assert keys(german) == keys(english)


@pytest.mark.parametrize("name", COMMANDS)
def test_another_language_is_wrong_usage(name, run, tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_LANG", "fr")
    monkeypatch.chdir(tmp_path)
    code, printed, told = run(*COMMANDS[name])
    assert (code, printed) == (2, "")
    shown = " ".join(told.replace("│", " ").split())
    assert "XAISIGNS_LANG" in shown
    assert "'fr' is not one of 'de', 'en'" in shown
    assert list(tmp_path.iterdir()) == []


def test_names_and_descriptions_in_json_follow_the_language(command, tmp_path):
    document = json.loads(command("evaluate", "--lang", "de", "--json")[0])
    assert document["classes"][14]["name"] == "Halt! Vorfahrt gewähren"
    document = json.loads(command("compare", "--lang", "de", "--target", "9", "--json")[0])
    assert document["results"][0]["rows"][0]["name"] == "Überholverbot"
    document = json.loads(command("methods", "--lang", "de", "--json")[0])
    assert document["methods"][-1]["description"] == "Kontrolle: überall derselbe Wert."
    document = json.loads(command("score", "--lang", "de", "--json")[0])
    assert document["metrics"]["pointing_game"]["description"] == "Liegt das relevanteste Pixel in der Maske?"
    table = (tmp_path / document["files"]["md"].lstrip("/")).read_text(encoding="utf-8")
    assert table.startswith("| Verfahren | Relevanzmasse ↑ |")


def test_the_option_wins_over_the_variable_and_help_names_both(run, monkeypatch):
    monkeypatch.setenv("XAISIGNS_LANG", "fr")
    assert "überall derselbe Wert" in run("methods", "--lang", "de")[1]
    code, printed, _ = run("methods", "--help")
    assert code == 0
    assert "XAISIGNS_LANG" in printed
    assert "--lang" in printed


def test_everything_that_is_looked_up_has_its_words():
    source = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "xaisigns").rglob("*.py"))
    assert set(re.findall(r'\bbar\("([^"]+)"\)', source)) == words.BARS.keys()
    for told in words.WORDS.values():
        assert {*get_args(Split), *(f"layout_{layout}" for layout in get_args(Layout))} <= told.keys()


def keys(document):
    """The document's keys, all entries of a list as one."""
    if isinstance(document, dict):
        return {key: keys(value) for key, value in document.items()}
    if isinstance(document, list):
        return [keys(value) for value in document[:1]]
    return None
