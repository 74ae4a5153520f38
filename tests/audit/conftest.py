"""Findings that are made up."""

import pytest

from tests.findings import made_up, written


@pytest.fixture
def whole():
    """A document of findings about classes 0, 1, 2 and 3."""
    return made_up()


@pytest.fixture
def shortcut(whole):
    """The finding about class 0."""
    return whole.findings[0]


@pytest.fixture
def lost(whole):
    """The finding about class 2, which is not recognised on unseen images."""
    return whole.findings[1]


@pytest.fixture
def suspicion(whole):
    """The finding about class 1, whose feature turns hardly any image."""
    return whole.findings[2]


@pytest.fixture
def findings_file(whole, tmp_path):
    """The file of the document."""
    return written(whole, tmp_path / "findings.json")
