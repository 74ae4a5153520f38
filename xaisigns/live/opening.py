"""From what a caller names to what is on show."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from xaisigns.audit.findings import Findings
from xaisigns.audit.findings_file import findings_for
from xaisigns.base.language import Language
from xaisigns.base.progress import Progress, silent
from xaisigns.errors import AuditError
from xaisigns.live.album import album_of
from xaisigns.live.exhibit import Exhibit
from xaisigns.model.explainable import Explainable
from xaisigns.pictures.models import by_name
from xaisigns.study.study import Data, images_of


def opened_exhibit(
    model: Explainable | Mapping[str, Explainable],
    options: Sequence[str],
    data: Data,
    findings: Path | str | None,
    *,
    language: Language,
    progress: Progress = silent,
) -> Exhibit:
    """The exhibit of a model, or of several by their names, which ``options`` name on a command line.

    ``data`` is a data set or its folder, of which the first model says which images go wrong; ``findings`` are a file
    about one of the models. Raises as ``images_of`` and ``Study`` do, and AuditError for findings about no model.
    """
    models = list(by_name(model).values())
    album = None if data is None else album_of(models[0], images_of(data, progress=progress), progress)
    found = None if findings is None else _findings_about_one(models, findings)
    return Exhibit(model, options, language, album, found)


def _findings_about_one(models: Sequence[Explainable], path: Path | str) -> Findings:
    *others, last = models
    for model in others:
        try:
            return findings_for(model, path)
        except AuditError:
            continue
    return findings_for(last, path)
