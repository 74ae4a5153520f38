import numpy as np

from xaisigns.audit.scatter import scatter_of, whitened


def data():
    """Answers of 3 classes of 400 images in two parts; the second channel varies three times as much as the first."""
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 400)
    parts = 10 + generator.normal(size=(1200, 2, 4)) * [1, 3, 1, 1] + labels[:, None, None]
    parts[:, :, 3] = parts[:, :, 2] + 0.1 * generator.normal(size=(1200, 2))  # one channel says what another does
    return parts.clip(0).astype(np.float16), labels


def test_the_scatter_is_around_the_mean_of_each_class():
    parts, labels = data()
    scatter = scatter_of(parts, labels)
    for class_id in range(3):
        np.testing.assert_allclose(scatter.residuals[labels == class_id].mean(axis=0), 0, atol=2e-3)
    wanted = np.einsum("npc,npd->pcd", *[scatter.residuals.astype(np.float64)] * 2)
    np.testing.assert_allclose(scatter.products, wanted, rtol=2e-2, atol=0.5)


def test_answers_are_in_units_of_what_the_other_classes_vary_by():
    parts, labels = data()
    scatter = scatter_of(parts, labels)
    others = np.flatnonzero(labels != 1)
    white = whitened(scatter, 1, others)
    covariance = np.cov(white[:, 0].T)
    assert (np.diag(covariance) < 1.01).all()  # the ridge makes them no larger
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 0.3
    one = whitened(scatter, 1, others, [1])
    np.testing.assert_array_equal(one[:, 0], white[:, 1])


def test_the_class_itself_does_not_set_its_units():
    parts, labels = data()
    wild = parts.copy()
    wild[labels == 1] *= np.random.default_rng(1).uniform(0, 4, size=(400, 1, 1)).astype(np.float16)
    mean, deviation = [], []
    for given in (parts, wild):
        white = whitened(scatter_of(given, labels), 1, np.flatnonzero(labels == 1))
        mean.append(np.abs(white.mean(axis=0)).max())
        deviation.append(white.std())
    assert max(mean) < 0.02
    assert deviation[1] > 2 * deviation[0]


def test_where_the_others_are_flat_a_little_noise_is_not_far_off():
    parts, labels = data()
    parts = parts.copy()
    parts[:, 0] = 100
    parts[labels == 1, 0] += np.random.default_rng(2).integers(0, 2, (400, 4)).astype(np.float16) / 16
    flat = whitened(scatter_of(parts, labels), 1, np.flatnonzero(labels == 1))[:, 0]
    assert np.isfinite(flat).all()
    assert np.abs(flat).max() < 0.5
    parts[:, 0] = 0  # nothing at all
    assert (whitened(scatter_of(parts, labels), 1, np.arange(9))[:, 0] == 0).all()
