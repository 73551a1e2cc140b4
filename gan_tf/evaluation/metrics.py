"""Metrics of generated samples: features, images or labels in, float64 numbers out.

NumPy only, no files, no networks: the caller brings the features and names the result
after their source (`mnist_frechet_distance`; "FID" would mean Inception's features).
Matrices `[N, D]` may have any real dtype, the arithmetic is float64. Unusable input
raises `ValueError` with one sentence that says why. Real sets come first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

_BLOCK = 500  # rows of a distance matrix in memory at once: 40 MB for 10000 columns
_ROUNDING = 1e-12  # of |x|^2 + |y|^2 - 2 x.y for x near y, at most, relative to |x|^2


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Mean `[D]` and unbiased covariance `[D, D]` of features, float64."""

    mean: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True)
class NeighbourhoodScores:
    """All in [0, 1], save for `density`, which may pass 1."""

    precision: float
    recall: float
    density: float
    coverage: float


@dataclass(frozen=True)
class ModeCoverage:
    """Modes hit, share of samples near a mode, KL(histogram | uniform) in nats."""

    modes: int
    high_quality: float
    reverse_kl: float


def gaussian(features: np.ndarray) -> Gaussian:
    """What `frechet_distance` takes, from features `[N, D]`, N at least 2.

    The distance is biased upwards for small N: compare only figures of the same N.
    """
    features = _matrix(features, "features", rows=2).astype(np.float64)
    mean = features.mean(axis=0)
    centred = features - mean
    return Gaussian(mean, centred.T @ centred / (len(features) - 1))


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """|m1 - m2|^2 + tr S1 + tr S2 - 2 tr sqrt(S1 S2), symmetric and at least 0.

    The squared Frechet distance of two Gaussians (Dowson and Landau 1982), as a score
    of generators Heusel et al. 2017, eq. 6.
    """
    s1, s2 = (np.asarray(g.covariance, np.float64) for g in (one, other))
    if s1.shape != s2.shape:
        raise ValueError(f"{len(s1)} features cannot be compared with {len(s2)}")
    # The singular values of sqrt(S1) sqrt(S2), which are the roots of the eigenvalues
    # of S1 S2, lose no digits where a feature is constant.
    roots = np.linalg.svd(_root(s1) @ _root(s2), compute_uv=False)
    shift = np.sum(np.subtract(one.mean, other.mean, dtype=np.float64) ** 2)
    distance = shift + np.trace(s1) + np.trace(s2) - 2.0 * roots.sum()
    return max(float(distance), 0.0)


