"""A network over many images: in bounded batches, and refused by name where the two do not fit."""

import pytest
import torch
from torch import nn

from tests.metrics.conftest import input_x_gradient
from tests.metrics.test_tensors import CLASSES, IMAGES, NETWORK, drawn, inferred
from xaisigns.errors import MetricError, ShapeError
from xaisigns.metrics.batches import BATCH, checked, explained, heatmaps, pairs
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


@pytest.mark.parametrize(("images", "variants"), [(1, 1), (5, 7), (3, BATCH), (2 * BATCH + 1, 1), (0, 4)])
def test_every_image_comes_with_every_variant_once_and_never_too_many_at_once(images, variants):
    batches = list(pairs(images, variants))
    found = [pair for image, variant in batches for pair in zip(image.tolist(), variant.tolist(), strict=True)]
    assert found == [(image, variant) for image in range(images) for variant in range(variants)]
    assert all(0 < len(image) <= BATCH for image, _ in batches)


def test_heatmaps_are_those_of_each_image_alone():
    images, targets = IMAGES.repeat(BATCH // 2, 1, 1, 1), CLASSES.repeat(BATCH // 2)  # more than a batch
    together = heatmaps(input_x_gradient, NETWORK, images, targets)
    alone = [explained(input_x_gradient, NETWORK, IMAGES[i : i + 1], CLASSES[i : i + 1]) for i in range(len(IMAGES))]
    torch.testing.assert_close(together, torch.cat(alone).repeat(BATCH // 2, 1, 1, 1))


def test_a_class_that_the_network_does_not_have_and_training_mode_are_refused():
    assert checked(NETWORK, IMAGES, 4)[1].tolist() == [4, 4, 4]
    with pytest.raises(ShapeError, match=r"^target must be one of the network's classes 0\.\.4, got 5$"):
        checked(NETWORK, IMAGES, 5)
    with pytest.raises(MetricError, match=r"it is in training mode: call model\.eval\(\) first$"):
        checked(nn.Sequential(nn.Flatten(), nn.Dropout()), IMAGES, 0)
