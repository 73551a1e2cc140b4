"""Metrics against closed forms, brute force, published conventions, and each other."""

import math

import numpy as np
import pytest

from gan_tf import metrics

RANDOM = np.random.default_rng(0)


def normal(count, width, seed=0):
    return np.random.default_rng(seed).normal(size=(count, width))


def frechet(a, b):
    return metrics.frechet_distance(metrics.gaussian(a), metrics.gaussian(b))


# Frechet distance


@pytest.mark.parametrize("width", [1, 7, 64])
def test_frechet_of_shifted_unit_gaussians_is_their_dimension(width):
    zero = metrics.Gaussian(np.zeros(width), np.eye(width))
    one = metrics.Gaussian(np.ones(width), np.eye(width))
    assert metrics.frechet_distance(zero, one) == pytest.approx(width, abs=1e-9)


def test_frechet_of_diagonal_gaussians():
    a, b = np.array([1.0, 4.0, 9.0]), np.array([4.0, 1.0, 16.0])
    distance = metrics.frechet_distance(
        metrics.Gaussian(np.zeros(3), np.diag(a)),
        metrics.Gaussian(np.array([0.0, 2.0, 0.0]), np.diag(b)),
    )
    expected = 4 + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    assert distance == pytest.approx(expected)


def test_frechet_of_singular_covariances():
    real = np.ones((100, 2))
    real[:50, 0] = 2
    generated = np.full((100, 2), 9.0)
    generated[50:, 0] = 2
    assert frechet(real, generated) == pytest.approx(89.0909, abs=1e-4)


def test_frechet_is_a_distance_and_grows_with_corruption():
    features = normal(500, 8)
    assert frechet(features, features) == pytest.approx(0, abs=1e-9)
    other = normal(500, 8, seed=1) * 2 + 1
    assert frechet(features, other) == pytest.approx(frechet(other, features))
    dead = np.c_[features, np.zeros((500, 2))]  # relu units that never fire
    assert frechet(dead, np.c_[other, np.zeros((500, 2))]) == pytest.approx(
        frechet(features, other)
    )
    noise = normal(500, 8, seed=2)
    distances = [frechet(features, features + s * noise) for s in (0, 0.3, 1, 3)]
    assert distances == sorted(distances)
    assert distances[1] > 0.01


def test_the_covariance_is_unbiased():
    fitted = metrics.gaussian(np.array([[1.0, 0.0], [3.0, 0.0]]))
    np.testing.assert_allclose(fitted.covariance, [[2, 0], [0, 0]])
    np.testing.assert_allclose(fitted.mean, [2, 0])


# Kernel distance


def test_kernel_distance_of_the_toy():
    real, generated = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])
    mean, error = metrics.kernel_distance(real, generated, subsets=3)
    assert mean == pytest.approx(9.5)
    assert error == pytest.approx(0)


def test_kernel_distance_is_unbiased_and_seeded():
    real, generated = normal(600, 6), normal(600, 6, seed=1)
    settings = {"subsets": 40, "subset_size": 100}
    mean, error = metrics.kernel_distance(real, generated, **settings)
    assert abs(mean) < 5 * error  # equal distributions: 0 on average
    assert metrics.kernel_distance(real, generated, **settings) == (mean, error)
    far, _ = metrics.kernel_distance(real, generated + 1, **settings)
    assert far > 50 * error


# Precision, recall, density, coverage


def brute_force(real, generated, k):
    def distances(a, b):
        return np.linalg.norm(a[:, None] - b[None], axis=2)

    def radii(a):
        return np.sort(distances(a, a), axis=1)[:, k]  # the first is itself

    cross = distances(real, generated)
    strict = cross < radii(real)[:, None]
    return {
        "precision": (cross <= radii(real)[:, None]).any(axis=0).mean(),
        "recall": (cross <= radii(generated)[None]).any(axis=1).mean(),
        "density": strict.sum() / (k * len(generated)),
        "coverage": strict.any(axis=1).mean(),
    }


