"""What stands over a heatmap; that it fits is tested with the figures."""

import pytest
import torch
from torch import nn

import xaisigns as xs
from xaisigns.pictures.headings import class_name, heading, model_name


@pytest.fixture
def result():
    logits = torch.zeros(1, 5)
    logits[0, 4] = 5
    return xs.Result(torch.ones(1, 3, 8, 8), torch.tensor([2]), None, logits, "lrp")


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        ("en", "repaired: class 4 (97.4%)\nRed speaks for “class 2”, blue against it."),
        ("de", "repaired: Klasse 4 (97,4\u202f%)\nRot spricht für „Klasse 2“, Blau dagegen."),
    ],
)
def test_one_of_several_models_is_named(language, wanted, result):
    assert heading(nn.Sequential(), result, 0, language, "repaired") == wanted
    alone = heading(nn.Sequential(), result, 0, language)
    assert alone == wanted.replace("repaired", "Predicted" if language == "en" else "Erkannt")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("repaired", "repaired"),
        ("x" * 28, "x" * 28),
        ("before/" + "x" * 30 + "-epoch-20", "before/xxxxxx…xxxxx-epoch-20"),
        ("a\x1b[2J\n", r"a\x1b[2J\n"),
    ],
)
def test_a_models_name_is_short_and_keeps_both_ends(name, wanted):
    assert model_name(name) == wanted


def test_a_class_has_a_name_of_bounded_length(own_untrained):
    model = xs.load_model(own_untrained)
    model.card["class_names"] = {"en": ["x" * 100, "b\n", "c"]}
    assert [class_name(model, one, "en") for one in range(3)] == ["x" * 59 + "…", r"b\n", "c"]
