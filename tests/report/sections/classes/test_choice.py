import torch

from xaisigns.report.sections.classes.choice import Chosen, choose


def test_examples_are_chosen_by_how_sure_the_model_is():
    labels = torch.tensor([0, 0, 0, 0, 0, 1])
    sure = [0.9, 0.6, 0.8, 0.3, 0.2, 0.9]  # of class 0: three right, two wrong
    probabilities = torch.tensor([[p, 1 - p] for p in sure])
    stickered = torch.tensor([[0.9, 0.1], [0.1, 0.9], [0.4, 0.6], [0.8, 0.2], [0.9, 0.1], [0.5, 0.5]])
    first = [Chosen("typical", 2), Chosen("unsure", 1), Chosen("mistaken", 4)]
    assert choose(0, labels, probabilities, None, None, 3) == first
    assert choose(0, labels, probabilities, stickered, 1, 4) == [*first, Chosen("stickered", 2)]
    assert choose(0, labels, probabilities, None, None, 9) == [*first, Chosen("typical", 1), Chosen("typical", 0)]
    assert choose(0, labels, probabilities, None, None, 1) == first[:1]
    assert choose(2, labels, probabilities, stickered, 1, 4) == []
    assert choose(1, labels, probabilities, None, None, 2) == [Chosen("mistaken", 5)]


def test_typical_and_stickered_ones_are_among_those_that_are_explained_in_any_case():
    labels = torch.zeros(6, dtype=torch.int64)
    probabilities = torch.tensor([[p, 1 - p] for p in (0.9, 0.8, 0.7, 0.6, 0.55, 0.1)])
    stickered = torch.tensor([[0.1, 0.9]] * 6)
    of = 0, labels, probabilities, stickered, 1
    first, *_, with_sticker = choose(*of, 4, {1, 0}, {5})
    assert (first, with_sticker) == (Chosen("typical", 0), Chosen("stickered", 5))
    assert Chosen("typical", 1) in choose(*of, 5, {1, 0}, {5})
    assert choose(*of, 9, {1, 0}, {5})[1:3] == [Chosen("unsure", 4), Chosen("mistaken", 5)]
    assert set(choose(*of, 20, {1, 0}, {5})) >= {Chosen("typical", place) for place in range(5)}
    assert choose(*of, 4, {99}, {99}) == choose(*of, 4)
