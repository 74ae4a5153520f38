"""Registries, and what installed packages register by their entry points."""

import os
import subprocess
import sys
import textwrap

import pytest

from xaisigns.base import plugins
from xaisigns.base.plugins import Registry, failed_plugins, load_plugins
from xaisigns.errors import DataError, PluginWarning


@pytest.fixture
def registry():
    things = Registry("thing", DataError)
    things.register("one", 1)
    return things


def test_a_registry_is_a_mapping_in_the_order_of_registration(registry):
    registry.register("another", 2)
    assert list(registry.items()) == [("one", 1), ("another", 2)]
    assert ("one" in registry, "two" in registry, len(registry), registry.get("two")) == (True, False, 2, None)


@pytest.mark.parametrize("name", ["", "One", "1", "a-b", "a b", "_a", "a" * 65, None, 3])
def test_a_name_that_cannot_be_typed_is_refused(registry, name):
    with pytest.raises(
        DataError, match="a thing needs a name of lower-case letters, digits and _ such as my_thing, got "
    ):
        registry.register(name, 2)
    assert dict(registry) == {"one": 1}


def test_a_name_that_is_taken_is_refused(registry):
    with pytest.raises(DataError, match=r"^there is a thing 'one' already; choose another name$"):
        registry.register("one", 2)
    assert registry["one"] == 1


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package with one plugin, as pip lays it out, until the test ends; none has been loaded before."""
    monkeypatch.setattr(plugins, "_failures", {})
    monkeypatch.syspath_prepend(tmp_path)

    def package(name, code, entry="register"):
        module = name.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(code))
        information = tmp_path / f"{module}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(f"[xaisigns.plugins]\nmine = {module}:{entry}\n")
        return tmp_path

    yield package
    for name in [name for name, module in sys.modules.items() if str(tmp_path) in str(getattr(module, "__file__", ""))]:
        del sys.modules[name]


def test_whoever_looks_something_up_sees_what_plugins_registered_once(install, registry, monkeypatch):
    monkeypatch.setattr(plugins, "seen", registry, raising=False)
    install(
        "seen-plugin",
        """
        from xaisigns.base import plugins

        def register():
            assert "one" in plugins.seen  # looks up while it registers
            plugins.seen.register("plugged", 2)
        """,
    )
    assert registry["plugged"] == 2
    assert list(registry) == ["one", "plugged"]


BROKEN = {
    "an error": ("def register():\n    1 / 0", "register", "ZeroDivisionError: division by zero"),
    "no such function": ("", "register", "AttributeError: module 'broken_plugin' has no attribute 'register'"),
    "an import of what is not there": ("import nothing_such", "register", "ModuleNotFoundError: No module named"),
    "no function": ("register = 3", "register", "TypeError: 'int' object is not callable"),
}


@pytest.mark.parametrize(("code", "entry", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_plugin_is_named_with_its_package_and_the_rest_works(install, registry, code, entry, reason):
    install("broken-plugin", code, entry)
    with pytest.warns(PluginWarning) as warned:
        assert list(registry) == ["one"]
    assert [str(warning.message) for warning in warned] == failed_plugins()
    (told,) = failed_plugins()
    assert told.startswith(f"the plugin 'mine' of broken-plugin cannot be loaded ({reason}")
    assert told.endswith("; mend the plugin or uninstall it")
    assert list(registry) == ["one"]  # without a further warning


HALF_WAY = """
    from xaisigns.base import plugins

    def register():
        for code in ("seen.register('built_in', 3)", "other.register('built_in', 3)"):
            exec(compile(code, "", "exec"), {"__name__": "xaisigns.pretended", **vars(plugins)})
        plugins.seen.register("half", 2)
        plugins.other.register("half", 2)
        plugins.seen.register("one", 2)
    """


def test_a_plugin_that_fails_half_way_leaves_nothing_but_what_is_built_in(install, registry, monkeypatch):
    """It may be the first to import a module of the package, which registers what it has."""
    monkeypatch.setattr(plugins, "seen", registry, raising=False)
    monkeypatch.setattr(plugins, "other", Registry("other", DataError), raising=False)
    install("half-plugin", HALF_WAY)
    install("whole-plugin", "from xaisigns.base import plugins\ndef register(): plugins.seen.register('whole', 4)")
    with pytest.warns(PluginWarning, match="^the plugin 'mine' of half-plugin .*there is a thing 'one' already"):
        load_plugins()
    assert dict(registry) == {"one": 1, "built_in": 3, "whole": 4}
    assert dict(plugins.other) == {"built_in": 3}


def test_where_warnings_are_errors_the_next_call_works(install, registry):
    install("broken-plugin", "register = 3")
    with pytest.raises(PluginWarning, match=r"^the plugin 'mine' of broken-plugin"):
        load_plugins()
    assert list(registry) == ["one"]


LAYOUT = """
import xaisigns as xs

def open_plugged(root, split):
    if root.name != "plugged":
        return None
    return xs.ImageSet(root, split, [xs.Sample(root / "a.png", 0, key="a")], ["one"])

def register():
    xs.register_layout("plugged", open_plugged, "a folder of that name")
"""


def test_a_plugins_layout_shows_up_in_the_command_line(install, tmp_path):
    """In a process of its own, which finds the package as any interpreter does."""
    place = install("layout-plugin", LAYOUT)
    path = os.pathsep.join([str(place), *filter(None, [os.environ.get("PYTHONPATH")])])

    def xaisigns(*arguments):
        command = [sys.executable, "-c", "from xaisigns.cli import main; main()", *arguments]
        environment = {**os.environ, "PYTHONPATH": path}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert "a folder of that name" in xaisigns("data", "layouts").stdout
    (tmp_path / "plugged").mkdir()
    assert (
        "train: 1 image, 1 class, a folder of that name" in xaisigns("data", "info", str(tmp_path / "plugged")).stdout
    )
    (place / "layout_plugin.py").write_text("register = None")
    failed = xaisigns("data", "layouts")
    assert failed.returncode == 0
    assert "official layout" in failed.stdout
    assert failed.stderr.startswith("xaisigns: the plugin 'mine' of layout-plugin cannot be loaded (TypeError")
    assert failed.stderr.count("\n") == 1
