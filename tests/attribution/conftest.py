import pytest
import torch


@pytest.fixture
def images(generator):
    """Images for the network of ``agreement``."""
    return torch.randn(2, 3, 16, 16, generator=generator)
