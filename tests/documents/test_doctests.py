"""What docstrings show after `>>>` is so."""

import doctest
import importlib

import pytest

from tests.conftest import REPOSITORY

MODULES = [
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    for path in sorted((REPOSITORY / "xaisigns").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


def test_there_are_some():
    assert MODULES


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_show_what_is_so(name):
    ran = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert ran.attempted
    assert ran.failed == 0  # doctest has printed what differs
