"""What tests/model/test_shared_statistics.py has several processes do: torchrun starts each with this."""

import copy
import json
import os
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.model.test_training import Stopped, coloured, stop_at
from xaisigns.base.processes import joined
from xaisigns.errors import DeviceError, ModelError
from xaisigns.model import training
from xaisigns.model.classifier import NetworkSettings
from xaisigns.model.shared_statistics import share_statistics
from xaisigns.model.training import TrainingSettings, train

NETWORK = NetworkSettings("tests.model.trained_together:Tiny", classes=3, input_size=32)
WITH_DROPOUT = NetworkSettings("tests.model.trained_together:Dropping", classes=3, input_size=32)
SETTINGS = TrainingSettings(epochs=4, batch_size=8, learning_rate=0.01, averaging=0.5)
IMAGES, HELD_OUT = 21, 7  # the last batch of an epoch has five, the first process three of them


class Tiny(nn.Sequential):
    """BatchNorm, as much as a network can have of it, and a weight without a use."""

    def __init__(self, num_classes):
        super().__init__(
            nn.Conv2d(3, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(4),
            nn.Conv2d(8, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8, affine=False),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 8),
            nn.BatchNorm1d(8, momentum=None),
            nn.Linear(8, num_classes),
        )
        self.unused = nn.Parameter(torch.zeros(2))


class Dropping(nn.Sequential):
    """What each process draws for itself."""

    def __init__(self, num_classes):
        pooled = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        super().__init__(pooled, nn.Dropout(), nn.Linear(8, num_classes))


def trained(out, network=NETWORK, **options):
    return train(network, SETTINGS, coloured(IMAGES), coloured(HELD_OUT), out, **options)


def deviations(processes):
    """How far outputs, gradients and buffers of a network with shared statistics are off those of the whole batch."""
    torch.manual_seed(0)
    whole = Tiny(3).double()
    parts = copy.deepcopy(whole)
    share_statistics(parts)
    images = torch.randn(7, 3, 8, 8, dtype=torch.float64)
    for _ in range(2):
        wanted, logits = whole(images), parts(images[processes.part])
        (wanted**3).sum().backward()
        (logits**3).sum().backward()
    off = [logits - wanted[processes.part]]
    for part, one in zip(parts.parameters(), whole.parameters(), strict=True):
        if one.grad is not None:
            off.append(processes.total(part.grad) - one.grad)
    off += [part - one for part, one in zip(parts.buffers(), whole.buffers(), strict=True)]
    return max(float(one.detach().abs().max()) for one in off)


def made_after(folder, name):
    """Makes a file, and gives how many such there were."""
    there = len(list(folder.glob("*.order")))
    (folder / f"{name}.order").touch()
    return there


def main(folder):
    training.computes_bfloat16 = lambda _: False  # whose rounding is a thousand times as coarse
    with joined(torch.device("cpu")) as processes:
        told = {"count": processes.count, "deviation": deviations(processes)}
        for name, network in (("whole", NETWORK), ("dropout", WITH_DROPOUT)):
            model, _ = trained(folder / name, network, processes=processes)
            told[f"same weights, {name}"] = processes.all_have(str(model.state_dict()))
        trained(folder / "begun alone", resume=True, processes=processes)
        try:
            trained(folder / "begun together", progress=stop_at(3)[0], processes=processes)
        except Stopped:
            told["stopped"] = True
        try:
            train(NETWORK, SETTINGS, coloured(IMAGES + processes.number), None, folder / "x", processes=processes)
        except ModelError as error:
            told["different images"] = str(error)
        told["there before"] = processes.one_first(lambda: made_after(folder, processes.local))
        (folder / f"told {processes.number}.json").write_text(json.dumps(told))
        if processes.number:
            os._exit(0)  # without a word, in the middle of the work of the other
        ended = pytest.raises(DeviceError, match="another process of this work has ended; see what that one says")
        with ended, joined(torch.device("cpu")) as same:
            trained(folder / "y", processes=same)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
