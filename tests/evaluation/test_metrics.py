"""The metrics against closed forms, brute force, theory and sets known to be bad."""

import math

import numpy as np
import pytest

from gan_tf.evaluation import metrics
from gan_tf.evaluation.metrics import distances

PIXELS = 784
RING = np.array(
    [(math.cos(t), math.sin(t)) for t in np.linspace(0, 2 * np.pi, 8, endpoint=False)]
)
GRID = np.array([(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)])


def normal(count, width, seed=0):
    return np.random.default_rng(seed).standard_normal((count, width))


def uniform(count, width, seed=0):
    return np.random.default_rng(seed).random((count, width))


def frechet(one, other):
    return metrics.frechet_distance(metrics.gaussian(one), metrics.gaussian(other))


def nearest(samples, training):
    return metrics.NearestSearch(training)(samples)


def pairwise(a, b):
    return np.linalg.norm(a[:, None] - b[None], axis=-1)


@pytest.fixture(params=[7, 16, 1000], ids="block{}".format)
def block(request, monkeypatch):
    """Blocks that leave a rest, that divide, and one that holds everything."""
    monkeypatch.setattr(distances, "_BLOCK", request.param)
    monkeypatch.setattr(distances, "_CELLS", 110 * request.param)
    monkeypatch.setattr(distances, "_PAIRS", request.param)


# Frechet distance


@pytest.mark.parametrize("width", [1, 5, 64])
def test_frechet_of_unit_gaussians_one_apart_is_their_dimension(width):
    here = metrics.Gaussian(np.zeros(width), np.eye(width))
    there = metrics.Gaussian(np.ones(width), np.eye(width))
    assert metrics.frechet_distance(here, there) == pytest.approx(width, rel=1e-12)


def test_frechet_of_independent_features_is_the_sum_over_them():
    one, other = np.array([1.0, 4.0, 0.0]), np.array([9.0, 4.0, 2.0])
    distance = metrics.frechet_distance(
        metrics.Gaussian(np.zeros(3), np.diag(one)),
        metrics.Gaussian(np.array([0, 0, 5]), np.diag(other)),
    )
    assert distance == pytest.approx(25 + np.sum((np.sqrt(one) - np.sqrt(other)) ** 2))


def test_frechet_of_covariances_that_do_not_commute():
    """In 2-D, tr sqrt(A) = sqrt(tr A + 2 sqrt(det A))."""
    one, other = np.array([[2.0, 1], [1, 3]]), np.array([[1.0, -0.5], [-0.5, 4]])
    product = one @ other
    root = math.sqrt(np.trace(product) + 2 * math.sqrt(np.linalg.det(product)))
    distance = metrics.frechet_distance(
        metrics.Gaussian(np.zeros(2), one), metrics.Gaussian(np.zeros(2), other)
    )
    assert distance == pytest.approx(5 + 5 - 2 * root, rel=1e-12)


def test_frechet_of_singular_sets():
    real, generated = np.ones((100, 2)), np.full((100, 2), 9.0)
    real[:50, 0] = generated[50:, 0] = 2
    # 80 from the means, and (sqrt(100/99)/2 - 7 sqrt(100/99)/2)^2 = 900/99.
    assert frechet(real, generated) == pytest.approx(80 + 900 / 99, rel=1e-12)
    assert frechet(real, generated) == pytest.approx(89.0909, abs=5e-5)


