"""The notebooks: kept as they are built from their sources, and run from top to bottom."""

import ast
import importlib.util
import re

import nbformat
import pytest

from tests.conftest import REPOSITORY

_SPECIFICATION = importlib.util.spec_from_file_location("build", REPOSITORY / "examples/build.py")
build = importlib.util.module_from_spec(_SPECIFICATION)
_SPECIFICATION.loader.exec_module(build)

# Ten epochs from nothing take minutes: here the network begins with the weights of a model that knows the signs, and
# learns the sticker in two. Both languages train the same: the second goes on where the first ended. What belongs to
# another training, in its settings or its data, is refused there.
TRAINED_ONCE = """
import shutil
from dataclasses import replace
from pathlib import Path
from xaisigns.model import experiment, networks
from xaisigns.model.checkpoint import load_model
from xaisigns.model.training_files import checkpoint_path

def trained_once(network, settings, images, validation, out, *, resume, train=experiment.train_network, **options):
    for file in Path({folder!r}).iterdir():
        shutil.copy(file, out.parent)
    trained = train(network, replace(settings, epochs=2), images, validation, out, resume=True, **options)
    for file in (checkpoint_path(out), out.with_suffix(".csv")):
        shutil.copy(file, {folder!r})
    return trained

# So does a repair: here it takes one step and measures one batch for its normalisations, whatever came of it.
from xaisigns.audit.repair import fine_tuning, repairing, settings

fine_tuning._MEASURED = 1
repairing.FineTuning = lambda *, steps, seed: settings.FineTuning(steps=1, seed=seed)
repairing._failure = lambda *_: None
experiment.train_network = trained_once
networks.initialise = lambda model: model.load_state_dict(load_model("clean").state_dict())
"""

# How Python and Matplotlib write an object that has no text of its own.
REPR = re.compile(r"<[\w.]+(:| \S).*>|\bText\(", re.DOTALL)

EVERY = pytest.mark.parametrize(
    ("name", "language"), [(name, language) for name in build.names() for language in build.LANGUAGES]
)


def _kept(name, language):
    return nbformat.read(REPOSITORY / "examples" / language / f"{name}.ipynb", as_version=4)


def _code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _kinds(notebook):
    """What kinds of output each cell has; a warning on stderr is one."""
    return [
        sorted(output.get("name") or next(iter(sorted(output.data))) for output in cell.outputs)
        for cell in _code(notebook)
    ]


@EVERY
def test_the_kept_notebook_is_that_of_its_source(name, language):
    kept, built = _kept(name, language), build.notebook(name, language)
    assert [(cell.id, cell.cell_type, cell.source) for cell in kept.cells] == [
        (cell.id, cell.cell_type, cell.source) for cell in built.cells
    ], "run python examples/build.py"
    nbformat.validate(kept)


@pytest.mark.parametrize("name", build.names())
def test_it_runs_from_top_to_bottom_and_shows_what_the_kept_one_shows(name, tmp_path):
    for language in build.LANGUAGES:
        made, kept = build.notebook(name, language), _kept(name, language)
        made.cells.insert(0, nbformat.v4.new_code_cell(TRAINED_ONCE.format(folder=str(tmp_path))))
        executed = build.run(made)
        assert executed.cells.pop(0).outputs == []
        numbers = list(range(1, len(_code(kept)) + 1))
        assert [cell.execution_count for cell in _code(kept)] == numbers
        assert _kinds(executed) == _kinds(kept), language
        kinds = [kind for cell in _kinds(kept) for kind in cell]
        assert kinds.count("image/png") >= 4
        assert set(kinds) <= {"image/png", "stdout", "text/plain"}  # no warnings, no progress bars


@pytest.mark.parametrize("name", build.names())
def test_both_languages_run_the_same_code_but_for_the_words(name):
    german, english = (_code(build.notebook(name, language)) for language in build.LANGUAGES)
    assert german[0].source.startswith('language = "de"')
    assert english[0].source.startswith('language = "en"')
    assert [cell.source for cell in german[1:]] == [cell.source for cell in english[1:]]
    words = [ast.parse(cells[0].source).body[1].value for cells in (german, english)]
    assert [key.value for key in words[0].keys] == [key.value for key in words[1].keys]


@pytest.mark.parametrize("name", build.names())
def test_both_languages_have_text_at_the_same_places(name):
    german, english = (build.notebook(name, language).cells for language in build.LANGUAGES)
    assert [cell.cell_type for cell in german] == [cell.cell_type for cell in english]
    for one, other in zip(german, english, strict=True):
        assert one.source.count("\n#") == other.source.count("\n#")  # headings


@pytest.mark.parametrize("name", build.names())
def test_it_defines_no_functions(name):
    tree = ast.parse("\n".join(cell.source for cell in _code(build.notebook(name, "en"))))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, kinds)]


def _unread(notebook):
    """Texts that stand for objects; behind a picture the text is not shown."""
    outputs = [output for cell in _code(notebook) for output in cell.outputs]
    shown = [output.data["text/plain"] for output in outputs if "data" in output and "image/png" not in output.data]
    return [text for text in shown if REPR.search(text)]


@EVERY
def test_it_shows_no_text_that_nobody_reads(name, language):
    assert _unread(_kept(name, language)) == []


def test_the_texts_of_objects_are_known_as_such():
    ends = ["[<XTick at 0x7f85fb604a90>]", "<BarContainer object of 3 artists>", "[Text(0.5, 1.0, 'a')]", "<Axes: >"]
    kept = [[{"text/plain": text}, {"text/plain": "<Figure size 9x5 with 1 Axes>", "image/png": ""}] for text in ends]
    kept.append([{"text/plain": "(2580, 860)"}, {"text/plain": "tensor([[4.0]])"}])
    cells = [
        nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data) for data in cell])
        for cell in kept
    ]
    assert _unread(nbformat.v4.new_notebook(cells=cells)) == ends


@EVERY
def test_its_links_lead_somewhere(name, language):
    text = "\n".join(cell.source for cell in _kept(name, language).cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    for link in links:
        assert (REPOSITORY / "examples" / language / link).exists(), link
