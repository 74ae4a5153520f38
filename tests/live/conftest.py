"""What the tests of the page share."""

import pytest

from tests.findings import examined
from xaisigns.audit import audit_files


@pytest.fixture
def made_up_audit(monkeypatch):
    """An audit finds what is made up."""
    monkeypatch.setattr(audit_files, "examine", examined)