@pytest.mark.parametrize("k", [1, 3, 5])
def test_neighbour_metrics_are_brute_force_in_any_blocks(monkeypatch, k):
    monkeypatch.setattr(metrics, "_BLOCK", 7)
    real, generated = normal(60, 4), 0.8 * normal(45, 4, seed=1) + 0.3
    expected = brute_force(real, generated, k)
    precision, recall = metrics.precision_recall(real, generated, k)
    density, coverage = metrics.density_coverage(real, generated, k)
    assert precision == pytest.approx(expected["precision"])
    assert recall == pytest.approx(expected["recall"])
    assert density == pytest.approx(expected["density"])
    assert coverage == pytest.approx(expected["coverage"])
    assert 0 < recall < 1
    assert recall != precision


def test_precision_and_recall_are_not_swapped():
    generated, real = 0.1 * normal(200, 16), 3 * normal(200, 16, seed=1)
    precision, recall = metrics.precision_recall(real, generated)
    assert precision > 0.8
    assert recall < 0.3


def test_a_point_on_the_radius_counts_for_precision_and_not_for_coverage():
    real = np.array([[0.0], [1.0], [10.0]])
    generated = np.array([[-1.0], [-1.0], [-1.0]])
    assert metrics.precision_recall(real, generated, k=1)[0] == 1.0
    assert metrics.density_coverage(real, generated, k=1) == (0.0, 0.0)


@pytest.mark.parametrize("k", [3, 5])
def test_density_and_coverage_of_equal_distributions(k):
    count = 1500
    density, coverage = metrics.density_coverage(
        normal(count, 5), normal(count, 5, seed=1), k
    )
    i = np.arange(1, k + 1)
    expected = 1 - np.prod((count - i) / (2 * count - i))
    assert coverage == pytest.approx(expected, abs=0.02)
    assert density == pytest.approx(1, abs=0.05)


def test_the_formula_of_coverage_is_the_published_one():
    n = 10000
    for k, value in ((5, 0.96877), (3, 0.87504)):
        i = np.arange(1, k + 1)
        assert 1 - np.prod((n - i) / (2 * n - i)) == pytest.approx(value, abs=1e-5)


def test_order_and_place_do_not_matter():
    real, generated = normal(80, 3), normal(70, 3, seed=1)
    shuffled = np.random.default_rng(0).permutation(generated)
    assert metrics.precision_recall(real, generated) == metrics.precision_recall(
        real + 1e4, shuffled + 1e4
    )


# Parzen windows


def test_parzen_is_the_formula(monkeypatch):
    monkeypatch.setattr(metrics, "_BLOCK", 5)
    samples, validation, test = (normal(n, 3, seed=n) for n in (13, 8, 11))

    def mean_log(points, sigma):
        squares = ((points[:, None] - samples[None]) ** 2).sum(axis=2)
        kernels = np.exp(-squares / (2 * sigma**2)) / (2 * math.pi * sigma**2) ** 1.5
        return np.log(kernels.mean(axis=1))

    sigmas = np.logspace(-1, 0, 10)
    best = max(sigmas, key=lambda sigma: mean_log(validation, sigma).mean())
    mean, error, sigma = metrics.parzen_log_likelihood(samples, validation, test)
    values = mean_log(test, best)
    assert sigma == best
    assert mean == pytest.approx(values.mean())
    assert error == pytest.approx(values.std(ddof=1) / math.sqrt(11))


def test_parzen_of_far_points_does_not_underflow():
    mean, _, _ = metrics.parzen_log_likelihood(
        np.zeros((2, 784)), np.ones((2, 784)), np.ones((3, 784)), [0.1]
    )
    expected = -784 / 0.02 - 784 * math.log(0.1 * math.sqrt(2 * math.pi))
    assert mean == pytest.approx(expected)


# Classes, neighbours, modes


