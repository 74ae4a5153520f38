"""Every command in German and in a language that is made up: by --lang, and by XAISIGNS_LANG."""

import json
import platform
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pypdf import PdfReader

import xaisigns as xs
import xaisigns.cli
from tests.catalogues import left_of_english
from xaisigns.attribution.assignment import rule_table
from xaisigns.attribution.composites import COMPOSITES
from xaisigns.attribution.methods import methods
from xaisigns.attribution.named_rules import RULES
from xaisigns.base.language import languages
from xaisigns.base.texts import Texts
from xaisigns.cli import words
from xaisigns.data import download
from xaisigns.data.drawn.examples import example_signs
from xaisigns.data.image_set import SPLITS
from xaisigns.data.layouts import LAYOUTS
from xaisigns.data.manipulation import Manipulation
from xaisigns.model.checkpoint import save_model
from xaisigns.study import tuning

pytestmark = pytest.mark.usefixtures("narrow")

REPOSITORY = Path(__file__).parents[2]
LITTLE = ("--per-class", "1", "--masks", "roi")
# With what stands behind them; MODEL was trained with stickers.
COMMANDS = {
    "explain": ("explain", "SIGN", "--model", "MODEL", "--ledger", "--out", "OUT"),
    "compare": ("compare", "SIGN", "--model", "MODEL", "--methods", "lrp,edges", "--out", "OUT"),
    "explain with two models": (
        *("explain", "SIGN", "--model", "MODEL", "--model", "OTHER", "--ledger", "--layer", "features.8"),
        *("--out", "OUT"),
    ),
    "compare with two models": (
        *("compare", "SIGN", "--model", "MODEL", "--model", "OTHER", "--methods", "lrp,edges", "--out", "OUT"),
    ),
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
    "audit": ("audit", "GTSRB", "--model", "MODEL", "--reference", "none", "--out", "OUT"),
    "report": ("report", "GTSRB", "--model", "MODEL", "--methods", "lrp:epsilon,edges", "--html", "OUT.html"),
    "live": ("live", "--model", "MODEL", "--port", "0"),
    "data info": ("data", "info", "GTSRB"),
    "data layouts": ("data", "layouts"),
    "cache info": ("cache", "info"),
    "cache clear": ("cache", "clear"),
    "data sticker": ("data", "sticker", "GTSRB", "OUT"),
    "data render": ("data", "render", "OUT", "--per-class", "1", "--size", "16"),
    "data download": ("data", "download", "GTSRB"),
}
# Names of programs and files, and what stands behind numbers in every language.
NAMED_IN_REPORTS = (
    "xaisigns report",
    "captum numpy pillow torch torchvision Python python typst",
    "stickered safetensors gtsrb speed-50-sticker.png xx",
    "min px LRP",
)


@pytest.fixture
def command(run, gtsrb, untrained, few_rules, made_up_audit, unserved, tmp_path, monkeypatch):
    """Runs one of the commands above and gives what it printed, each time into a new place."""
    monkeypatch.setattr(download, "ARCHIVES", ())
    monkeypatch.setattr(tuning, "COMPARED", ("epsilon",))
    model = xs.load_model(untrained)
    model.card["manipulation"] = Manipulation(4).to_json()
    save_model(model, tmp_path / "stickered.safetensors")
    example_signs()["speed-50"].save(tmp_path / "sign.png")
    places = {
        "GTSRB": gtsrb,
        "MODEL": tmp_path / "stickered.safetensors",
        "OTHER": untrained,
        "SIGN": tmp_path / "sign.png",
    }
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


@pytest.fixture
def foreign_commands(foreign, monkeypatch):
    """The command line as it is where the made-up language was there before it was imported."""
    monkeypatch.setattr(xaisigns, "cli", xaisigns.cli)
    for name in [name for name in sys.modules if name.startswith("xaisigns.cli")]:
        monkeypatch.delitem(sys.modules, name)
    yield foreign
    for name in [name for name in sys.modules if name.startswith("xaisigns.cli")]:
        del sys.modules[name]  # what was there before comes back; what was not must not stay


def typed(model):
    """What is the same in every language: names of methods, composites, layouts, rules, layers, sources."""
    network = xs.load_model(model)
    lrp = xs.LRP(network, "epsilon_gamma_box", bounds=network.bounds)
    rows = rule_table(lrp.network, lrp.assignments)
    names = [text for row in rows for text in (row["layer"], row["type"], row["rule"])]
    names += [text for row in rows for pair in row["parameters"].items() for text in map(str, pair)]
    names += ["Identity", "B kB MB GB TB", *COMPOSITES, *LAYOUTS, *RULES]
    for method in methods():
        names += [method.name, method.source or "", *method.options]
    return names


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"report"}))
def test_no_english_is_left_in_a_further_language(name, command, untrained, foreign_commands):
    printed, told = command(name, "--lang", foreign_commands)
    assert re.search("[а-я]{2}", printed)
    assert left_of_english(printed + told, [*typed(untrained), "stickered"]) == set()


