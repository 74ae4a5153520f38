"""JSON that every reader takes, that loses nothing, and that is read with nothing guessed."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from tests.conftest import REPOSITORY
from xaisigns.base.documents import first_fault, json_text, strict_json


class Schema(BaseModel):
    number: dict[str, list[int]]


def test_a_document_is_read():
    assert strict_json(b'{"a": [1, 2.5, null, {"a": true}]}') == {"a": [1, 2.5, None, {"a": True}]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1, "a": 1}', "'a' is in it twice"),
        ('[{"b": {"a": 1, "c": 2, "a": 3}}]', "'a' is in it twice"),
        ("[NaN]", "NaN is no number of JSON's"),
        ("[-Infinity]", "-Infinity is no number of JSON's"),
        ("[" * 100_000, "it is nested too deeply"),
        ("1" * 5000, "has no room in 64 bits"),
        ("[1e999]", "1e999 is too large"),
        (r'["\ud800"]', "surrogates not allowed"),
        ("[" * 30 + "]" * 30, "it is nested more than 20 deep"),
        ("", "Expecting value"),
        (b"\xff\xff", "codec can't decode"),
    ],
)
def test_what_programs_read_differently_is_refused(text, told):
    with pytest.raises(ValueError, match=told):
        strict_json(text)


def test_a_fault_is_told_in_one_short_line_with_its_place():
    with pytest.raises(ValidationError) as caught:
        Schema.model_validate({"number": {"a": [1, "x\n" * 1000]}})
    told = first_fault(caught.value)
    assert told.startswith("number.a.1: Input should be a valid integer, unable to parse string as an integer, got 'x")
    assert len(told) < 250
    assert len(told.splitlines()) == 1


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
    # What these write is no document: keys of a cache, strings in TOML, a list of ASCII names, what is read at once.
    keys, read = (
        {"assignment.py", "cache.py", "download.py", "experiment.py", "sign_set.py"},
        {"checkpoint.py", "manipulation.py"},
    )
    others = keys | read | {"training.py"}
    for path in (REPOSITORY / "xaisigns").rglob("*.py"):
        if path.name not in others | {"documents.py"}:
            assert not re.search(r"json\.dumps?\(", path.read_text(encoding="utf-8")), path