def test_statistics_are_numpys_in_float64():
    features = normal(50, 4).astype(np.float32)
    statistics = metrics.gaussian(features)
    assert statistics.mean.dtype == statistics.covariance.dtype == np.float64
    features = features.astype(np.float64)
    np.testing.assert_allclose(statistics.mean, features.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(statistics.covariance, np.cov(features.T), rtol=1e-12)


def test_frechet_is_symmetric_zero_for_itself_and_blind_to_order():
    one, other = normal(300, 16), 1.5 * normal(300, 16, seed=1) + 0.2
    assert frechet(one, one) == pytest.approx(0, abs=1e-10)
    assert frechet(one, other) == pytest.approx(frechet(other, one), rel=1e-10)
    assert frechet(one[::-1], other) == pytest.approx(frechet(one, other), rel=1e-10)


def test_frechet_is_stable_with_dead_and_dependent_features():
    """10 rows of 64 relu features, 20 of them dead: most eigenvalues are 0 +- 1e-16."""
    one = np.maximum(normal(10, 64), 0) * (np.arange(64) < 44)
    other = np.maximum(normal(10, 64, seed=1) + 0.1, 0) * (np.arange(64) < 44)
    assert 0 <= frechet(one, one) < 1e-5
    assert frechet(one, other) == pytest.approx(
        frechet(one[:, :44], other[:, :44]), rel=1e-6
    )
    assert frechet(np.ones((5, 3)), np.ones((5, 3))) == 0


def test_frechet_grows_with_corruption():
    features, noise = normal(1000, 16), normal(1000, 16, seed=1)
    distances = [frechet(features, features + s * noise) for s in (0, 0.25, 0.5, 1, 2)]
    assert distances[0] < 1e-9
    assert (np.diff(distances) > 0.01).all()


# Kernel distance


def kernel(a, b):
    return (a @ b.T / a.shape[1] + 1) ** 3


def test_kernel_distance_of_the_toy():
    """Within {0, 1} 1, within {1, 2} 27, across (1 + 1 + 8 + 27) / 4."""
    real, generated = np.array([[0], [1]]), np.array([[1], [2]])
    assert metrics.kernel_distance(real, generated) == pytest.approx(9.5, rel=1e-12)


def test_kernel_distance_is_the_mean_over_all_pairs():
    x, y = normal(30, 5), normal(21, 5, seed=1) + 0.5
    within = [kernel(a, a)[~np.eye(len(a), dtype=bool)].mean() for a in (x, y)]
    expected = sum(within) - 2 * kernel(x, y).mean()
    for one, other in ((x, y), (y, x), (x[::-1], y)):
        found = metrics.kernel_distance(one, other)
        assert found == pytest.approx(expected, rel=1e-10)
    assert type(found) is float


def test_kernel_distance_is_unbiased():
    """Equal distributions give 0 on average, the biased estimate would give 0.23."""
    values = [
        metrics.kernel_distance(normal(50, 8, seed), normal(50, 8, seed + 1))
        for seed in range(0, 400, 2)
    ]
    assert np.mean(values) == pytest.approx(0, abs=0.02)  # 3.5 standard errors
    assert min(values) < 0


def test_kernel_distance_keeps_small_differences_of_large_features():
    """The kernel's mean is about 1e5 there; its digits must not drown the distance."""
    x = np.abs(normal(300, 16)) * 10
    y = x + 0.1
    exact = kernel(x, x).sum() - np.trace(kernel(x, x))
    exact += kernel(y, y).sum() - np.trace(kernel(y, y))
    exact = exact / (300 * 299) - 2 * kernel(x, y).mean()
    assert metrics.kernel_distance(x, y) == pytest.approx(exact, rel=1e-6)


# Precision, recall, density, coverage


def brute_force(real, generated, precision_k, density_k):
    def radii(points, k):  # column 0 of the sorted distances is the point itself
        return np.sort(pairwise(points, points), axis=1)[:, k]

    cross = pairwise(real, generated)
    inside = cross < radii(real, density_k)[:, None]
    return metrics.NeighbourhoodScores(
        (cross <= radii(real, precision_k)[:, None]).any(axis=0).mean(),
        (cross <= radii(generated, precision_k)).any(axis=1).mean(),
        inside.sum() / (density_k * len(generated)),
        inside.any(axis=1).mean(),
    )


@pytest.mark.parametrize("ks", [(3, 5), (1, 1), (2, 4)])
@pytest.mark.usefixtures("block")
def test_neighbourhood_scores_are_brute_force_in_any_blocks(ks):
    real, generated = normal(150, 3), 0.7 * normal(110, 3, seed=1) + 1
    scores = metrics.neighbourhood_scores(real, generated, *ks)
    assert scores == brute_force(real, generated, *ks)
    assert len({scores.precision, scores.recall, scores.density, scores.coverage}) == 4
    for score in (scores.precision, scores.recall, scores.coverage):
        assert 0.05 < score < 0.95
        assert type(score) is float


def test_precision_is_of_the_generated_and_recall_of_the_real():
    """The names were swapped in a well-known library for four years."""
    scores = metrics.neighbourhood_scores(
        real=3 * normal(200, 16), generated=0.1 * normal(200, 16, seed=1)
    )
    assert scores.precision > 0.8
    assert scores.recall < 0.3


def test_points_on_the_edge_of_a_ball():
    """Precision and recall count them (<=), density and coverage do not (<)."""
    real, generated = np.array([[0], [1], [2], [3]]), np.array([[4], [5], [6], [7]])
    scores = metrics.neighbourhood_scores(real, generated, 1, 1)
    assert scores == metrics.NeighbourhoodScores(0.25, 0.25, 0.0, 0.0)
    touching = metrics.neighbourhood_scores(real, generated - 1, 1, 1)
    assert touching == metrics.NeighbourhoodScores(0.5, 0.5, 0.25, 0.25)


@pytest.mark.usefixtures("block")
def test_a_copy_of_the_real_set_scores_1_exactly():
    """Each k-th neighbour lies on the edge, whatever block its distance came from."""
    real = normal(200, 16) + 3
    order = np.random.default_rng(0).permutation(200)
    scores = metrics.neighbourhood_scores(real, real[order])
    assert scores == metrics.NeighbourhoodScores(1.0, 1.0, 1.0, 1.0)


def test_expected_density_and_coverage_of_equal_distributions():
    count, other_count = 1000, 800
    ks = {3: [], 5: []}
    for seed in range(6):
        real = normal(count, 4, 2 * seed)
        generated = normal(other_count, 4, 2 * seed + 1)
        for k, found in ks.items():
            scores = metrics.neighbourhood_scores(real, generated, 3, k)
            found.append((scores.density, scores.coverage))
    for k, found in ks.items():
        i = np.arange(1, k + 1)
        expected = 1 - np.prod((count - i) / (other_count + count - i))
        density, coverage = np.mean(found, axis=0)
        assert density == pytest.approx(1, abs=0.03)
        assert coverage == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("k", "published"), [(5, 0.96877), (3, 0.87504)])
