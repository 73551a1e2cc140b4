"""Metrics of generated samples: features in, statistics, one number out.

NumPy only, float64, no files. The names say what is measured; which classifier the
features came from is the caller's to say. Real sets come first in every argument list.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

_BLOCK = 1000  # rows of a distance matrix that are in memory at once


@dataclasses.dataclass(frozen=True, eq=False)
class Gaussian:
    """Mean `[F]` and unbiased covariance `[F, F]` of a set of features, float64."""

    mean: np.ndarray
    covariance: np.ndarray


def gaussian(features: np.ndarray) -> Gaussian:
    """Fits a Gaussian to features `[N, F]`.

    Raises:
        ValueError: fewer than two rows, or a value that is not finite.
    """
    features = _checked(features, least=2)
    covariance = np.cov(features, rowvar=False, ddof=1).reshape(features.shape[1], -1)
    return Gaussian(features.mean(axis=0), covariance)


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """|m1 - m2|^2 + tr S1 + tr S2 - 2 tr sqrt(S1 S2), the squared Frechet distance.

    Frechet 1957; as a score of generators Heusel et al. 2017, eq. 6. It is biased for
    small sets: compare figures of the same N only, here always 10000. The trace of the
    root is the sum of the roots of the eigenvalues of sqrt(S1) S2 sqrt(S1), which is
    symmetric, so features that are always 0 do no harm.
    """
    values, vectors = np.linalg.eigh(one.covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    product = np.linalg.eigvalsh(root @ other.covariance @ root)
    trace = np.sqrt(product.clip(0)).sum()
    shift = np.sum((one.mean - other.mean) ** 2)
    return float(
        shift + np.trace(one.covariance) + np.trace(other.covariance) - 2 * trace
    )


def kernel_distance(
    real: np.ndarray,
    generated: np.ndarray,
    subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Unbiased squared MMD, k(x, y) = (x.y / F + 1)^3 (KID, Binkowski et al. 2018).

    Args:
        real: features `[N, F]`.
        generated: features `[M, F]`.

    Returns:
        Mean over random subsets, and its standard error.
    """
    real, generated = _checked_pair(real, generated)
    size = min(subset_size, len(real), len(generated))
    random = np.random.default_rng(seed)
    values = []
    for _ in range(subsets):
        x = real[random.choice(len(real), size, replace=False)]
        y = generated[random.choice(len(generated), size, replace=False)]
        values.append(_squared_mmd(x, y))
    return float(np.mean(values)), float(np.std(values) / np.sqrt(subsets))


def _squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    size, width = x.shape

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / width + 1) ** 3

    def mean_of_pairs(a: np.ndarray) -> float:  # of different rows
        k = kernel(a, a)
        return (k.sum() - np.trace(k)) / (size * (size - 1))

    return mean_of_pairs(x) + mean_of_pairs(y) - 2 * kernel(x, y).mean()


def precision_recall(
    real: np.ndarray, generated: np.ndarray, k: int = 3
) -> tuple[float, float]:
    """Kynkaanniemi et al. 2019, eq. 2 and 3.

    Precision is the share of generated points that lie within the radius of some real
    point; recall the share of real points within the radius of some generated one. A
    point's radius is the distance to its k-th neighbour in its own set.

    Args:
        real: features `[N, F]`.
        generated: features `[M, F]`.
    """
    real, generated = _checked_pair(real, generated, least=k + 1)
    return (
        float(_inside_any(real, generated, k).mean()),
        float(_inside_any(generated, real, k).mean()),
    )


def density_coverage(
    real: np.ndarray, generated: np.ndarray, k: int = 5
) -> tuple[float, float]:
    """Naeem et al. 2020, eq. 3 and 4.

    Density counts, for a generated point, the real points whose radius it lies within,
    over k: 1 on average for equal distributions, more for samples that crowd together.
    Coverage is the share of real points with a generated one within their radius.
    """
    real, generated = _checked_pair(real, generated, least=k + 1)
    radii = _radii(real, k)
    hits, covered = 0, 0
    for rows, distances in _distances(real, generated):
        inside = distances < radii[rows, None]
        hits += inside.sum()
        covered += inside.any(axis=1).sum()
    return float(hits / (k * len(generated))), float(covered / len(real))


def _inside_any(centres: np.ndarray, points: np.ndarray, k: int) -> np.ndarray:
    """Which points lie within the k-th neighbour radius of any centre, bool `[M]`."""
    radii = _radii(centres, k)
    inside = [(d <= radii[None]).any(axis=1) for _, d in _distances(points, centres)]
    return np.concatenate(inside)


def _radii(points: np.ndarray, k: int) -> np.ndarray:
    """Squared distance of each point to its k-th neighbour, itself not counted."""
    result = []
    for rows, distances in _distances(points, points):
        distances[np.arange(len(distances)), rows] = np.inf  # itself
        result.append(np.partition(distances, k - 1, axis=1)[:, k - 1])
    return np.concatenate(result)


