import numpy as np
import pytest

from xaisigns.audit.growing import distances, diversity_of, grown, leave_one_out, separations, shown_by, upper_parts


def test_an_image_is_judged_by_the_others_alone():
    likeness = np.random.default_rng(0).normal(size=(7, 7)).astype(np.float32)
    members = np.array([1, 1, 1, 0, 0, 0, 0], dtype=bool)
    wanted = [
        np.mean([likeness[one, other] for other in range(7) if other != one and members[other]])
        - np.mean([likeness[one, other] for other in range(7) if other != one and not members[other]])
        for one in range(7)
    ]
    np.testing.assert_allclose(leave_one_out(likeness, members[:, None])[:, 0], wanted, rtol=1e-5)


def test_scores_are_parted_between_two_heaps():
    scores = np.concatenate([np.linspace(-1, 1, 30), np.linspace(5, 6, 7)]).astype(np.float32)
    np.testing.assert_array_equal(upper_parts(np.stack([scores, scores[::-1]], 1)).sum(axis=0), [7, 7])
    assert upper_parts(scores[:, None])[30:].all()


def test_clusters_grow_from_any_of_their_images():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(40, 5)).astype(np.float32)
    points[:9, 0] += 12
    points -= points.mean(axis=0)
    members = grown(points @ points.T)
    wanted = np.arange(40) < 9
    assert any((one == wanted).all() for one in members.T)


def test_a_cluster_is_as_diverse_as_its_images_are_farther_apart_than_the_rest():
    points = np.array([[0, 0], [0, 2], [4, 0], [4, 2]], dtype=np.float32)
    distance = distances(points)
    np.testing.assert_array_equal(distance[0], [0, 4, 16, 20])
    members = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], dtype=bool)
    np.testing.assert_allclose(diversity_of(distance, members), [1, 1], rtol=1e-6)
    points[1] = 0, 1
    np.testing.assert_allclose(diversity_of(distances(points), members), [1 / 4, 16 / 17], rtol=1e-6)


def test_objects_are_counted_once():
    members = np.array([[1, 0], [1, 1], [1, 1]], dtype=bool)
    np.testing.assert_array_equal(shown_by(np.array([7, 7, 9]), members), [2, 2])
    np.testing.assert_array_equal(shown_by(np.array([7, 7, 7]), members), [1, 1])


@pytest.mark.parametrize("changed", ["further", "more", "other"])
def test_what_stands_out_more_is_more_separated(changed):
    generator = np.random.default_rng(0)
    answers = generator.normal(size=(40, 6)).astype(np.float32)
    foreign = generator.normal(size=(200, 6)).astype(np.float32)
    members = (np.arange(40) < 8)[:, None]
    answers[:8, 0] += 6
    before = separations(answers, foreign, members, np.array([8]))
    if changed == "further":
        answers[:8, 0] += 6
        assert separations(answers, foreign, members, np.array([8])) > before
    elif changed == "more":
        np.testing.assert_allclose(separations(answers, foreign, members, np.array([32])), 2 * before)
    else:
        foreign[::2, 0] += 6  # which others have, too
        assert separations(answers, foreign, members, np.array([8])) < before / 2