def test_the_formula_of_coverage_gives_the_published_values(k, published):
    i, n = np.arange(1, k + 1), 10000
    assert 1 - np.prod((n - i) / (2 * n - i)) == pytest.approx(published, abs=5e-6)


def test_collapse_shows_in_recall_and_coverage_and_not_in_precision():
    real = normal(500, 8)
    good = metrics.neighbourhood_scores(real, normal(500, 8, seed=1))
    narrow = metrics.neighbourhood_scores(real, 0.05 * normal(500, 8, seed=1))
    single = metrics.neighbourhood_scores(real, np.zeros((500, 8)))
    assert min(good.precision, good.recall, good.coverage) > 0.8
    for collapsed in (narrow, single):
        assert collapsed.precision == 1
        assert collapsed.recall < 0.05
        assert collapsed.coverage < 0.3
    assert single.recall == 0


def test_noise_shows_in_precision_and_density():
    real = normal(500, 8)
    scores = metrics.neighbourhood_scores(real, 10 * normal(500, 8, seed=1))
    assert scores.precision < 0.05
    assert scores.density < 0.05


def test_neighbourhood_scores_do_not_depend_on_order_or_origin():
    real, generated = normal(150, 6), normal(150, 6, seed=1) + 0.5
    scores = metrics.neighbourhood_scores(real, generated)
    assert metrics.neighbourhood_scores(real[::-1], generated[::-1]) == scores
    assert metrics.neighbourhood_scores(real + 1e6, generated + 1e6) == scores


# Parzen window


@pytest.mark.usefixtures("block")
def test_parzen_is_the_formula_with_the_best_sigma_of_validation():
    samples, validation, test = uniform(40, 3), uniform(23, 3, 1), uniform(37, 3, 2)

    def log_densities(images, sigma):
        exponents = -(pairwise(images, samples) ** 2) / (2 * sigma**2)
        volume = (sigma * math.sqrt(2 * math.pi)) ** 3
        return np.log(np.mean(np.exp(exponents) / volume, axis=1))

    sigmas = np.logspace(-1, 0, 10)
    means = [log_densities(validation, sigma).mean() for sigma in sigmas]
    assert 0 < np.argmax(means) < 9
    best = sigmas[np.argmax(means)]
    expected = log_densities(test, best)
    mean, error, sigma = metrics.parzen_log_likelihood(samples, validation, test)
    assert sigma == pytest.approx(best, rel=1e-12)
    assert mean == pytest.approx(expected.mean(), rel=1e-6)
    assert error == pytest.approx(expected.std() / math.sqrt(37), rel=1e-5)


