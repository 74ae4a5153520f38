"""What settings and documents may hold, and the line that tells what does not fit."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.model.model_files import parts, refused, write_parts
from xaisigns.errors import ModelError
from xaisigns.model.schema import LearningRate, Side, check, constructed, read_document


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ('{"format": 1, "format": 1}', "'format' is in it twice$"),
        ('{"format": 1, "more": 1e999}', "1e999 is too large$"),
        ('{"format": 1, "more": ' + "[" * 30 + "]" * 30 + "}", "it is nested more than 20 deep$"),
        (
            '{"format": 1, "more": ' + "[" * 100_000 + "]" * 100_000 + "}",
            "it is nested too deeply$",
        ),
        ("not JSON", "no JSON as xaisigns writes it"),
    ],
)
def test_json_that_xaisigns_does_not_write_is_refused(path, text, pattern):
    save_file({"a": torch.zeros(1)}, path, metadata={"xaisigns": text})
    refused(path, pattern)


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"input_size": 100_000}, "input_size: wanted a whole number from 32 to 1024, got 100000$"),
        ({"input_size": 64.0}, "input_size: wanted a whole number"),
        ({"input_size": True}, "input_size: wanted a whole number"),
        ({"classes": "43"}, "classes: wanted a whole number from 2 to 4096, got '43'$"),
        ({"classes": -1}, "classes: wanted a whole number"),
        ({"classes": 10**9}, "classes: wanted a whole number"),
        ({"architecture": "resnet19"}, "architecture: wanted the name of .* such as resnet1.*, got 'resnet19'$"),
        ({"architecture": 18}, "architecture: wanted a text .*, got 18$"),
        ({"head": ["compact"]}, "head: wanted 'compact' or 'torchvision'"),
        (
            {"mean": [86.8, 79.6, 82.0]},
            r"mean: wanted three numbers .*, got \(?.86\.8, .*; divide by 255 what is of pixels",
        ),
        ({"std": [0.2, 0.2]}, "std: wanted three numbers"),
        ({"std": [0.2, 0.2, 0.0]}, "std: wanted three numbers"),
        ({"std": 0.2}, "std: wanted three numbers"),
        ({"depth": 11}, "'depth' is unknown$"),
    ],
)
def test_settings_that_make_no_network_are_refused(written, path, change, pattern):
    document, tensors = parts(written)
    document["network"].update(change)
    write_parts(path, document, tensors)
    refused(path, pattern)


def test_settings_are_not_guessed(written, path):
    document, tensors = parts(written)
    del document["network"]["mean"]
    write_parts(path, document, tensors)
    refused(path, "mean is missing$")


@dataclass(frozen=True)
class Settings:
    side: Side
    rate: LearningRate = 0.1

    def __post_init__(self):
        check(self)


def test_numbers_of_numpy_become_pythons():
    settings = Settings(np.int32(64), np.float64(0.5))
    assert settings == Settings(64, 0.5)
    assert (type(settings.side), type(settings.rate)) == (int, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"side": 64}, "rate is missing"),
        ({"side": 64, "rate": 0.1, "speed": 1}, "'speed' is unknown"),
        ({"side": 31, "rate": 0.1}, "side: wanted a whole number from 32 to 1024, got 31"),
        ({"side": 64, "rate": float("inf")}, "rate: wanted a number from 1e-09 to 100.0, got inf"),
        ({"side": True, "rate": 0.1}, "side: wanted a whole number from 32 to 1024, got True"),
    ],
)
def test_the_first_value_that_does_not_fit_is_told(values, message):
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        constructed(Settings, values)


def test_a_document_is_an_object():
    assert read_document('{"a": [1, null]}') == {"a": [1, None]}
    with pytest.raises(ModelError, match=r"^its metadata is no JSON object$"):
        read_document("[]")
