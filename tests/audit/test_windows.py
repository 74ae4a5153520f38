import numpy as np
import pytest
import torch
from torch import nn

import xaisigns as xs
from xaisigns.audit.windows import relevant_windows
from xaisigns.errors import RuleError

SIDE = 32
RED, GREEN = (2, 20), (18, 4)  # left and top of what the network sees


@pytest.fixture
def model():
    """Its convolution has a channel for red and one for green; class 1 is what has either."""
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2 * 16 * 16, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, -1, -1], [-1.0, 1, -1]])[:, :, None, None])
        network[0].bias.zero_()
        network[4].weight[0], network[4].weight[1] = -1.0, 1.0
        network[4].bias.zero_()
    return xs.Model(network.eval(), xs.Preprocessing(SIDE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)))


@pytest.fixture
def explainer(model):
    return xs.LRP(model.module, "epsilon_plus_flat")


def images(count, red=RED, green=GREEN):
    pixels = np.zeros((count, SIDE, SIDE, 3), dtype=np.uint8)
    for channel, place, side in ((0, red, 6), (1, green, 9)):
        if place:
            left, top = place
            pixels[:, top : top + side, left : left + side, channel] = 255
    return pixels


def holds(window, place, side):
    left, top, right, bottom = window
    return left <= place[0] and top <= place[1] and right >= place[0] + side and bottom >= place[1] + side


def test_the_window_is_where_the_relevance_of_the_channels_lies(model, explainer):
    red = relevant_windows(explainer, model, images(3), 1, {"0": [0]})
    green = relevant_windows(explainer, model, images(3), 1, {"0": [1]})
    assert holds(red.common, RED, 6)
    assert all(holds(window, RED, 6) for window in red.each)
    assert holds(green.common, GREEN, 9)


def test_without_channels_all_relevance_counts(model, explainer):
    found = relevant_windows(explainer, model, images(1), 1)
    assert holds(found.common, GREEN, 9)  # which is larger


def test_windows_are_squares_within_the_image(model, explainer):
    found = relevant_windows(explainer, model, images(2, red=(26, 26), green=None), 1)
    left, top, right, bottom = found.each.T
    assert found.each.shape == (2, 4)
    assert found.each.dtype == np.int64
    np.testing.assert_array_equal(right - left, 10)
    np.testing.assert_array_equal(bottom - top, 10)
    assert (found.each >= 0).all()
    assert (found.each <= SIDE).all()


def test_the_common_window_is_where_most_images_have_theirs_however_bright_one_is(model, explainer):
    pixels = images(5, green=None) // 8
    pixels[4] = images(1, red=GREEN, green=None)
    found = relevant_windows(explainer, model, pixels, 1, {"0": [0]})
    assert holds(found.common, RED, 6)
    assert holds(found.each[4], GREEN, 6)


def test_an_image_without_such_relevance_gets_the_common_window(model, explainer):
    pixels = np.concatenate([images(2), images(1, red=None)])
    found = relevant_windows(explainer, model, pixels, 1, {"0": [0]})
    assert tuple(found.each[2]) == found.common
    assert holds(found.common, RED, 6)


def test_where_no_image_has_any_the_window_is_the_middle(model, explainer):
    found = relevant_windows(explainer, model, images(2, red=None), 1, {"0": [0]})
    assert found.common == (11, 11, 21, 21)


def test_a_channel_that_does_not_exist_is_refused(model, explainer):
    with pytest.raises(RuleError, match="channels 0 to 1"):
        relevant_windows(explainer, model, images(1), 1, {"0": [2]})