def test_parzen_chooses_sigma_on_validation_images_alone():
    """Images that differ by d in every pixel: the best sigma is the one nearest d."""
    samples, near, far = np.zeros((5, 4)), np.full((6, 4), 0.1), np.full((7, 4), 0.8)
    assert metrics.parzen_log_likelihood(samples, near, far)[2] == pytest.approx(0.1)
    sigma = metrics.parzen_log_likelihood(samples, far, near)[2]
    assert sigma == pytest.approx(10 ** (-1 / 9))


def test_parzen_normaliser():
    """One sample, images equal to it: -784 log(sigma sqrt(2 pi)), whatever the N."""
    image = uniform(1, PIXELS)
    for count in (1, 7):
        samples = np.repeat(image, count, axis=0)
        mean, error, sigma = metrics.parzen_log_likelihood(samples, image, image, [0.2])
        assert mean == pytest.approx(-PIXELS * math.log(0.2 * math.sqrt(2 * math.pi)))
        assert (error, sigma) == (0, 0.2)


def test_parzen_is_stable_far_from_every_sample():
    """exp(-784 / 0.02) is 0 in float64; the log-likelihood is finite all the same."""
    black, white = np.zeros((3, PIXELS)), np.ones((2, PIXELS))
    mean, _, _ = metrics.parzen_log_likelihood(black, white, white, [0.1])
    expected = -PIXELS / 0.02 - PIXELS * math.log(0.1 * math.sqrt(2 * math.pi))
    assert mean == pytest.approx(expected, rel=1e-12)


def test_parzen_of_uint8_pixels_is_refused():
    pixels = np.full((3, PIXELS), 255, np.uint8)
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        metrics.parzen_log_likelihood(pixels, pixels, pixels)
    with pytest.raises(ValueError, match=r"test must lie in \[0, 1\]"):
        metrics.parzen_log_likelihood(pixels / 255, pixels / 255, pixels / -255.0)


@pytest.mark.parametrize("sigmas", [[], [0.1, 0.0], [-1.0], [math.nan]])
def test_parzen_sigmas_must_be_positive(sigmas):
    images = uniform(3, 4)
    with pytest.raises(ValueError, match="sigmas"):
        metrics.parzen_log_likelihood(images, images, images, sigmas)


def test_parzen_ranks_memory_over_noise_and_collapse():
    """Ten prototypes with little noise: far from uniform, and not one point."""
    prototypes = uniform(10, 20, seed=1).round()[np.arange(200) % 10]
    real = 0.8 * prototypes + 0.2 * uniform(200, 20)
    seen, validation, test = real[:100], real[100:150], real[150:]

    def score(samples):
        return metrics.parzen_log_likelihood(samples, validation, test)[0]

    collapsed = np.repeat(seen[:1], 100, axis=0)
    assert score(seen) > 10 + max(score(uniform(100, 20)), score(collapsed))
    assert score(seen) == pytest.approx(score(seen[::-1]), rel=1e-6)


# Class shares


def test_class_shares():
    shares = metrics.class_shares(np.array([3, 3, 0, 9], np.uint8))
    np.testing.assert_array_equal(shares, [0.25, 0, 0, 0.5, 0, 0, 0, 0, 0, 0.25])
    assert shares.dtype == np.float64
    np.testing.assert_array_equal(
        metrics.class_shares([1, 0, 1, 1], 3), [0.25, 0.75, 0]
    )


def test_divergence_from_uniform():
    assert metrics.divergence_from_uniform(np.full(10, 0.1)) == pytest.approx(0)
    collapsed = metrics.class_shares(np.ones(50, int))
    assert metrics.divergence_from_uniform(collapsed) == pytest.approx(math.log(10))
    halves = metrics.divergence_from_uniform([0.5, 0.5, 0, 0])
    assert halves == pytest.approx(math.log(2))
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)  # in nats, of the shares
    assert metrics.divergence_from_uniform([0.75, 0.25]) == pytest.approx(expected)


