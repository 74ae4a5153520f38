"""How the application tells an error: in one line, as a traceback, or as help with usage."""

import pytest

from xaisigns.base import plugins
from xaisigns.errors import MetricError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MetricError("no such\nthing"), r"no such\nthing"),
        (FileNotFoundError(2, "No such file or directory", "a\x1b.png"), r"a\x1b.png: No such file or directory"),
        (OSError(28, "No space left on device", b"b\xdf.png"), r"b\udcdf.png: No space left on device"),
        (OSError("broken"), "broken"),
        (MemoryError(), "there is not enough memory for this; close other programs, or give it less at once"),
        (RecursionError("too deep"), "RecursionError: too deep; this is a defect of xaisigns: please report it with "),
        (KeyError("key"), "KeyError: 'key'; this is a defect of xaisigns: please report it with "),
    ],
)
def test_every_error_is_one_line(error, line, run, monkeypatch, tmp_path):
    def fail(*_):
        raise error

    monkeypatch.setattr("xaisigns.data.inventory.inventory", fail)
    code, printed, told = run("data", "info", tmp_path)
    assert (code, printed) == (1, "")
    assert told.startswith(f"xaisigns: {line}")
    assert told.count("\n") == 1


def test_the_traceback_is_there_for_who_asks(run, monkeypatch, tmp_path):
    monkeypatch.setenv("XAISIGNS_TRACEBACK", "1")
    monkeypatch.setattr("xaisigns.data.inventory.inventory", lambda _: {}["key"])
    with pytest.raises(KeyError):
        run("data", "info", tmp_path)
    assert run("data", "frobnicate")[0] == 2


@pytest.mark.parametrize("arguments", [[], ["--help"], ["data"], ["frobnicate"], ["methods", "--lang", "xx"]])
@pytest.mark.parametrize(
    "variables",
    [{"TERM": "dumb"}, {"COLUMNS": "20"}, {"COLUMNS": "1"}, {"COLUMNS": "100000"}, {"NO_COLOR": "1"}, {"COLUMNS": "x"}],
)
def test_help_and_wrong_usage_in_any_terminal(arguments, variables, run, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code, printed, told = run(*arguments)
    assert code == (0 if arguments == ["--help"] else 2)
    assert bool(printed) == (arguments in ([], ["--help"], ["data"]))
    assert bool(told) != bool(printed)
    assert "Traceback" not in told


def test_wrong_usage_says_what_there_is_and_no_more(run):
    code, _, told = run("methods", "--lang", "xx")
    shown = " ".join(told.replace("│", " ").split())
    assert code == 2
    assert "'xx' is not one of 'de', 'en'." in shown
    assert "Value error" not in shown


class Broken:
    """What an installed package names as an entry point, and cannot be loaded."""

    name, dist = "mine", None

    def load(self):
        raise ImportError("no module nothing_such")


@pytest.mark.parametrize("command", [["methods"], ["metrics"], ["rules"], ["data", "layouts"], ["methods", "--json"]])
def test_a_broken_plugin_is_told_in_one_line_and_stops_no_command(command, run, monkeypatch):
    monkeypatch.setattr(plugins, "_failures", {})
    fine = run(*command)
    monkeypatch.setattr(plugins, "_failures", {})
    monkeypatch.setattr(plugins, "entry_points", lambda **_: [Broken()])
    line = "xaisigns: the plugin 'mine' of an unknown package cannot be loaded (ImportError: no module nothing_such); "
    assert run(*command) == (0, fine[1], f"{line}mend the plugin or uninstall it\n")
    assert fine[0::2] == (0, "")


def test_a_broken_plugin_is_told_beside_what_may_come_of_it(run, monkeypatch):
    monkeypatch.setattr(plugins, "_failures", {})
    monkeypatch.setattr(plugins, "entry_points", lambda **_: [Broken()])
    code, _, told = run("explain", "--method", "mine")
    assert code == 1
    assert [line.split(" ")[1] for line in told.splitlines()] == ["the", "no"]
