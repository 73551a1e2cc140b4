"""The metrics beside other code: equal to rounding on small random features."""

import math

import numpy as np
import prdc
import pytest
from scipy import linalg, stats
from sklearn import neighbors
from sklearn.metrics import recall_score
from sklearn.metrics.pairwise import polynomial_kernel

from gan_tf.evaluation import metrics

RANDOM = np.random.default_rng(0)
REAL = RANDOM.standard_normal((300, 12))
GENERATED = 0.8 * RANDOM.standard_normal((250, 12)) + 0.3
IMAGES = RANDOM.random((90, 30))
SAMPLES = np.clip(IMAGES[:70] + 0.1 * RANDOM.standard_normal((70, 30)), 0, 1)


def frechet_by_scipy(one, other):
    """As the FID's first implementations have it: the root by `scipy.linalg.sqrtm`."""
    s1, s2 = np.cov(one.T), np.cov(other.T)
    shift = np.sum((one.mean(axis=0) - other.mean(axis=0)) ** 2)
    return shift + np.trace(s1 + s2 - 2 * linalg.sqrtm(s1 @ s2).real)


def test_frechet_distance_is_that_of_scipys_matrix_root():
    distance = metrics.frechet_distance(
        metrics.gaussian(REAL), metrics.gaussian(GENERATED)
    )
    expected = frechet_by_scipy(REAL, GENERATED)
    assert distance == pytest.approx(expected, rel=1e-10)


def test_within_class_frechet_distance_is_that_of_scipys_matrix_root():
    labels, others = np.arange(300) % 3, np.arange(250) % 3
    expected = [
        frechet_by_scipy(REAL[labels == number], GENERATED[others == number])
        for number in range(3)
    ]
    distance = metrics.within_class_frechet_distance(REAL, labels, GENERATED, others, 3)
    assert distance == pytest.approx(np.mean(expected), rel=1e-10)


def test_kernel_distance_is_that_of_scikit_learns_kernel():
    """Gretton et al. 2012, eq. 3, with two sums that leave out the diagonal."""

    def kernel(a, b):
        return polynomial_kernel(a, b, degree=3, gamma=1 / 12, coef0=1)

    within = [
        (kernel(a, a).sum() - np.trace(kernel(a, a))) / (len(a) * (len(a) - 1))
        for a in (REAL, GENERATED)
    ]
    expected = sum(within) - 2 * kernel(REAL, GENERATED).mean()
    distance = metrics.kernel_distance(REAL, GENERATED)
    assert distance == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_neighbourhood_scores_are_those_of_prdc(k, capsys):
    expected = prdc.compute_prdc(REAL, GENERATED, nearest_k=k)
    scores = metrics.neighbourhood_scores(REAL, GENERATED, k, k)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(scores, name) == pytest.approx(expected[name], rel=1e-12), name


def test_parzen_log_likelihood_is_that_of_scikit_learns_kernel_density():
    sigma = 0.2
    density = neighbors.KernelDensity(bandwidth=sigma).fit(SAMPLES)
    values = density.score_samples(IMAGES)
    mean, error, _ = metrics.parzen_log_likelihood(SAMPLES, IMAGES, IMAGES, [sigma])
    assert mean == pytest.approx(values.mean(), rel=1e-6)
    assert error == pytest.approx(values.std() / math.sqrt(90), rel=1e-5)


def test_nearest_images_are_those_of_scikit_learn():
    index = neighbors.NearestNeighbors(n_neighbors=1, algorithm="brute").fit(IMAGES)
    distances, rows = index.kneighbors(SAMPLES)
    found, lengths = metrics.NearestSearch(IMAGES)(SAMPLES)
    np.testing.assert_array_equal(found, rows[:, 0])
    np.testing.assert_allclose(lengths, distances[:, 0], rtol=1e-7)


def test_divergence_is_scipys_entropy():
    shares = RANDOM.dirichlet(np.ones(10))
    expected = stats.entropy(shares, np.full(10, 0.1))
    assert metrics.divergence_from_uniform(shares) == pytest.approx(expected)


def test_label_accuracies_are_scikit_learns_recalls():
    labels, predicted = RANDOM.integers(0, 5, (2, 200))
    expected = recall_score(labels, predicted, average=None)
    np.testing.assert_allclose(
        metrics.label_accuracies(labels, predicted, 5), expected, rtol=1e-12
    )


def test_mode_coverage_is_the_published_count():
    """Lin et al. 2018, section 4.1, by plain loops: no library has it."""
    centres = RANDOM.uniform(-4, 4, (8, 2))
    points = centres[RANDOM.integers(0, 6, 400)] + RANDOM.normal(0, 0.3, (400, 2))
    counts = [0] * 8
    for point in points:
        lengths = [math.dist(point, centre) for centre in centres]
        nearest = min(range(8), key=lengths.__getitem__)
        if lengths[nearest] <= 3 * 0.2:
            counts[nearest] += 1
    total = sum(counts)
    coverage = metrics.mode_coverage(points, centres, 0.2)
    assert coverage.modes == sum(count > 0 for count in counts)
    assert coverage.high_quality == pytest.approx(total / 400)
    kl = sum(n / total * math.log(n / total * 8) for n in counts if n)
    assert coverage.reverse_kl == pytest.approx(kl)