def test_class_shares_and_their_divergence():
    shares = metrics.class_shares(np.array([0, 0, 1, 9]))
    np.testing.assert_allclose(shares, [0.5, 0.25, 0, 0, 0, 0, 0, 0, 0, 0.25])
    uniform = np.full(10, 0.1)
    assert metrics.divergence_from_uniform(uniform) == pytest.approx(0)
    one = np.eye(10)[3]
    assert metrics.divergence_from_uniform(one) == pytest.approx(math.log(10))
    expected = 0.5 * math.log(5) + 0.5 * math.log(2.5)
    assert metrics.divergence_from_uniform(shares) == pytest.approx(expected)


def test_nearest_neighbours_find_memorised_images(monkeypatch):
    monkeypatch.setattr(metrics, "_BLOCK", 4)
    training = RANDOM.uniform(size=(50, 784))
    indices, distances = metrics.nearest_neighbours(training[[7, 3]], training)
    np.testing.assert_array_equal(indices, [7, 3])
    np.testing.assert_array_equal(distances, [0, 0])
    moved = training[[20]].copy()
    moved[0, 0] += 3
    indices, distances = metrics.nearest_neighbours(moved, training)
    assert (indices[0], distances[0]) == (20, pytest.approx(3))


def test_mode_coverage_of_the_ideal_and_the_collapsed():
    angles = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    ring = np.c_[np.cos(angles), np.sin(angles)]
    ideal = ring.repeat(3000, axis=0) + 0.01 * normal(24000, 2)
    result = metrics.mode_coverage(ideal, ring, 0.01)
    assert result.modes == 8
    assert 100 * result.high_quality == pytest.approx(98.889, abs=0.2)
    assert result.reverse_kl < 1e-3
    collapsed = metrics.mode_coverage(ring[[2]].repeat(10, axis=0), ring, 0.01)
    assert (collapsed.modes, collapsed.high_quality) == (1, 1.0)
    assert collapsed.reverse_kl == pytest.approx(math.log(8))
    nothing = metrics.mode_coverage(np.zeros((5, 2)), ring, 0.01)
    assert (nothing.modes, nothing.high_quality) == (0, 0.0)


# All together, and wrong input


def test_collapsed_memorising_and_good_sets_are_told_apart():
    real, training = normal(400, 6), normal(400, 6, seed=1)
    good = normal(400, 6, seed=2)
    collapsed = 0.05 * normal(400, 6, seed=3)
    memorised = training.copy()

    assert frechet(real, good) < 0.1 * frechet(real, collapsed)
    recalls = [metrics.precision_recall(real, s)[1] for s in (good, collapsed)]
    assert recalls[0] > 0.8 > 0.1 > recalls[1]
    coverages = [metrics.density_coverage(real, s)[1] for s in (good, collapsed)]
    assert coverages[0] > 0.9 > 0.2 > coverages[1]
    assert metrics.precision_recall(real, collapsed)[0] > 0.9
    nearest = [
        metrics.nearest_neighbours(s, training)[1].mean() for s in (good, memorised)
    ]
    assert nearest[0] > 1 > nearest[1] == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda bad: metrics.gaussian(bad),
        lambda bad: metrics.kernel_distance(normal(9, 3), bad),
        lambda bad: metrics.precision_recall(bad, normal(9, 3)),
        lambda bad: metrics.density_coverage(normal(9, 3), bad),
        lambda bad: metrics.nearest_neighbours(bad, normal(9, 3)),
    ],
)
def test_unusable_input_is_refused(call):
    for bad in (np.full((9, 3), np.nan), np.zeros(9), np.zeros((0, 3))):
        with pytest.raises(ValueError, match=r"rows|NaN"):
            call(bad)


def test_different_widths_are_refused():
    with pytest.raises(ValueError, match="widths differ: 3 and 4"):
        metrics.precision_recall(normal(9, 3), normal(9, 4))
