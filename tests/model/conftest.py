"""A model and its file, a network of torchvision's, and a place for a damaged copy."""

import pytest
from torchvision.models import vgg11_bn

from tests.model.foreign import torchvisions
from tests.model.model_files import CARD, trained
from xaisigns.model.checkpoint import save_model
from xaisigns.model.classifier import NetworkSettings


@pytest.fixture(scope="module")
def model():
    return trained(NetworkSettings(), CARD)


@pytest.fixture(scope="module")
def written(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / "model.safetensors"
    save_model(model, path)
    return path


@pytest.fixture
def path(tmp_path):
    """A place for a damaged copy, removed after the test: copies are large."""
    path = tmp_path / "damaged.safetensors"
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def network():
    return torchvisions(vgg11_bn)
