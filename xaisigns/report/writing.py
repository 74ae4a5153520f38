"""From a model and a data set to report files: refuses early what cannot be written, then gathers and writes."""

import importlib.util
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xaisigns.data.files import refuse_folder
from xaisigns.errors import OutputError
from xaisigns.model.vgg import Classifier
from xaisigns.report.examined import Bar
from xaisigns.report.gather import Reporting, gather
from xaisigns.report.html import write_html
from xaisigns.report.pdf import write_pdf

_WRITERS = {"pdf": write_pdf, "html": write_html}
_PACKAGES = {"pdf": "typst", "html": "jinja2"}


def write_reports(
    model: Classifier, root: Path, wanted: Reporting, paths: Mapping[str, Path | None], bar: Bar
) -> dict[str, Any]:
    """Write the report to each path, "pdf" and "html", that is not None; gives the document of ``report --json``.

    Raises OutputError, before anything is computed, when a package is missing or a folder is in the place of a file,
    and when a file cannot be written; otherwise as ``gather`` does.
    """
    chosen = {kind: path for kind, path in paths.items() if path is not None}
    for kind, path in chosen.items():
        refuse_folder(path)
        if importlib.util.find_spec(_PACKAGES[kind]) is None:
            raise OutputError(f"a report as {kind} needs {_PACKAGES[kind]}: pip install 'xaisigns[report]'")
    start = time.monotonic()
    content = gather(model, root, wanted, bar)
    gathered = time.monotonic()
    for kind, path in chosen.items():
        _WRITERS[kind](content, path)
    end = time.monotonic()
    return {
        "files": {kind: str(path) for kind, path in chosen.items()},
        "classes": len(content.sections),
        "examples": sum(len(section.examples) for section in content.sections),
        "methods": [method.key for method in content.methods],
        "accuracy": content.evaluation.accuracy,
        "finding": content.finding,
        "seconds": round(end - start, 1),
        "document_seconds": round(end - gathered, 1),
    }
