"""The file of an audit's findings, read back with nothing guessed: nothing of it is a path or markup."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xaisigns.audit.findings import Findings
from xaisigns.base.documents import first_fault, json_text, strict_json
from xaisigns.base.version import __version__
from xaisigns.errors import AuditError
from xaisigns.model.explainable import Explainable
from xaisigns.study.model_cache import ModelCache

FINDINGS_MARK = b'"made_by": "xaisigns '
_LARGEST = 1 << 28  # bytes; a finding of images of 64 pixels takes half a million


def findings_of(document: Mapping[str, Any]) -> Findings:
    """What ``xs.audit`` gives, typed. Raises AuditError for a document that no audit made."""
    try:
        whole = {"made_by": f"xaisigns {__version__}", **{key: one for key, one in document.items() if key != "files"}}
        return Findings.model_validate_json(json_text(whole, indent=None))
    except (ValueError, TypeError) as error:
        raise AuditError(f"this is no document of xs.audit: {_reason(error)}; run the audit again") from error


def read_findings(path: Path | str) -> Findings:
    """The findings in a file that an audit wrote.

    Raises AuditError, with the path, for anything else, and for a file that has been changed so that its parts no
    longer belong together.
    """
    try:
        text = _content(Path(path))
        strict_json(text)
        return Findings.model_validate_json(text)
    except (OSError, ValueError) as error:
        raise AuditError(
            f"{path} is no findings file of 'xaisigns audit': {_reason(error)}; name the findings.json that it wrote, "
            "or run the audit again"
        ) from error


def findings_for(model: Explainable, path: Path | str) -> Findings:
    """The findings in a file about this very model.

    Raises AuditError as ``read_findings`` does, and for those about a model with other weights.
    """
    findings, weights = read_findings(path), ModelCache(model).weights
    if findings.model.weights != weights:
        raise AuditError(
            f"the findings in {path} are about another model (weights {findings.model.weights[:12]}), this one has "
            f"{weights[:12]}: name the findings about this model, or audit it"
        )
    if any(one.id >= model.classes for one in findings.findings):
        raise AuditError(f"the findings in {path} are about more than the {model.classes} classes of the model")
    return findings


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        text = file.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST} bytes")
    return text


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return first_fault(error)
    return getattr(error, "strerror", None) or str(error)
