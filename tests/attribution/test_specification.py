"""Specifications: taken apart, written again, and refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xaisigns.attribution.specification import Specification, number, number_text, read_specification, spelled
from xaisigns.errors import MethodError, RuleError

words = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(lambda word: word != "contrast")
options = st.dictionaries(words, st.from_regex(r"[0-9]{1,3}", fullmatch=True), max_size=3)
specifications = st.builds(Specification, words, st.lists(words, max_size=2).map(tuple), options, st.booleans())


@given(specifications)
def test_what_is_written_is_read_again(specification):
    assert read_specification(str(specification)) == specification


def test_dashes_spaces_and_the_place_of_contrast_do_not_matter():
    read = read_specification(" lrp : contrast: epsilon-gamma-box :gamma = 0.1")
    assert read == Specification("lrp", ("epsilon_gamma_box",), {"gamma": "0.1"}, True)
    assert str(read) == "lrp:epsilon_gamma_box:gamma=0.1:contrast"
    assert spelled(" deep-lift ") == "deep_lift"


def test_an_option_that_is_given_twice_is_refused_unless_it_is_the_same():
    with pytest.raises(MethodError, match=r"^option 'window_size' is given twice in 'a:window-size=4:window_size=5'$"):
        read_specification("a:window-size=4:window_size=5")
    assert read_specification("a:window=4:window= 4").options == {"window": "4"}


@pytest.mark.parametrize("given", [None, 3, b"lrp"])
def test_what_is_no_text_is_refused(given):
    with pytest.raises(MethodError, match="is wanted as text, such as 'lrp:epsilon', got"):
        read_specification(given)


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("big", int, "^steps must be a whole number, got 'big'$"),
        ("1.5", int, "^steps must be a whole number, got '1.5'$"),
        ("", float, "^steps must be a number, got ''$"),
        ("nan", float, "^steps must be a number that is finite, got 'nan'$"),
        ("x" * 1000, float, f"got '{'x' * 40}'$"),
    ],
)
def test_a_value_that_is_no_number_is_refused_as_the_error_that_is_asked_for(value, kind, message):
    with pytest.raises(RuleError, match=message):
        number("steps", value, kind, RuleError)


@pytest.mark.parametrize("values", [("0.1", "0.10", "1e-1"), ("1", "1.0", "+1"), ("0", "-0.0", "-0")])
def test_a_number_has_one_text_however_it_is_written(values):
    assert len({number_text(number("gamma", value, float, MethodError)) for value in values}) == 1
