"""The public names, that documents need no others, and that asking for help does not wait for torch."""

import ast
import inspect
import subprocess
import sys
from importlib.metadata import version

import pytest

import xaisigns as xs
from tests.documents.pages import PAGES, blocks

CALLABLE = sorted(set(xs.__all__) - {"__version__", "metrics"})
NEVER_RAISES = {"Result", "XaisignsError", "example_signs", "number", "percent"}


def _python():
    """The code of each page."""
    for name, page in PAGES.items():
        yield from ((name, block.text) for block in blocks(page) if block.kind == "python")


def _imports(code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (f"{alias.name} as {alias.asname}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{node.module}: {', '.join(alias.name for alias in node.names)}"


@pytest.mark.parametrize("room", [xs, xs.metrics])
def test_every_public_name_is_there(room):
    assert [name for name in room.__all__ if getattr(room, name, None) is None] == []
    assert set(room.__all__) <= set(dir(room))
    assert len(room.__all__) == len(set(room.__all__))


def test_the_version_is_that_of_the_package():
    assert xs.__version__ == version("xaisigns")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="No xaisigns attribute explain"):
        _ = xs.explain


@pytest.mark.parametrize("name", CALLABLE)
def test_a_public_name_tells_what_it_does_and_what_it_raises(name):
    told = inspect.getdoc(getattr(xs, name))
    assert told
    assert name in NEVER_RAISES or "Raises" in told, told


def test_documents_import_nothing_deeper():
    named = [(name, line) for name, code in _python() for line in _imports(code) if line.startswith("xaisigns")]
    assert {line for _, line in named} == {"xaisigns as xs"}, named
    assert {name for name, _ in named} >= {"README.md", "docs/own.md"}


@pytest.mark.parametrize("module", ["xaisigns", "xaisigns.cli", "xaisigns.cli.application"])
def test_names_and_help_do_not_import_torch(module):
    code = f"import sys, {module}; sys.exit(bool({{'torch', 'numpy', 'PIL'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
