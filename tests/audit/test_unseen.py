"""Which class collapses on images that the training did not see."""

import numpy as np

from xaisigns.audit.evidence import Rate
from xaisigns.audit.statistics import interval
from xaisigns.audit.unseen import other_classes, unseen_classes


def answers(rights, count=58):
    """Labels and answers: of each class so many right, the rest called by the next class."""
    labels = np.repeat(np.arange(len(rights)), count)
    within = np.tile(np.arange(count), len(rights))
    right = within < np.array(rights)[labels]
    return labels, np.where(right, labels, (labels + 1) % len(rights))


def test_a_class_that_is_never_right_has_collapsed():
    found = unseen_classes(*answers([57, 0, 55, 58]))
    assert [of_class.collapsed for of_class in found.values()] == [False, True, False, False]
    assert found[1].right == Rate(0, 58)
    assert found[1].p < 1e-20


def test_a_class_that_is_only_worse_has_not():
    found = unseen_classes(*answers([57, 35, 55, 58]))
    assert found[1].p < 0.01
    assert not found[1].collapsed


def test_few_images_prove_no_collapse():
    labels, called = answers([58, 58, 58])
    found = unseen_classes(np.append(labels, 3), np.append(called, 0))
    assert found[3].right == Rate(0, 1)
    assert not found[3].collapsed


def test_others_that_few_images_speak_for_prove_no_collapse():
    labels, called = np.repeat([0, 1], [10, 3]), np.array([2] * 10 + [1, 1, 2])
    found = unseen_classes(labels, called)[0]
    assert interval(found.right)[1] < 0.5 * 2 / 3
    assert not found.collapsed


def test_no_class_collapses_where_all_are_bad():
    assert not any(of_class.collapsed for of_class in unseen_classes(*answers([3, 2, 0, 4])).values())


def test_only_classes_with_images_are_told():
    assert set(unseen_classes(np.array([7, 7, 2]), np.array([7, 7, 2]))) == {2, 7}


def test_one_class_alone_has_no_others():
    assert other_classes({3: Rate(2, 4)}, 3) == Rate(0, 0)
    assert not unseen_classes(np.zeros(60, dtype=int), np.ones(60, dtype=int))[0].collapsed
