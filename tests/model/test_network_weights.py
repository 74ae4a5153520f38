"""Weights become a network by names, shapes and finite numbers, or are refused by name."""

import re

import torch

from tests.model.model_files import parts, refused, write_parts


def test_a_missing_a_surplus_and_a_misshapen_tensor_are_refused(written, path):
    document, tensors = parts(written)
    weight = "features.4.weight"
    less = {name: value for name, value in tensors.items() if name != weight}
    for changed, named in (
        (less, weight),
        ({**tensors, "features.99.weight": torch.zeros(1)}, "features.99.weight"),
        ({**tensors, weight: tensors[weight][:, :-1].contiguous()}, weight),
    ):
        write_parts(path, document, changed)
        refused(path, f"does not hold the network that it describes: .*{re.escape(named)}")
