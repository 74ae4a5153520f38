"""Makes the notebooks: each source in source/ becomes one in German and one in English, run from top to bottom.

python examples/build.py [NAME...]        all of them, or those named, such as 02_lrp
"""

import base64
import io
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).parent
LANGUAGES = ("de", "en")


def notebook(name: str, language: str) -> nbformat.NotebookNode:
    """The notebook of a source in one language, not run: the cells of that language and those of none."""
    source = jupytext.read(HERE / "source" / f"{name}.py")
    cells = [cell for cell in source.cells if cell.metadata.get("lang") in (None, language)]
    for number, cell in enumerate(cells):
        cell.id, cell.metadata = f"cell-{number}", {}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def run(made: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with its outputs; it is run in a folder of its own, which is deleted afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        executed: nbformat.NotebookNode = NotebookClient(made, record_timing=False, resources=resources).execute()
    executed.metadata.language_info = {"name": "python"}  # else it tells which Python ran it
    for cell in executed.cells:
        for output in cell.get("outputs", []):
            _slim(output.get("data", {}))
    return executed


def _slim(data: dict[str, str]) -> None:
    """Keep a picture as one small PNG; notebooks store some as JPEG, too."""
    data.pop("image/jpeg", None)
    if "image/png" in data:
        small = io.BytesIO()
        Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB").save(small, "PNG", optimize=True)
        data["image/png"] = base64.b64encode(small.getvalue()).decode()


def names() -> list[str]:
    """The sources, in the order in which they are to be read."""
    return sorted(path.stem for path in (HERE / "source").glob("*.py"))


if __name__ == "__main__":
    for chosen in sys.argv[1:] or names():
        for language in LANGUAGES:
            target = HERE / language / f"{chosen}.ipynb"
            target.parent.mkdir(exist_ok=True)
            nbformat.write(run(notebook(chosen, language)), target)
            print(target)
