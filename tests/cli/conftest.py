"""Runs the command line in the tests' own process, and makes what it does by itself small."""

import importlib
import time
from functools import partial

import pytest

from tests.commands import ended
from tests.findings import examined
from tests.repairs import AFTER, BEFORE, a_feature, rates
from xaisigns.audit import audit_files
from xaisigns.audit.repair import repairing
from xaisigns.data.drawn import sign_set
from xaisigns.study import tuning


@pytest.fixture
def run(capsys):
    """Gives exit code, stdout and stderr of ``xaisigns`` with these arguments."""

    def call(*arguments):
        capsys.readouterr()
        code = ended(*arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture
def few_drawn(monkeypatch):
    """The drawn data set that stands in where no ROOT is named has 3 training and 1 test image of each class."""
    importlib.import_module("xaisigns.data.manifests")  # whose schema names the class itself
    monkeypatch.setattr(sign_set, "DrawnSet", partial(sign_set.DrawnSet, per_class=3, size=32))


@pytest.fixture
def few_rules(monkeypatch, tmp_path):
    """Two starts, no sweep over the layers unless a test sets one, and few flips: a whole VGG11 takes seconds."""
    monkeypatch.setenv("XAISIGNS_CACHE", str(tmp_path / "cache"))  # what is kept does not tell of the flips
    monkeypatch.setattr(tuning, "COMPARED", ("epsilon", "epsilon_plus_flat"))
    for name in ("_GAMMAS", "_EPSILONS", "_FIRST"):
        monkeypatch.setattr(tuning, name, getattr(tuning, name)[:1] if name == "_GAMMAS" else ())
    monkeypatch.setattr(tuning, "_SWEEPS", 0)
    monkeypatch.setattr(tuning, "pixel_flipping", partial(tuning.pixel_flipping, steps=2))


@pytest.fixture
def unserved(monkeypatch):
    """A live page is opened and at once ended; gives what the browser was told to show."""
    shown = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: time.sleep(0.2))  # in which a browser is opened
    return shown


@pytest.fixture
def made_up_audit(monkeypatch):
    """An audit finds what is made up."""
    monkeypatch.setattr(audit_files, "examine", examined)


@pytest.fixture
def made_up_repair(monkeypatch):
    """What is measured before a repair, with its control and after it is made up."""
    given = [BEFORE, BEFORE, AFTER]
    monkeypatch.setattr(repairing, "feature_of", a_feature)
    monkeypatch.setattr(repairing, "_refuse_missing_classes", lambda *_: None)  # few are drawn
    monkeypatch.setattr(repairing, "judged", lambda *_, **__: rates(*given.pop(0)))
