"""What stands over a heatmap; that it fits is tested with the figures."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import xaisigns as xs
from xaisigns.pictures.headings import class_name, heading, model_names


@pytest.fixture
def result():
    logits = torch.zeros(1, 5)
    logits[0, 4] = 5
    return xs.Result(torch.ones(1, 3, 8, 8), torch.tensor([2]), None, logits, "lrp")


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("en", "repaired: class 4 (97.4%). Half of what speaks for “class 2” lies on 50% of the image."),
        (
            "de",
            "repaired: Klasse 4 (97,4\u202f%). "
            "Die Hälfte dessen, was für „Klasse 2“ spricht, liegt auf 50\u202f% des Bildes.",
        ),
    ],
)
def test_one_of_several_models_is_named(language, wanted, result):
    assert heading(nn.Sequential(), result, 0, language, "repaired") == wanted
    alone = heading(nn.Sequential(), result, 0, language)
    assert alone == wanted.replace("repaired", "Predicted" if language == "en" else "Erkannt")


@pytest.mark.parametrize(
    ("target", "against", "asked"),
    [
        (4, None, "it"),
        (4, "rest", "“class 4” rather than all other classes"),
        (4, 1, "“class 4” rather than “class 1”"),
    ],
)
def test_what_was_asked_is_told(target, against, asked, result):
    against = torch.tensor([against]) if isinstance(against, int) else against
    result = replace(result, target=torch.tensor([target]), against=against)
    told = heading(nn.Sequential(), result, 0, "en")
    assert told == f"Predicted: class 4 (97.4%). Half of what speaks for {asked} lies on 50% of the image."


@pytest.mark.parametrize("method", ["edges", "uniform", "random"])
def test_a_control_is_told_as_such(method, result):
    told = heading(nn.Sequential(), replace(result, method=method), 0, "en")
    assert told == "Predicted: class 4 (97.4%). This heatmap is a control: it knows nothing of the network."


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ([""], [""]),
        (["repaired", "x" * 28], ["repaired", "x" * 28]),
        (["before/" + "x" * 30 + "-epoch-20"], ["before/xxxxxx…xxxxx-epoch-20"]),
        (["a\x1b[2J\n", "a  b"], [r"a\x1b[2J\n", "a b"]),
        (
            [f"experiment-2024-seed-{seed}-lr-0.01-augment-large" for seed in (0, 1)],
            ["experiment-2024-seed-0…large", "experiment-2024-seed-1…large"],
        ),
        (["x" * 30 + end for end in "yz"], ["x" * 13 + "…" + "x" * 13 + end for end in "yz"]),
        (["x" * 30 + middle + "x" * 30 for middle in "yz"], [f"{'x' * 11}…{'x' * 12} ({place})" for place in (1, 2)]),
        (["a\n", r"a\n"], [r"a\n (1)", r"a\n (2)"]),
    ],
)
def test_models_names_are_short_and_differ_in_the_picture(names, wanted):
    assert model_names(names) == dict(zip(names, wanted, strict=True))


@given(st.lists(st.text("ab\n\\ …()12", max_size=40), unique=True, max_size=12))
def test_no_two_models_have_one_name_in_the_picture(names):
    short = model_names(names)
    assert list(short) == names
    assert len(set(short.values())) == len(names)
    assert all(len(name) <= 28 for name in short.values())


def test_a_class_has_a_name_of_bounded_length(own_untrained):
    model = xs.load_model(own_untrained)
    model.card["class_names"] = {"en": ["x" * 100, "b\n", "c"]}
    assert [class_name(model, one, "en") for one in range(3)] == ["x" * 59 + "…", r"b\n", "c"]