def test_files_too_are_in_the_further_language(command, tmp_path, untrained, foreign_commands):
    document = json.loads(command("score", "--lang", foreign_commands, "--json")[0])
    table = (tmp_path / document["files"]["md"].lstrip("/")).read_text(encoding="utf-8").partition("<!--")[0]
    assert left_of_english(table, typed(untrained)) == set()
    assert re.search(r"0'\d{3} \(", table)
    told = [text for metric in document["metrics"].values() for text in (metric["description"], metric["nan"])]
    assert left_of_english(" ".join(told)) == set()


def test_no_english_is_left_in_a_report(command, tmp_path, untrained, foreign_commands):
    printed, told = command("report", "--lang", foreign_commands, "--out", tmp_path / "report.pdf")
    names = [*typed(untrained), *NAMED_IN_REPORTS, processor(), str(tmp_path)]
    assert left_of_english(printed + told, names) == set()
    page = Shown()
    page.feed(next(tmp_path.glob("out*.html")).read_text(encoding="utf-8"))
    # Versions and fingerprints are no words, and stand as they are.
    words = re.sub(r"\b[0-9a-f]{12,}\b|\d+(\.\d+)+\S*", "", " ".join(page.texts))
    assert sorted(left_of_english(words, names)) == []
    pages = " ".join(page.extract_text() for page in PdfReader(tmp_path / "report.pdf").pages)
    last = Texts("report.reproduction", "xaisigns.report.sections.reproduction")("heading", foreign_commands)
    assert sorted(left_of_english(pages[: pages.rindex(last)], names)) == []


def processor():
    """What the system tells of it."""
    told = Path("/proc/cpuinfo")
    return told.read_text(encoding="utf-8") if told.is_file() else f"{platform.processor()} {platform.machine()}"


class Shown(HTMLParser):
    """What a reader of a page sees or hears of it."""

    def __init__(self):
        super().__init__()
        self.texts, self._hidden = [], 0

    def handle_starttag(self, tag, attributes):
        self._hidden += tag in ("script", "style")
        self.texts += [
            text for name, text in attributes if name in ("alt", "aria-label", "placeholder", "title") if text
        ]

    def handle_endtag(self, tag):
        self._hidden -= tag in ("script", "style")

    def handle_data(self, text):
        if not self._hidden:
            self.texts.append(text)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_variable_does_the_same_and_keys_stay_as_they_are(name, command, monkeypatch):
    english = json.loads(command(name, "--json")[0])
    monkeypatch.setenv("XAISIGNS_LANG", "de")
    german = json.loads(command(name, "--json")[0])
    assert keys(german) == keys(english)


@pytest.mark.parametrize("name", COMMANDS)
def test_another_language_is_wrong_usage(name, run, tmp_path, monkeypatch):
    monkeypatch.setenv("XAISIGNS_LANG", "qq")
    monkeypatch.chdir(tmp_path)
    code, printed, told = run(*COMMANDS[name])
    assert (code, printed) == (2, "")
    shown = " ".join(told.replace("│", " ").split())
    assert "XAISIGNS_LANG" in shown
    assert "'qq' is not one of 'de', 'en'" in shown
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
    monkeypatch.setenv("XAISIGNS_LANG", "qq")
    assert "überall derselbe Wert" in run("methods", "--lang", "de")[1]
    code, printed, _ = run("methods", "--help")
    assert code == 0
    assert "XAISIGNS_LANG" in printed
    assert "--lang" in printed


def test_everything_that_is_looked_up_has_its_words():
    source = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "xaisigns").rglob("*.py"))
    assert set(re.findall(r'progress(?:, |\()"([^"]+)"', source)) == Texts("progress").all("en").keys()
    for language in languages():
        told = words.WORDS.all(language)
        assert set(SPLITS) <= told.keys()
        assert Texts("layouts").all(language).keys() == {*LAYOUTS, "own"}


def keys(document):
    """The document's keys, all entries of a list as one."""
    if isinstance(document, dict):
        return {key: keys(value) for key, value in document.items()}
    if isinstance(document, list):
        return [keys(value) for value in document[:1]]
    return None
