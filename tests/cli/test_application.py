"""How the application tells an error: in one line, as a traceback, or as help with usage."""

import pytest

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
