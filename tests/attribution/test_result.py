"""What a result tells of its tensors, by definition."""

from dataclasses import replace

import pytest
import torch

from xaisigns.attribution.result import Result


@pytest.fixture
def result(generator):
    relevance = torch.randn(3, 3, 4, 5, generator=generator, dtype=torch.float64)
    logits = torch.tensor([[1.0, 2.0, -1.0], [0.5, -3.0, 0.0], [200.0, 0.0, 201.0]], dtype=torch.float64)
    return Result(relevance, torch.tensor([0, 2, 2]), None, logits, "saliency")


def test_the_logit_is_the_targets(result):
    assert result.logit.tolist() == [1.0, 0.0, 201.0]


def test_the_predicted_class_has_the_highest_logit_and_probability(result):
    assert result.predicted.tolist() == [1, 0, 2]
    assert torch.equal(result.probabilities.argmax(dim=1), result.predicted)


def test_probabilities_sum_to_1_and_do_not_depend_on_a_shift_of_the_logits(result):
    torch.testing.assert_close(result.probabilities.sum(dim=1), torch.ones(3, dtype=torch.float64))
    shifted = Result(result.relevance, result.target, None, result.logits - 1000, "saliency")
    torch.testing.assert_close(shifted.probabilities, result.probabilities)
    ratio = result.probabilities[0, 1] / result.probabilities[0, 0]
    torch.testing.assert_close(ratio, torch.tensor(1.0, dtype=torch.float64).exp())


def test_it_is_printed_in_a_line(result):
    assert repr(result) == "Result('saliency', relevance of shape (3, 3, 4, 5), targets 0, 2, 2)"
    many = replace(result, target=torch.arange(100))
    assert repr(many).endswith("targets 0, 1, 2, 3, 4, 5, 6, 7, ...)")


def test_the_heatmap_sums_over_the_channels(result):
    assert result.heatmap.shape == (3, 4, 5)
    red, green, blue = result.relevance.unbind(dim=1)
    torch.testing.assert_close(result.heatmap, red + green + blue)
