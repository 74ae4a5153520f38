"""A network over many images: in bounded batches, and refused by name where the two do not fit."""

import pytest
import torch
from torch import nn

from tests.metrics.conftest import input_x_gradient
from tests.metrics.test_tensors import CLASSES, IMAGES, NETWORK, drawn, inferred
from xaisigns.errors import ShapeError
from xaisigns.metrics.faithfulness import infidelity, pixel_flipping
from xaisigns.metrics.robustness import max_sensitivity


def test_images_made_in_inference_mode_are_explained():
    images = inferred(IMAGES)
    wanted = max_sensitivity(input_x_gradient, NETWORK, IMAGES, CLASSES, samples=2)
    assert torch.equal(max_sensitivity(input_x_gradient, NETWORK, images, CLASSES, samples=2), wanted)


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (
            IMAGES.double(),
            "images must be torch.float32 on cpu, as the network's weights are; got torch.float64 on cpu",
        ),
        ((IMAGES * 255).to(torch.uint8), "got torch.uint8"),
        (IMAGES.to("meta"), "got torch.float32 on meta"),
        (IMAGES[0], r"got \(3, 8, 9\)"),
        (IMAGES[:, :, :0], r"got \(3, 3, 0, 9\)"),
        (IMAGES.numpy(), "got ndarray"),
    ],
)
def test_images_that_the_network_cannot_take_are_refused(images, told):
    with pytest.raises(ShapeError, match=told):
        pixel_flipping(NETWORK, images, drawn(0), 0)
    with pytest.raises(ShapeError, match=told):
        max_sensitivity(input_x_gradient, NETWORK, images, 0)


def test_a_network_without_logits_is_refused():
    class Named(nn.Module):
        def forward(self, x):
            return {"logits": x}

    with pytest.raises(ShapeError, match=r"must give logits .*, it gives dict for 1 images"):
        infidelity(Named().eval(), IMAGES, drawn(0), 0)
