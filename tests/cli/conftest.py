"""Runs the command line in this process, as its entry point does."""

import importlib
import signal
import sys
from functools import partial

import pytest

from xaisigns.cli import main
from xaisigns.data.drawn import sign_set
from xaisigns.study import tuning


@pytest.fixture
def run(monkeypatch, capsys):
    """Gives exit code, stdout and stderr of ``xaisigns`` with these arguments."""

    handled = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["xaisigns", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        for number, handler in handled.items():
            signal.signal(number, handler)
        printed = capsys.readouterr()
        return stopped.value.code or 0, printed.out, printed.err

    return call


@pytest.fixture
def few_drawn(monkeypatch):
    """The drawn data set that stands in where no ROOT is named has 3 training and 1 test image of each class."""
    importlib.import_module("xaisigns.data.manifests")  # whose schema names the class itself
    monkeypatch.setattr(sign_set, "DrawnSet", partial(sign_set.DrawnSet, per_class=3, size=32))


@pytest.fixture
def few_rules(monkeypatch):
    """Two starts and one rule to try, so that a whole VGG11 is searched in seconds."""
    monkeypatch.setattr(tuning, "COMPARED", ("epsilon", "epsilon_plus_flat"))
    for name in ("_GAMMAS", "_EPSILONS", "_FIRST"):
        monkeypatch.setattr(tuning, name, getattr(tuning, name)[:1] if name == "_GAMMAS" else ())
    monkeypatch.setattr(tuning, "_SWEEPS", 1)
