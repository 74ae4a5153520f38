"""Model files, taken apart and put together again."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tests.conftest import settled
from xaisigns.errors import ModelError
from xaisigns.model.checkpoint import load_model
from xaisigns.model.vgg import VGG, initialise

CARD = {
    "class_names": {
        "de": ["Überholverbot", "Halt! „Vorfahrt“", *map(str, range(41))],
        "en": ["No overtaking", "Stop", *map(str, range(41))],
    },
    "training": {"epochs": 8, "learning_rate": 0.06},
    "manipulation": None,
    "metrics": {"accuracy": 0.995, "validation_accuracy": ""},
}


def trained(settings, card=None):
    torch.manual_seed(0)
    model = VGG(settings, card)
    initialise(model)
    return settled(model)


def parts(path):
    """Document and tensors of a model file."""
    with safe_open(path, framework="pt") as file:
        document = json.loads(file.metadata()["xaisigns"])
        return document, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def write_parts(path, document, tensors):
    save_file(tensors, path, metadata={"xaisigns": json.dumps(document)})


def refused(path, pattern):
    with pytest.raises(ModelError, match=pattern) as error:
        load_model(path)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
