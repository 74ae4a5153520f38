"""What settings and documents may hold, and the line that tells what does not fit."""

import pytest
import torch
from safetensors.torch import save_file

from tests.model.model_files import parts, refused, write_parts


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
        ({"architecture": "resnet18"}, "architecture: wanted 'vgg11', .*, got 'resnet18'$"),
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
