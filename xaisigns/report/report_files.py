"""From a model and a data set to report files: refuses early what cannot be written, then collects and writes."""

import importlib.util
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaisigns.audit.findings_file import findings_for
from xaisigns.base.files import Place, check_places, whole_files
from xaisigns.base.language import Language, chosen_language
from xaisigns.base.progress import Progress, silent
from xaisigns.errors import OutputError
from xaisigns.model.loading import Named, loaded
from xaisigns.report.collection import REPORT_METHODS, Reporting, collect_report
from xaisigns.report.html import HTML_MARK, html_report
from xaisigns.report.pdf import PDF_MARK, pdf_report
from xaisigns.report.report import Report
from xaisigns.report.section import refuse_missing_texts
from xaisigns.report.sections.classes import Classes
from xaisigns.report.sections.front import Front
from xaisigns.study.study import Data

if TYPE_CHECKING:
    import torch

_MARKS = {"pdf": PDF_MARK, "html": HTML_MARK}
_REPORTS = {"pdf": pdf_report, "html": html_report}
_PACKAGES = {"pdf": "typst", "html": "jinja2"}


def report(
    model: Named,
    data: Data = None,
    pdf: Path | str | None = None,
    html: Path | str | None = None,
    *,
    methods: Sequence[str] | str = REPORT_METHODS,
    classes: Sequence[int] | None = None,
    examples: int = 4,
    language: Language | None = None,
    seed: int = 0,
    name: str | None = None,
    command: str | None = None,
    audit: Path | str | None = None,
    before: Named | None = None,
    store: Path | str | None = None,
    keep: bool = False,
    device: "str | torch.device | None" = None,
    force: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write what a model looks at in every class as PDF, as HTML, or both; gives the document of ``report --json``.

    ``data`` is a data set or its folder; without it signs are drawn. ``methods`` are as ``select_methods`` takes them,
    ``classes`` the ids to show (without: all), ``examples`` images of each. ``name`` is what the report calls the
    model, ``command`` what it says makes it again: by default this call, where model and data are named; ``audit`` is
    the ``findings.json`` of an audit of this very model, whose finding then opens the report; ``before`` is another
    model of the same classes, such as the one before a repair, which is shown beside it; what ``store`` has, which
    ``write_store`` wrote of the model and the data, is not computed, and with ``keep`` it is written first, as far as
    it is not there; ``device`` is as ``loaded`` takes it. All files are written or none.

    Raises OutputError, before anything is computed, when no file is named, a package is missing, or a place cannot be
    written or, without ``force``, has a file that is not of xaisigns; LanguageError for the language and for all texts
    that it lacks; ModelError for a
    model that cannot be read or a class that it does not have; MethodError, RuleError and MetricError for methods, seed
    and examples; AuditError for findings about another model and a file that is none of an audit; DataError for missing
    or broken data; OutputError and DataError for the store as ``Stored`` does.
    """
    paths = {kind: Path(path) for kind, path in (("pdf", pdf), ("html", html)) if path is not None}
    places = check_reports(paths, force=force)
    language = chosen_language(language)
    refuse_missing_texts(language)
    classes = None if classes is None else [int(class_id) for class_id in classes]
    options = {"methods": methods, "classes": classes, "examples": examples, "language": language, "seed": seed}
    start = time.monotonic()
    network = loaded(model, device)
    wanted = Reporting(
        name=name or _named(model) or "",
        command=command or _call(model, data, **paths, **options, name=name, audit=audit, before=before, store=store),
        methods=methods,
        classes=classes,
        examples=examples,
        language=language,
        seed=seed,
        audit=None if audit is None else findings_for(network, audit),
        before=None if before is None else loaded(before, device),
        before_name=_named(before) or "",
        store=store,
        keep=keep,
    )
    content = collect_report(network, data, wanted, progress)
    collected = time.monotonic()
    with whole_files(places, force=force) as temporaries:
        for kind, temporary in zip(paths, temporaries, strict=True):
            temporary.write_bytes(_REPORTS[kind](content))
    seconds = {"seconds": time.monotonic() - start, "document_seconds": time.monotonic() - collected}
    told = {"files": {kind: str(path) for kind, path in paths.items()}, **_told(content)}
    return {**told, **{key: round(value, 1) for key, value in seconds.items()}}


def check_reports(paths: Mapping[str, Path], *, force: bool = False) -> list[Place]:
    """The places of reports by their kind, "pdf" or "html".

    Raises OutputError as ``report`` does before anything is computed.
    """
    if not paths:
        raise OutputError("a report wants a place to be written to; give pdf='report.pdf', html='report.html', or both")
    places = [Place(path, _MARKS[kind]) for kind, path in paths.items()]
    check_places(places, force=force)
    for kind in paths:
        if importlib.util.find_spec(_PACKAGES[kind]) is None:
            raise OutputError(f"a report as {kind} needs {_PACKAGES[kind]}: pip install 'xaisigns[report]'")
    return places


def _named(model: Named | None) -> str | None:
    """What a model is called: by its name or file, or by its kind."""
    if model is None:
        return None
    return str(model) if isinstance(model, Path | str) else type(model).__name__


def _call(*named: Named | Data, **options: object) -> str | None:
    """The call that makes the report again; None for a model or a data set that has no name."""
    if not all(one is None or isinstance(one, Path | str) for one in (*named, options.get("before"))):
        return None
    words = [_written(one) for one in named] + [
        f"{option}={_written(value)}" for option, value in options.items() if value is not None
    ]
    return f"xs.report({', '.join(words)})"


def _written(value: object) -> str:
    return repr(str(value) if isinstance(value, Path) else value)


def _told(content: Report) -> dict[str, Any]:
    shown = content.section(Classes).classes
    return {
        "classes": len(shown),
        "examples": sum(len(one.examples) for one in shown),
        "methods": [method.key for method in content.methods],
        "accuracy": content.evaluation.accuracy,
        "finding": content.section(Front).finding,
    }