@pytest.mark.parametrize(
    "labels", [[], [0, 10], [-1], [0.5], [[1, 2]], [math.nan], ["1"]]
)
def test_unusable_labels_are_refused(labels):
    with pytest.raises(ValueError, match="labels must"):
        metrics.class_shares(np.array(labels))


@pytest.mark.parametrize("shares", [[0.5, 0.4], [1.5, -0.5], [math.nan, 1], [3, 1]])
def test_unusable_shares_are_refused(shares):
    with pytest.raises(ValueError, match="shares must"):
        metrics.divergence_from_uniform(shares)


# Labels


def test_label_accuracies():
    accuracies = metrics.label_accuracies([0, 0, 0, 2, 1], [0, 1, 0, 2, 0], 4)
    np.testing.assert_array_equal(accuracies, [2 / 3, 0, 1, np.nan])
    with pytest.raises(ValueError, match="2 labels but 3 predictions"):
        metrics.label_accuracies([0, 1], [0, 1, 1])


def test_within_class_frechet_is_the_mean_over_the_classes():
    """Class 0 is one unit off in each feature, class 1 is right: (D + 0) / 2."""
    points = normal(50, 4)
    real, labels = np.r_[points, points + 9], np.repeat([0, 1], 50)
    moved = np.r_[points + 1, points + 9]
    distance = metrics.within_class_frechet_distance(real, labels, moved, labels, 2)
    assert distance == pytest.approx(2, rel=1e-9)
    order = np.random.default_rng(0).permutation(100)
    shuffled = metrics.within_class_frechet_distance(
        real, labels, moved[order], labels[order], 2
    )
    assert shuffled == pytest.approx(distance, rel=1e-9)


def test_within_class_frechet_sees_exchanged_classes():
    points = np.r_[normal(50, 4), normal(50, 4) + 9]
    labels = np.repeat([0, 1], 50)
    arguments = points, labels, points, 1 - labels, 2
    assert frechet(points, points) < 1e-9
    exchanged = metrics.within_class_frechet_distance(*arguments)
    assert exchanged == pytest.approx(4 * 81, rel=1e-9)
    with pytest.raises(ValueError, match="100 rows of features but 99 labels"):
        metrics.within_class_frechet_distance(points, labels, points, labels[1:], 2)
    with pytest.raises(ValueError, match="0 rows"):
        metrics.within_class_frechet_distance(points, labels, points, labels, 3)


# Nearest neighbours


@pytest.mark.usefixtures("block")
def test_nearest_neighbours_are_brute_force_in_any_blocks():
    samples, training = uniform(45, 30), uniform(110, 30, seed=1)
    index, distance = nearest(samples, training)
    expected = pairwise(samples, training)
    np.testing.assert_array_equal(index, expected.argmin(axis=1))
    np.testing.assert_allclose(distance, expected.min(axis=1), rtol=1e-12)
    assert (index.dtype, distance.dtype) == (np.int64, np.float64)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.usefixtures("block")
def test_memorised_images_lie_at_distance_0(dtype):
    training = (255 * uniform(110, PIXELS)).astype(dtype)
    training[90] = training[40]
    rows = np.array([100, 40, 0, 90])
    index, distance = nearest(training[rows], training)
    np.testing.assert_array_equal(index, [100, 40, 0, 40])  # the first of two copies
    np.testing.assert_array_equal(distance, 0)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_nearest_neighbours_are_exact_where_bounds_say_little(scale):
    """More dimensions than directions, equal variances, and near ties."""
    training = scale * normal(400, 150)
    samples = training[:50] + scale * 1e-3 * normal(50, 150, seed=1)
    training = np.r_[training, samples + scale * 1e-3 * normal(50, 150, seed=2)]
    index, distance = nearest(samples, training)
    expected = pairwise(samples, training)
    np.testing.assert_array_equal(index, expected.argmin(axis=1))
    np.testing.assert_allclose(distance, expected.min(axis=1), rtol=1e-12)
    assert len(set(index < 400)) == 2


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_samples_unlike_any_training_image_are_not_compared_with_all(
    scale, monkeypatch
):
    """A collapsed run's one pattern, or noise: few pairs, and exact."""
    compared = []
    original = distances._pairwise

    def counted(samples, training, row, column):
        compared.append(len(row))
        return original(samples, training, row, column)

    monkeypatch.setattr(distances, "_pairwise", counted)
    training = normal(1500, PIXELS, seed=1)  # all directions alike
    training = scale * np.r_[training, training[7:8]]  # and a copy
    pattern = np.repeat(normal(1, PIXELS, seed=2), 20, axis=0)
    samples = scale * np.r_[pattern, 100 * normal(20, PIXELS, seed=3)]
    index, distance = nearest(samples, training)
    expected = pairwise(samples, training)
    np.testing.assert_array_equal(index, expected.argmin(axis=1))
    np.testing.assert_allclose(distance, expected.min(axis=1), rtol=1e-12)
    assert sum(compared) < 0.1 * len(samples) * len(training)


