"""Which outputs are explained: class ids of any whole kind, on the images' device, or the rest."""

import numpy as np
import pytest
import torch

import xaisigns as xs
from tests.attribution.agreement import network
from xaisigns.attribution.targets import class_ids
from xaisigns.errors import ShapeError


@pytest.mark.parametrize("target", [True, 2**70, "stop", None, 1.5, torch.tensor([True, False]), torch.ones(1) * 1j])
def test_a_target_that_is_no_class_is_refused(target, images):
    with pytest.raises(ShapeError, match="target must be a class id"):
        xs.LRP(network(), "epsilon_plus").attribute(images, target)


def test_a_target_follows_the_images_device(images):
    """Told by a device that computes nothing: numbers would need a real one."""
    assert class_ids(2, 4, "target", torch.device("meta")).device.type == "meta"
    assert class_ids(torch.tensor([1, 2]), 2, "target", torch.device("meta")).device.type == "meta"


def test_numbers_of_numpy_are_class_ids(images):
    ours = [xs.attribute(network(), images, target, method="saliency").target for target in (np.int64(2), [2, 2])]
    assert torch.equal(*ours)
