"""From a model and a data set to report files: refuses early what cannot be written, then gathers and writes."""

import importlib.util
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xaisigns.base.files import Place, check_places, whole_files
from xaisigns.base.progress import Progress, silent
from xaisigns.errors import OutputError
from xaisigns.model.explainable import Explainable
from xaisigns.report.gather import Reporting, gather
from xaisigns.report.html import HTML_MARK, html_report
from xaisigns.report.pdf import PDF_MARK, pdf_report

_MARKS = {"pdf": PDF_MARK, "html": HTML_MARK}
_REPORTS = {"pdf": pdf_report, "html": html_report}
_PACKAGES = {"pdf": "typst", "html": "jinja2"}


def write_reports(
    model: Explainable,
    root: Path,
    wanted: Reporting,
    paths: Mapping[str, Path],
    progress: Progress = silent,
    *,
    force: bool = False,
) -> dict[str, Any]:
    """Write the report to each path, by its kind "pdf" or "html", all or none; gives the document of ``--json``.

    Raises OutputError, before anything is computed, when a package is missing or a place cannot be written, or has a
    file that is not of xaisigns without ``force``; otherwise as ``gather`` does.
    """
    places = check_reports(paths, force=force)
    start = time.monotonic()
    content = gather(model, root, wanted, progress)
    gathered = time.monotonic()
    with whole_files(places, force=force) as temporaries:
        for kind, temporary in zip(paths, temporaries, strict=True):
            temporary.write_bytes(_REPORTS[kind](content))
    end = time.monotonic()
    return {
        "files": {kind: str(path) for kind, path in paths.items()},
        "classes": len(content.sections),
        "examples": sum(len(section.examples) for section in content.sections),
        "methods": [method.key for method in content.methods],
        "accuracy": content.evaluation.accuracy,
        "finding": content.finding,
        "seconds": round(end - start, 1),
        "document_seconds": round(end - gathered, 1),
    }


def check_reports(paths: Mapping[str, Path], *, force: bool = False) -> list[Place]:
    """The places of reports by kind. Raises OutputError as ``write_reports`` does before anything is computed."""
    places = [Place(path, _MARKS[kind]) for kind, path in paths.items()]
    check_places(places, force=force)
    for kind in paths:
        if importlib.util.find_spec(_PACKAGES[kind]) is None:
            raise OutputError(f"a report as {kind} needs {_PACKAGES[kind]}: pip install 'xaisigns[report]'")
    return places
