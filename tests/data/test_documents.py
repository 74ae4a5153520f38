"""JSON that every reader takes, and that loses nothing."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import REPOSITORY
from xaisigns.data.documents import json_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=8,
)


def finite(value):
    """The value with None for what is not finite."""
    if isinstance(value, list):
        return [finite(one) for one in value]
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252"])
@given(document=VALUES)
def test_it_is_read_back_whole_but_for_what_is_not_finite(encoding, document):
    text = json_text(document, encoding=encoding).encode(encoding)
    assert json.loads(text.decode(encoding), parse_constant=pytest.fail) == finite(document)


def test_it_stays_readable_where_it_can():
    assert json_text({"name": "Überholverbot"}, indent=None) == '{"name": "Überholverbot"}'
    assert json_text(["ü", "\udcdf"], indent=None) == r'["\u00fc", "\udcdf"]'


def test_nothing_else_writes_a_document():
    # What these write is no document: keys of a cache, strings in TOML, a list of ASCII names.
    others = {"assignment.py", "decoded.py", "download.py", "experiment.py", "kept.py", "training.py"}
    for path in (REPOSITORY / "xaisigns").rglob("*.py"):
        if path.name not in others | {"documents.py"}:
            assert not re.search(r"json\.dumps?\(", path.read_text(encoding="utf-8")), path
