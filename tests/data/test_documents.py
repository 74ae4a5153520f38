import pytest
from pydantic import BaseModel, ValidationError

from xaisigns.data.documents import first_fault, strict_json


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
        ("1" * 5000, "Exceeds the limit"),
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