def parzen_log_likelihood(
    samples: np.ndarray,
    validation: np.ndarray,
    test: np.ndarray,
    sigmas: np.ndarray | None = None,
) -> tuple[float, float, float]:
    """Log-likelihood of test images under Gaussians around samples, in nats.

    The protocol of Goodfellow et al. 2014, section 5: sigma is chosen on validation
    images, from `logspace(-1, 0, 10)`.

    Args:
        samples: `[N, D]`, the Gaussians' means, in [0, 1], not binarised.
        validation: `[V, D]`.
        test: `[M, D]`.

    Returns:
        Mean over test images, its standard error, and the sigma chosen.
    """
    sigmas = np.logspace(-1, 0, 10) if sigmas is None else np.asarray(sigmas)
    samples, test = _checked_pair(samples, test)
    samples, validation = _checked_pair(samples, validation)
    tried = _log_densities(samples, validation, sigmas).mean(axis=1)
    sigma = sigmas[tried.argmax()]
    values = _log_densities(samples, test, np.array([sigma]))[0]
    error = values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(error), float(sigma)


def _log_densities(
    samples: np.ndarray, points: np.ndarray, sigmas: np.ndarray
) -> np.ndarray:
    """The logs of mean_i N(x; s_i, sigma^2 I), every sigma and point, `[S, M]`."""
    count, width = samples.shape
    columns = []
    for _, distances in _distances(points, samples):
        nearest = distances.min(axis=1, keepdims=True)
        rows = []
        for sigma in sigmas:
            scale = -0.5 / sigma**2
            total = np.exp((distances - nearest) * scale).sum(axis=1)
            norm = np.log(count) + width * np.log(sigma * np.sqrt(2 * np.pi))
            rows.append(nearest[:, 0] * scale + np.log(total) - norm)
        columns.append(np.stack(rows))
    return np.concatenate(columns, axis=1)


def class_shares(labels: np.ndarray, classes: int = 10) -> np.ndarray:
    """The share of each class among integer labels `[N]`, float64 `[classes]`."""
    return np.bincount(labels, minlength=classes) / len(labels)


def divergence_from_uniform(shares: np.ndarray) -> float:
    """KL(shares | uniform) in nats; 0 log 0 is 0."""
    some = shares[shares > 0]
    return float(np.sum(some * np.log(some * len(shares))))


def nearest_neighbours(
    points: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each of `points` `[N, D]` the nearest of `others` `[M, D]`.

    Returns:
        Row numbers int `[N]` and Euclidean distances float64 `[N]`.
    """
    points, others = _checked_pair(points, others, dtype=np.float32)
    indices = np.concatenate(
        [distances.argmin(axis=1) for _, distances in _distances(points, others)]
    )
    # float32 is enough to find the nearest, not to say how near it is.
    difference = points.astype(np.float64) - others[indices]
    return indices, np.sqrt(np.sum(difference**2, axis=1))


@dataclasses.dataclass(frozen=True)
class ModeCoverage:
    """How well 2-D samples cover the modes of a mixture."""

    modes: int
    high_quality: float
    reverse_kl: float


def mode_coverage(
    samples: np.ndarray, centres: np.ndarray, deviation: float
) -> ModeCoverage:
    """PacGAN's figures (Lin et al. 2018, section 4.1) for samples `[N, 2]`.

    A sample belongs to its nearest centre and is of high quality within 3 standard
    deviations of it. A mode counts with one such sample; the reverse KL is that of the
    histogram of high-quality samples over the modes against uniform, in nats.
    """
    nearest, distances = nearest_neighbours(samples, centres)
    good = distances <= 3 * deviation
    counts = np.bincount(nearest[good], minlength=len(centres))
    shares = counts / max(1, counts.sum())
    return ModeCoverage(
        modes=int((counts > 0).sum()),
        high_quality=float(good.mean()),
        reverse_kl=divergence_from_uniform(shares),
    )


def _distances(
    points: np.ndarray, others: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Squared distances, block by block: (row numbers, `[rows, M]`)."""
    # |x|^2 + |y|^2 - 2xy loses digits far from the origin, so bring both near it.
    centre = others.mean(axis=0)
    points, others = points - centre, others - centre
    squares = np.sum(others**2, axis=1)
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        distances = block @ others.T
        distances *= -2
        distances += np.sum(block**2, axis=1)[:, None]
        distances += squares
        yield np.arange(start, start + len(block)), distances.clip(0, out=distances)


def _checked(
    features: np.ndarray, least: int = 1, dtype: type = np.float64
) -> np.ndarray:
    features = np.asarray(features, dtype)
    if features.ndim != 2 or len(features) < least:
        raise ValueError(
            f"needs a table of at least {least} rows, not {features.shape}"
        )
    if not np.isfinite(features).all():
        raise ValueError("there are values that are infinite or NaN")
    return features


def _checked_pair(
    real: np.ndarray, generated: np.ndarray, least: int = 1, dtype: type = np.float64
) -> tuple[np.ndarray, np.ndarray]:
    real, generated = _checked(real, least, dtype), _checked(generated, least, dtype)
    if real.shape[1] != generated.shape[1]:
        raise ValueError(f"widths differ: {real.shape[1]} and {generated.shape[1]}")
    return real, generated
