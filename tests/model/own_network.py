"""The file of a network of the caller's own, with a skip connection."""

from itertools import count

CODE = """
import torch
from torch import nn

from skipping import Skip


class Net(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=4, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.block = Skip()
        self.head = nn.Linear(4, num_classes)
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, x):
        return self.head(self.block(torch.relu(self.norm(self.stem(x)))).mean(dim=(2, 3)))


class Required(Net):
    def __init__(self, num_classes):
        super().__init__(num_classes)


class Frozen(Net):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.stem.requires_grad_(False)
        self.unused = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        return super().forward(x) * self.scale


class Normed(Net):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.before = nn.BatchNorm2d(3)

    def forward(self, x):
        return super().forward(self.before(x))


class Five(Net):
    def __init__(self):
        super().__init__(5)


class Broken(Net):
    def __init__(self):
        raise ValueError("not today")


class Deep(Net):
    def forward(self, x):
        return self.stem(x)


none = "a text"


def number():
    return 3
"""
SKIP = """
import torch
from torch import nn


class Skip(nn.Module):
    def __init__(self):
        super().__init__()
        self.module = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        return torch.relu(x + self.module(x))
"""
_NUMBERS = count()


def written(folder):
    """Write the code to a module of a new name, and give that."""
    name = f"own_network_{next(_NUMBERS)}"
    (folder / f"{name}.py").write_text(CODE, encoding="utf-8")
    (folder / "skipping.py").write_text(SKIP, encoding="utf-8")
    return name
