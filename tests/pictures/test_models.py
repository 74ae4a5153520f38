"""Models beside each other: by their names, which errors begin with."""

import re

import pytest

from xaisigns.errors import LanguageError, ModelError, XaisignsError
from xaisigns.pictures.models import by_name, naming


def test_one_model_has_an_empty_name_and_several_have_theirs():
    model, other = object(), object()
    assert by_name(model) == {"": model}
    assert list(by_name({"b": model, "a": other}).items()) == [("b", model), ("a", other)]


@pytest.mark.parametrize(
    "models",
    [
        {},
        {1: "clean"},
        {"before": "stickered", None: "clean"},
        {"": "stickered"},
        {"before": "stickered", " \n": "clean"},
    ],
)
def test_no_model_and_no_name_are_refused(models):
    with pytest.raises(ModelError, match=r"are wanted by their names, .* each a text that is not empty, got \["):
        by_name(models)


@pytest.mark.parametrize("several", [["stickered", "clean"], ("clean",), {"clean"}])
def test_several_models_without_names_are_refused(several):
    wanted = f'by their names, as in {{"before": model, "after": other}}, got a {type(several).__name__}'
    with pytest.raises(ModelError, match=re.escape(wanted)):
        by_name(several)


@pytest.mark.parametrize("error", [ModelError, LanguageError])
def test_an_error_is_of_its_kind_and_says_whose_it_is(error):
    with pytest.raises(error, match=r"^after: it is broken$"), naming("after"):
        raise error("it is broken")


def test_the_error_of_one_model_and_of_others_stays_as_it_is():
    with pytest.raises(XaisignsError, match=r"^no$"), naming(""):
        raise ModelError("no")
    with pytest.raises(KeyError, match=r"^'no'$"), naming("after"):
        raise KeyError("no")
