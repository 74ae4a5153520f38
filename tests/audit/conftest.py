"""An audit whose evidence is made up."""

from pathlib import Path

import pytest

import xaisigns as xs
from tests.findings import examined
from xaisigns.audit import audit_files


@pytest.fixture
def document(untrained, gtsrb, monkeypatch, tmp_path, narrow):
    """What ``xs.audit`` gives and writes of made-up evidence, about classes 2, 4, 9 and 14."""
    monkeypatch.setattr(audit_files, "examine", examined)
    return xs.audit(untrained, gtsrb, "none", out=tmp_path / "audit", device="cpu")


@pytest.fixture
def findings_file(document):
    """The file of these findings."""
    return Path(document["files"]["findings"])