@pytest.mark.parametrize("width", [1, 2, 5, 150])
@pytest.mark.parametrize("outlier", [1.0, 1e7, 1e21])
def test_one_sample_far_away_leaves_the_others_exact(width, outlier):
    training, samples = uniform(400, width), uniform(50, width, seed=1)
    samples[7] *= outlier
    index, distance = nearest(samples, training)
    expected = pairwise(samples, training)
    np.testing.assert_array_equal(np.delete(index, 7), np.delete(expected.argmin(1), 7))
    np.testing.assert_allclose(distance, expected.min(axis=1), rtol=1e-12)


@pytest.mark.parametrize("scale", [0.0, 1e-200, 1e-160, 1.0])
def test_constant_and_vanishing_images_have_neighbours(scale):
    training = scale * np.ones((3, 4))
    np.testing.assert_array_equal(nearest(training[:1], training), [[0], [0]])
    index, distance = nearest(scale * uniform(5, 2), scale * uniform(9, 2, seed=1))
    assert len(index) == 5
    assert np.isfinite(distance).all()


def test_the_bounds_are_below_the_distances():
    for offset in (0.0, 1e3):
        x, y = normal(60, 150) + offset, 2 * normal(80, 150, seed=1) + offset
        y[:30] = x[:30]
        left, right, units = metrics.NearestSearch(y)._bounding_factors(x)
        bounds = (left @ right.T).astype(np.float64) * units[:, None]
        assert (bounds <= pairwise(x, y) ** 2).all()
        assert bounds.max() > 0.1 * pairwise(x, y).max() ** 2


def test_memorisation_shows_beside_unseen_images():
    training, unseen = uniform(300, 50), uniform(50, 50, seed=1)
    memorised = training[:50] + 0.01 * normal(50, 50)
    of_unseen = nearest(unseen, training)[1].mean()
    assert nearest(memorised, training)[1].mean() < 0.1 * of_unseen


def test_distances_in_uint8_do_not_wrap_and_small_ones_survive():
    black, white = np.zeros((1, 4), np.uint8), np.full((1, 4), 255, np.uint8)
    assert nearest(black, white)[1] == pytest.approx(510)
    points = np.array([[1e4, 1e4], [-1e4, 1e4]])
    _, distance = nearest(points + np.array([0.1, 0]), points)
    np.testing.assert_allclose(distance, 0.1, rtol=1e-4)


# Modes of a mixture


@pytest.mark.parametrize(("centres", "deviation"), [(RING, 0.01), (GRID, 0.05)])
def test_true_samples_cover_every_mode(centres, deviation):
    samples = np.repeat(centres, 4000, axis=0)
    samples = samples + deviation * normal(len(samples), 2)
    coverage = metrics.mode_coverage(samples, centres, deviation)
    assert coverage.modes == len(centres)
    assert coverage.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.002)
    assert 1 - math.exp(-4.5) == pytest.approx(0.98889, abs=1e-5)
    assert 0 <= coverage.reverse_kl < 1e-4


def test_mode_coverage_counts_high_quality_samples_only():
    """3 at mode 0, 1 at mode 1, 4 nearer to mode 2 than to others but not near."""
    inside, outside = [0.0299, 0], [0.0301, 0]
    samples = np.r_[
        RING[[0, 0]], RING[[0]] + inside, RING[[1]] + inside, RING[[2] * 4] + outside
    ]
    coverage = metrics.mode_coverage(samples, RING, 0.01)
    expected = 0.75 * math.log(0.75 * 8) + 0.25 * math.log(0.25 * 8)
    assert (coverage.modes, coverage.high_quality) == (2, 0.5)
    assert coverage.reverse_kl == pytest.approx(expected)


