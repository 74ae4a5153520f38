"""Captum's packages run their own code when something of it is wanted, and not when a part is imported."""

import importlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import captum.attr
import pytest

from xaisigns.attribution import captum_lrp


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The name of a package whose code tells that it ran, with a part that does not need it."""
    folder = tmp_path / "told_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("import sys\nsys.told_runs = getattr(sys, 'told_runs', 0) + 1\nanswer = 42\n")
    (folder / "part.py").write_text("alone = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "told_runs", 0, raising=False)
    yield folder.name
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]


def test_a_part_is_imported_without_the_package(package):
    captum_lrp._defer(package)
    assert importlib.import_module(f"{package}.part").alone
    assert sys.told_runs == 0


def test_the_packages_code_runs_once_when_it_is_asked_for(package):
    captum_lrp._defer(package)
    deferred = importlib.import_module(package)
    assert (deferred.answer, sys.told_runs) == (42, 1)
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'question'"):
        deferred.question  # noqa: B018 (asking is the test)
    assert (deferred.answer, sys.told_runs) == (42, 1)


def test_the_packages_code_runs_once_when_several_threads_ask(package, tmp_path):
    """Each of them asks before the first has run it."""
    code = tmp_path / package / "__init__.py"
    code.write_text(f"import time\ntime.sleep(0.05)\n{code.read_text()}")
    captum_lrp._defer(package)
    deferred, ready = importlib.import_module(package), threading.Barrier(8)

    def ask(_):
        ready.wait()
        return deferred.answer

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [42] * 8
    assert sys.told_runs == 1


def test_a_package_that_is_there_or_nowhere_is_left_alone(package):
    imported = importlib.import_module(package)
    captum_lrp._defer(package)
    captum_lrp._defer("no_such_package")
    assert sys.modules[package] is imported
    assert "no_such_package" not in sys.modules


def test_it_is_captums_own_lrp():
    assert captum_lrp.LRP is captum.attr.LRP
