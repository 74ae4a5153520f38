"""What the tests of metrics share: images, their targets, relevance with structure and masks."""

import pytest
import torch


@pytest.fixture
def images(generator):
    return torch.randn(6, 3, 12, 12, generator=generator, dtype=torch.float64)


@pytest.fixture
def target():
    return torch.tensor([0, 1, 2, 3, 4, 0])


@pytest.fixture
def relevance(generator):
    return torch.randn(6, 3, 12, 12, generator=generator, dtype=torch.float64)


@pytest.fixture
def mask():
    """A block in each image, of another size and place."""
    blocks = torch.zeros(6, 12, 12, dtype=torch.bool)
    for number in range(6):
        blocks[number, number : number + 4, 2 : 5 + number] = True
    return blocks


def input_x_gradient(model, x, target):
    """The attribution that tests explain with."""
    leaf = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(leaf).gather(1, target[:, None]).sum(), leaf)
    return leaf.detach() * gradient
