"""The public names, that documents and notebooks need no others, and that asking for help does not wait for torch."""

import ast
import inspect
import re
import subprocess
import sys
from importlib.metadata import version

import jupytext
import pytest
from typer.main import get_command

import xaisigns as xs
from tests.conftest import REPOSITORY
from tests.documents.pages import PAGES, blocks
from xaisigns.cli.application import app

CALLABLE = sorted(set(xs.__all__) - {"__version__", "metrics"})
# What the command line has for the eye (what there is, how a file looks), and its groups of commands.
NO_VERBS = {"cache", "data", "explain", "methods", "metrics", "rules"}
NEVER_RAISES = {
    *("Affine", "Between", "Gate", "LayerRule", "Result", "Sample", "Sum", "XaisignsError"),
    *("example_signs", "number", "percent"),
}


def _python():
    """The code of each page and notebook."""
    for name, page in PAGES.items():
        yield from ((name, block.text) for block in blocks(page) if block.kind == "python")
    for source in sorted((REPOSITORY / "examples/source").glob("*.py")):
        cells = jupytext.read(source).cells
        yield source.name, "\n".join(cell.source for cell in cells if cell.cell_type == "code")


def _imports(code):
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (f"{alias.name} as {alias.asname}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{node.module}: {', '.join(alias.name for alias in node.names)}"


def test_every_verb_of_the_command_line_is_a_public_name():
    commands = set(get_command(app).commands)
    assert commands - NO_VERBS <= set(xs.__all__)
    assert {"evaluate", "report", "score", "train", "tune"} <= commands


def test_a_verb_is_no_room_of_the_same_name():
    code = (
        "import xaisigns.report.pdf, xaisigns as xs; from xaisigns import report; assert xs.report is report; report()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "TypeError: report() missing" in ended.stderr


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
    assert name in NEVER_RAISES or re.search("[Rr]aises", told), told


def test_documents_and_notebooks_import_nothing_deeper():
    inside = "docs/extend/section.md"  # whose code is put into the package
    code = {(name, text) for name, text in _python() if name != inside}
    named = [(name, line) for name, text in code for line in _imports(text) if line.startswith("xaisigns")]
    assert {line for _, line in named} == {"xaisigns as xs"}, named
    assert {name for name, _ in named} >= {"README.md", "docs/own.md", "01_training.py"}


@pytest.mark.parametrize("module", ["xaisigns", "xaisigns.cli", "xaisigns.cli.application"])
def test_names_and_help_do_not_import_torch(module):
    code = f"import sys, {module}; sys.exit(bool({{'torch', 'numpy', 'PIL'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
