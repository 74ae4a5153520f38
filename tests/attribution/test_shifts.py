"""Shifts by whole pixels and their way back."""

import torch

from xaisigns.attribution.shifts import shifted, shifted_back


def test_an_image_moves_down_and_to_the_right():
    image = torch.arange(12.0).reshape(1, 1, 3, 4)
    moved = shifted(image, (1, 2))
    assert torch.equal(moved[0, 0, 1:, 2:], image[0, 0, :-1, :-2])
    assert moved[0, 0].tolist() == [[0, 0, 0, 1], [0, 0, 0, 1], [4, 4, 4, 5]]


def test_the_way_back_is_the_transpose(generator):
    image, relevance = (torch.randn(2, 3, 5, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    for by in ((0, 0), (1, -1), (-2, 3)):
        forth, back = shifted(image, by), shifted_back(relevance, by)
        torch.testing.assert_close((forth * relevance).sum(), (image * back).sum())
        torch.testing.assert_close(back.sum(), relevance.sum())


def test_shifts_know_lines_too():
    assert shifted(torch.tensor([[[1.0, 2, 3]]]), (-1,)).tolist() == [[[2, 3, 3]]]
