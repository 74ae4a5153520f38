"""What reaches a terminal: shown escaped, replaced where it cannot be encoded, and never a traceback."""

import io
import json
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from PIL import Image
from rich.table import Table

from tests.conftest import REPOSITORY, random_model
from xaisigns.cli.terminal import bars, never_fail_to_encode, print_json, print_table, say, tell
from xaisigns.errors import OutputError

pytestmark = pytest.mark.usefixtures("narrow")

SIGN = REPOSITORY / "examples/signs/stop.png"
HOSTILE = "a\x1b[2J\a\r\n\x9b31m\u202egnp.exe\u200b\udcdf"
ESCAPED = r"a\x1b[2J\x07\r\n\x9b31m\u202egnp.exe\u200b\udcdf"
# As a C locale without UTF-8 mode, cron, an ISO-8859-1 system, and Windows have them.
ENCODINGS = ["ascii", "latin-1", "cp1252", "utf-8"]


class Terminal(io.TextIOWrapper):
    """Says that it is a terminal."""

    def __init__(self, encoding="utf-8"):
        super().__init__(io.BytesIO(), encoding=encoding, errors="strict")

    def isatty(self):
        return True


def written(stream):
    stream.flush()
    return stream.buffer.getvalue().decode(stream.encoding)


def shown(text):
    """Whether a terminal shows all of it, but for the colours and moves that rich makes."""
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\n", "").replace("\r", "")
    return not {unicodedata.category(char) for char in plain} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("terminal", [True, False])
def test_lines_tables_and_bars_show_what_a_terminal_would_obey(terminal, monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, Terminal() if terminal else io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    say(HOSTILE)
    tell(HOSTILE)
    table = Table(HOSTILE)
    table.add_row(HOSTILE)
    print_table(table)
    with bars("en") as progress:
        progress(f"[red]{HOSTILE}", 1, 2)
    printed, told = written(sys.stdout), written(sys.stderr)
    assert printed.count(ESCAPED) == 3
    assert told.startswith(f"{ESCAPED}\n")
    assert (f"[red]{ESCAPED}" in told) == terminal
    assert shown(printed)
    assert shown(told)


def test_json_has_null_for_what_is_not_finite_and_loses_no_character(monkeypatch):
    document = {"name": "ü日\udcdf", "values": (1.5, float("nan"), [float("-inf")])}
    for encoding, raw in (("utf-8", False), ("ascii", False), ("utf-8", True)):
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace"))
        name = "ü日" if raw else document["name"]
        print_json({**document, "name": name})
        text = written(sys.stdout)
        assert ("ü日" in text) == raw
        assert json.loads(text, parse_constant=pytest.fail) == {"name": name, "values": [1.5, None, [None]]}


@pytest.fixture
def encoded(run, monkeypatch):
    """Runs a command whose stdout and stderr have an encoding; gives code, stdout, stderr."""

    def call(encoding, *arguments, errors="strict"):
        for name in ("stdout", "stderr"):
            monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=errors))
        streams = sys.stdout, sys.stderr
        return run(*arguments)[0], *map(written, streams)

    return call


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_cannot_be_encoded_is_replaced_and_in_json_escaped(encoding, errors, encoded, own):
    code, printed, told = encoded(encoding, "data", "info", own, "--lang", "de", errors=errors)
    assert (code, told) == (0, "")
    assert "Klassen: 0 #emph[b] $x^2$ {{ 7 * 7 }} [red], 1 a<b>$#*[x], 2 " in printed
    assert ("ünï 日本" in printed) == (encoding == "utf-8")
    code, printed, _ = encoded(encoding, "data", "info", own, "--json", errors=errors)
    assert code == 0
    assert json.loads(printed)["class_names"][2] == "ünï 日本"
    assert encoded(encoding, "--help", errors=errors)[0] == 0
    code, printed, told = encoded(encoding, "data", "info", "日本\udcdf", errors=errors)
    assert (code, printed) == (1, "")
    assert told.startswith("xaisigns: ")
    code, printed, told = encoded(encoding, "data", "日本\udcdf\x1b[2J", errors=errors)
    assert (code, printed) == (2, "")
    assert "No such command" in told
    assert shown(told)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_table_is_as_wide_in_every_line_whatever_is_replaced(encoding, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace"))
    table = Table("called")
    table.add_row("日本")
    table.add_row("ab")
    print_table(table)
    widths = {
        sum(1 + (unicodedata.east_asian_width(c) == "W") for c in line) for line in written(sys.stdout).split("\n")
    }
    assert len(widths - {0}) == 1


def test_images_with_hostile_names_are_explained_and_a_bad_one_is_named(run, untrained, tmp_path):
    good = tmp_path / f"{HOSTILE}.png"
    bad = tmp_path / f"bad{HOSTILE}.png"
    Image.open(SIGN).save(good)
    bad.write_bytes(b"no image")
    arguments = ("explain", good, bad, "--model", untrained, "--out", tmp_path / "out")
    code, printed, told = run(*arguments)
    assert code == 1
    assert ESCAPED in printed
    assert shown(printed)
    (line,) = told.splitlines()
    assert line.startswith(f"xaisigns: skipped {tmp_path}/bad{ESCAPED}.png")
    code, printed, told = run(*arguments, "--json")
    assert code == 1
    document = json.loads(printed)
    assert document["results"][0]["image"] == str(good)
    assert document["skipped"][0]["image"] == str(bad)
    assert Path(document["results"][0]["files"]["picture"]).is_file()


def test_hostile_class_names_are_shown_escaped(run, own, gtsrb, tmp_path):
    # A model's file is no place for half characters.
    hostile = HOSTILE.replace("\udcdf", "")
    names = [f"{hostile}{number}" for number in range(43)]
    model = random_model(tmp_path, 43, {"class_names": {"de": names, "en": names}})
    code, printed, told = run("evaluate", gtsrb, "--model", model)
    assert (code, told) == (0, "")
    assert ESCAPED.replace(r"\udcdf", "") in printed
    assert shown(printed)
    (own / "train/a<b>$#*[x]").rename(own / f"train/{HOSTILE}")
    code, printed, told = run("data", "info", own)
    assert shown(printed + told)


def test_usage_errors_show_what_a_terminal_would_obey(run):
    for arguments in ([HOSTILE], [f"--{HOSTILE}"], ["methods", "--lang", HOSTILE]):
        code, printed, told = run(*arguments)
        assert (code, printed) == (2, "")
        assert r"\x1b" in told
        assert shown(told)


def test_a_closed_stdout_is_told(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    for write in (lambda: say("text"), lambda: print_json({}), lambda: print_table(Table())):
        with pytest.raises(OutputError, match="cannot write to standard output: it is closed"):
            write()


def test_only_the_terminal_module_writes():
    for path in (REPOSITORY / "xaisigns/cli").glob("*.py"):
        if path.name != "terminal.py":
            source = path.read_text(encoding="utf-8")
            assert not re.search(r"\bprint\(|\becho\(|\bConsole\(|sys\.std(out|err)", source), path


def test_a_minus_that_a_stream_cannot_encode_is_a_hyphen(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    never_fail_to_encode()
    sys.stdout.write("−0.5 – ↑")
    sys.stdout.flush()
    assert written.getvalue().decode("cp1252") == "-0.5 – ?"