def test_mode_coverage_of_collapsed_and_of_lost_samples():
    collapsed = metrics.mode_coverage(np.repeat(RING[:1], 9, axis=0), RING, 0.01)
    assert (collapsed.modes, collapsed.high_quality) == (1, 1.0)
    assert collapsed.reverse_kl == pytest.approx(math.log(8))
    lost = metrics.mode_coverage(np.zeros((9, 2), np.float32), RING, 0.01)
    assert (lost.modes, lost.high_quality) == (0, 0.0)
    assert math.isnan(lost.reverse_kl)  # 0 would call it perfect


def test_mode_coverage_needs_a_positive_deviation():
    for deviation in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="must be over 0"):
            metrics.mode_coverage(RING, RING, deviation)


# Unusable input


def scores(real, generated):
    return metrics.neighbourhood_scores(real, generated, 1, 1)


PAIRS = {
    "kernel": metrics.kernel_distance,
    "neighbourhood": scores,
    "parzen": lambda one, other: metrics.parzen_log_likelihood(one, one, other),
    "parzen validation": lambda one, other: metrics.parzen_log_likelihood(
        one, other, one
    ),
    "nearest": nearest,
    "modes": lambda one, other: metrics.mode_coverage(one, other, 1.0),
}


@pytest.mark.parametrize("function", PAIRS.values(), ids=PAIRS.keys())
@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (np.where(np.eye(4, 2) == 1, np.nan, 0.0), "NaN or infinite"),
        (np.where(np.eye(4, 2) == 1, np.inf, 0.0), "NaN or infinite"),
        (np.zeros((0, 2)), "0 rows"),
        (np.zeros((4, 3)), "differ in their columns"),
        (np.zeros(4), "must be a matrix"),
        (np.zeros((4, 2, 1)), "must be a matrix"),
        (np.zeros((4, 0)), "must be a matrix"),
        (np.zeros((4, 2), complex), "must be a matrix"),
        (np.full((4, 2), "a"), "must be a matrix"),
    ],
)
def test_unusable_sets_are_refused(function, bad, complaint):
    good = uniform(4, 2)
    function(good, good)
    for arguments in ((good, bad), (bad, good)):
        with pytest.raises(ValueError, match=complaint):
            function(*arguments)


def test_too_few_rows_for_k_are_refused():
    enough, few = normal(6, 2), normal(5, 2)
    metrics.neighbourhood_scores(enough, enough)
    for pair in ((enough, few), (few, enough)):
        with pytest.raises(ValueError, match="5 rows, at least 6 are needed"):
            metrics.neighbourhood_scores(*pair)
    for ks in ((0, 5), (3, 0), (-1, 5)):
        with pytest.raises(ValueError, match="k must be at least 1"):
            metrics.neighbourhood_scores(enough, enough, *ks)


def test_too_few_rows_for_statistics_are_refused():
    with pytest.raises(ValueError, match="1 rows, at least 2"):
        metrics.gaussian(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="NaN"):
        metrics.gaussian(np.full((3, 3), np.nan))
    with pytest.raises(ValueError, match="generated: 1 rows, at least 2"):
        metrics.kernel_distance(np.zeros((1000, 2)), np.zeros((1, 2)))


def test_statistics_of_different_features_are_refused():
    with pytest.raises(ValueError, match="3 features cannot be compared with 4"):
        frechet(normal(9, 3), normal(9, 4))


def test_frechet_of_singular_covariances_keeps_its_digits():
    """Two diagonal covariances with zeros: the sum over the features, exactly."""
    random = np.random.default_rng(3)
    rotation, _ = np.linalg.qr(random.normal(size=(64, 64)))
    one, other = np.zeros((2, 64))
    one[:40], other[20:60] = random.uniform(0.1, 2, (2, 40))
    first, second = (
        metrics.Gaussian(np.zeros(64), (rotation * values) @ rotation.T)
        for values in (one, other)
    )
    exact = np.sum((np.sqrt(one) - np.sqrt(other)) ** 2)
    assert metrics.frechet_distance(first, second) == pytest.approx(exact, rel=1e-9)