def kernel_distance(
    real: np.ndarray,
    generated: np.ndarray,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """KID: the unbiased squared MMD with the kernel (x.y / D + 1)^3.

    Binkowski et al. 2018, section 4, with the estimator of Gretton et al. 2012, eq. 3.
    Its expectation is 0 for equal distributions at any N, so it may fall below 0.

    Args:
        real: features `[N, D]`.
        generated: features `[M, D]`.
        subsets: how many random pairs of subsets to average over.
        subset_size: rows of each, drawn without replacement; 2 to min(N, M).
        seed: of the draw; the result is a function of the arguments alone.

    Returns:
        Mean over the subsets, and the standard deviation among them. The subsets
        overlap: deviation / sqrt(subsets) would understate the error of the mean.
    """
    if subsets < 1 or subset_size < 2:
        raise ValueError("KID needs at least 1 subset of at least 2 rows")
    real, generated = _pair("real", real, "generated", generated, rows=subset_size)
    random = np.random.default_rng(seed)
    values = []
    for _ in range(subsets):
        x = real[random.choice(len(real), subset_size, replace=False)]
        y = generated[random.choice(len(generated), subset_size, replace=False)]
        values.append(_squared_mmd(x.astype(np.float64), y.astype(np.float64)))
    return float(np.mean(values)), float(np.std(values))


def neighbourhood_scores(
    real: np.ndarray, generated: np.ndarray, precision_k: int = 3, density_k: int = 5
) -> NeighbourhoodScores:
    """Precision and recall, density and coverage, each distance computed once.

    The ball of a point reaches to its k-th nearest neighbour in its own set, the point
    itself not counted.

    - Precision: share of generated points in the closed ball of any real point. Recall:
      with the sets exchanged. Kynkaanniemi et al. 2019, section 2.
    - Density: open real balls around a generated point, their mean number over k.
      Coverage: share of real points with a generated one in their open ball. Naeem et
      al. 2020, section 3. If the distributions are equal, E[density] = 1 and
      E[coverage] = 1 - prod_{i=1..k} (N - i) / (M + N - i).

    Args:
        real: features `[N, D]`, N over both k.
        generated: features `[M, D]`, M over both k.
        precision_k: k of precision and recall.
        density_k: k of density and coverage.
    """
    if min(precision_k, density_k) < 1:
        raise ValueError("k must be at least 1")
    rows = max(precision_k, density_k) + 1
    real, generated = _pair("real", real, "generated", generated, rows)
    precision_radii, density_radii = _squared_radii(real, [precision_k, density_k])
    (recall_radii,) = _squared_radii(generated, [precision_k])
    precise = np.zeros(len(generated), bool)
    recalled, covered = np.zeros((2, len(real)), bool)
    inside = 0
    for block, distances in _squared_distances(real, generated):
        distances = distances.astype(np.float32)  # as the radii
        precise |= (distances <= precision_radii[block, None]).any(axis=0)
        recalled[block] = (distances <= recall_radii).any(axis=1)
        open_balls = distances < density_radii[block, None]
        covered[block] = open_balls.any(axis=1)
        inside += np.count_nonzero(open_balls)
    density = inside / (density_k * len(generated))
    shares = (float(found.mean()) for found in (precise, recalled, covered))
    precision, recall, coverage = shares
    return NeighbourhoodScores(precision, recall, float(density), coverage)


def parzen_log_likelihood(
    samples: np.ndarray,
    validation: np.ndarray,
    test: np.ndarray,
    sigmas: Sequence[float] = tuple(np.logspace(-1.0, 0.0, 10)),
) -> tuple[float, float, float]:
    """Log-likelihood of test images under Gaussians around samples, in nats.

    Goodfellow et al. 2014, section 5 and table 1: sigma is the best for the validation
    images. It rewards blur: as samples real MNIST scores 244, k-means centroids 336.
    All images are `[_, D]` in [0, 1], never binarised.

    Args:
        samples: generated images; 10000 by custom.
        validation: training images 50000 to 50999 by custom.
        test: all 10000 by custom.
        sigmas: the widths to choose from, in pixel values.

    Returns:
        Mean over test images, its standard error, and the sigma chosen.
    """
    widths = np.asarray(sigmas, np.float64)
    if widths.size == 0 or not (widths > 0).all():
        raise ValueError("sigmas must be one or more numbers over 0")
    by_sigma = _log_densities(samples, "validation", validation, widths).mean(axis=1)
    sigma = widths[by_sigma.argmax()]
    (values,) = _log_densities(samples, "test", test, sigma[None])
    error = values.std() / math.sqrt(len(values))
    return float(values.mean()), float(error), float(sigma)


def class_shares(labels: np.ndarray, classes: int = 10) -> np.ndarray:
    """The share of each class among integer labels `[N]`, float64 `[classes]`."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
        raise ValueError("labels must be one or more integers in a row")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must lie between 0 and {classes - 1}")
    return np.bincount(labels, minlength=classes) / len(labels)


def divergence_from_uniform(shares: np.ndarray) -> float:
    """KL(shares | uniform) in nats: 0 for equal shares, log(classes) for one class.

    Empty classes contribute 0, the limit of p log p.
    """
    shares = np.asarray(shares, np.float64)
    if not (shares >= 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise ValueError("shares must be numbers of at least 0 that add up to 1")
    some = shares[shares > 0]
    return float(np.sum(some * np.log(some * len(shares))))


def nearest_neighbours(
    samples: np.ndarray, training: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The training image nearest to each sample, as in Goodfellow et al. 2014, fig. 2.

    Shows memorisation: samples much nearer to the training images than unseen test
    images are.

    Args:
        samples: `[N, D]`.
        training: `[M, D]` in the same unit.

    Returns:
        Row of the nearest, int64 `[N]`, and its Euclidean distance, float64 `[N]` in
        that unit; exactly 0 for a copy.
    """
    samples, training = _pair("samples", samples, "training", training)
    index = np.zeros(len(samples), np.int64)
    nearest = np.full(len(samples), np.inf)
    for block, distances in _squared_distances(training, samples):
        found = distances.min(axis=0)
        closer = found < nearest  # of two copies the first stays
        index[closer] = block.start + distances[:, closer].argmin(axis=0)
        nearest[closer] = found[closer]
    return index, np.sqrt(nearest)


def mode_coverage(
    samples: np.ndarray, centres: np.ndarray, deviation: float
) -> ModeCoverage:
    """How well samples cover a mixture of equal round Gaussians: the PacGAN protocol.

    Lin et al. 2018, table 1. A sample has high quality within 3 standard deviations of
    the nearest centre (98.889 % of true samples). A mode is hit if it is the nearest to
    one of these. Only they are counted in the histogram; with none its KL is NaN.

    Args:
        samples: `[N, 2]`, 2500 by custom.
        centres: `[M, 2]`, the modes.
        deviation: standard deviation of each mode in each coordinate, over 0.
    """
    samples, centres = _pair("samples", samples, "centres", centres)
    if not deviation > 0:
        raise ValueError(f"the standard deviation must be over 0, not {deviation}")
    difference = samples[:, None].astype(np.float64) - centres
    distances = np.linalg.norm(difference, axis=-1)
    good = distances.min(axis=1) <= 3.0 * deviation
    if not good.any():
        return ModeCoverage(0, 0.0, math.nan)
    shares = class_shares(distances.argmin(axis=1)[good], len(centres))
    modes = int(np.count_nonzero(shares))
    return ModeCoverage(modes, float(good.mean()), divergence_from_uniform(shares))


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric root of a covariance.

    An eigenvalue within rounding of 0 counts as 0: its root would be far from it.
    """
    values, vectors = np.linalg.eigh(covariance)
    rounding = np.finfo(np.float64).eps * len(values) * np.abs(values).max(initial=0.0)
    values = np.where(values > rounding, values, 0.0)
    return (vectors * np.sqrt(values)) @ vectors.T


def _squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased, for two sets of the same size: no x_i is paired with itself."""
    size, width = x.shape
    xx, yy, xy = (a @ b.T / width + 1.0 for a, b in ((x, x), (y, y), (x, y)))
    within = sum(np.sum(k * k * k) - np.sum(k.diagonal() ** 3) for k in (xx, yy))
    return within / (size * (size - 1)) - 2.0 * np.mean(xy * xy * xy)


def _squared_radii(points: np.ndarray, ks: list[int]) -> np.ndarray:
    """Squared distance of each point to its k-th neighbour, float32 `[len(ks), N]`.

    One distance computed in two different blocks may differ in its last float64 bits.
    Rounded to float32 both compare equal, which `<` and `<=` need for copied points.
    """
    radii = np.empty((len(ks), len(points)), np.float32)
    places = np.subtract(ks, 1)
    for block, distances in _squared_distances(points, points):
        own = np.arange(len(distances))
        distances[own, block.start + own] = np.inf  # no point is its own neighbour
        near = np.partition(distances.astype(np.float32), places, axis=1)
        radii[:, block] = near[:, places].T
    return radii


def _log_densities(
    samples: np.ndarray, name: str, images: np.ndarray, sigmas: np.ndarray
) -> np.ndarray:
    """Log of mean_i N(image; sample_i, sigma^2 I), `[len(sigmas), len(images)]`."""
    images, samples = _pair(name, images, "samples", samples)
    if min(samples.min(), images.min()) < 0 or max(samples.max(), images.max()) > 1:
        raise ValueError(f"the values of samples and {name} must lie in [0, 1]")
    densities = np.empty((len(sigmas), len(images)))
    for block, distances in _squared_distances(images, samples):
        nearest = distances.min(axis=1)
        distances -= nearest[:, None]  # so that the largest term is exp(0)
        for density, scale in zip(densities, -0.5 / sigmas**2):
            means = np.exp(distances * scale).mean(axis=1)
            density[block] = np.log(means) + nearest * scale
    normaliser = samples.shape[1] * np.log(sigmas * math.sqrt(2.0 * math.pi))
    return densities - normaliser[:, None]


def _squared_distances(
    rows: np.ndarray, columns: np.ndarray
) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared Euclidean distances, `_BLOCK` rows at a time: (slice of rows, float64).

    |x|^2 + |y|^2 - 2 x.y cancels where x and y are nearer to each other than to the
    origin: hence float64, the origin in the middle of the columns, and 0 for what is 0
    within rounding, so that copies lie at distance 0.
    """
    origin = columns.mean(axis=0, dtype=np.float64)
    columns = columns - origin
    column_squares = np.sum(columns**2, axis=1)
    for start in range(0, len(rows), _BLOCK):
        x = rows[start : start + _BLOCK] - origin
        row_squares = np.sum(x**2, axis=1, keepdims=True)
        distances = (-2.0 * x) @ columns.T
        distances += row_squares
        distances += column_squares
        distances[distances <= _ROUNDING * row_squares] = 0.0
        yield slice(start, start + len(x)), distances


def _pair(
    name: str, values: np.ndarray, other_name: str, others: np.ndarray, rows: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Both as `_matrix` gives them, of the same width."""
    one, other = _matrix(values, name, rows), _matrix(others, other_name, rows)
    if one.shape[1] != other.shape[1]:
        raise ValueError(
            f"{name} {one.shape} and {other_name} {other.shape} differ in their columns"
        )
    return one, other


def _matrix(values: np.ndarray, name: str, rows: int) -> np.ndarray:
    """`values` if they are a matrix of finite numbers with enough rows."""
    matrix = np.asarray(values)
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiub" or not matrix.shape[1]:
        found = f"{matrix.dtype} {matrix.shape}"
        raise ValueError(f"{name} must be a matrix of numbers, not {found}")
    if len(matrix) < rows:
        raise ValueError(f"{name}: {len(matrix)} rows, at least {rows} are needed")
    # Minimum and maximum hand on a NaN, without a second array of the matrix's size.
    if not np.isfinite([matrix.min(), matrix.max()]).all():
        raise ValueError(f"{name} has values that are NaN or infinite")
    return matrix
