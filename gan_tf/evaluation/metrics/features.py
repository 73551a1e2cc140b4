"""How far two sets of features lie apart: Frechet and kernel distance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gan_tf.evaluation.metrics.arrays import matrix, pair

Powers = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Mean `[D]` and unbiased covariance `[D, D]` of features, float64."""

    mean: np.ndarray
    covariance: np.ndarray


def gaussian(features: np.ndarray) -> Gaussian:
    """What `frechet_distance` takes, from features `[N, D]`, N at least 2.

    The distance is biased upwards for small N: compare only values of the same N.
    """
    features = matrix(features, "features", rows=2).astype(np.float64)
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


def kernel_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """KID: the unbiased squared MMD with the kernel (x.y / D + 1)^3.

    Binkowski et al. 2018, section 4, with the estimator of Gretton et al. 2012, eq. 3,
    over all pairs of rows. Its expectation is 0 for equal distributions at any N, so it
    may fall below 0.

    The mean of the kernel over pairs is 1 + 3 m1.m1' + 3 m2.m2' + m3.m3', where mk is
    the mean of the k-th tensor power of x / sqrt(D). So time grows with N and not with
    N^2; both time and memory grow with D^3.

    Args:
        real: features `[N, D]`, N at least 2.
        generated: features `[M, D]`, M at least 2.
    """
    real, generated = pair("real", real, "generated", generated, rows=2)
    x, y = (rows / math.sqrt(rows.shape[1]) for rows in (real, generated))
    of_x, of_y = _mean_powers(x), _mean_powers(y)
    within = _mean_kernel_within(x, of_x) + _mean_kernel_within(y, of_y)
    return within - 2.0 * _mean_kernel(of_x, of_y)


def _root(covariance: np.ndarray) -> np.ndarray:
    """The symmetric root of a covariance.

    An eigenvalue within rounding of 0 counts as 0: its root would be far from it.
    """
    values, vectors = np.linalg.eigh(covariance)
    rounding = np.finfo(np.float64).eps * len(values) * np.abs(values).max(initial=0.0)
    values = np.where(values > rounding, values, 0.0)
    return (vectors * np.sqrt(values)) @ vectors.T


def _mean_kernel(of_x: Powers, of_y: Powers) -> float:
    """Mean of (x_i.y_j + 1)^3 over all pairs."""
    inner = [np.vdot(p, q) for p, q in zip(of_x, of_y)]
    return float(1.0 + np.dot((3.0, 3.0, 1.0), inner))


def _mean_kernel_within(x: np.ndarray, of_x: Powers) -> float:
    """Mean of (x_i.x_j + 1)^3 over all pairs of two different rows."""
    own = np.mean((np.sum(x**2, axis=1) + 1.0) ** 3)
    return float((len(x) * _mean_kernel(of_x, of_x) - own) / (len(x) - 1))


def _mean_powers(x: np.ndarray) -> Powers:
    """Means over the rows of x, x (x) x and x (x) x (x) x, for their inner products.

    The third has one row for each pair of columns i <= j, for i < j times sqrt(2).
    """
    third = [(x[:, i:] * x[:, i, None]).T @ x for i in range(x.shape[1])]
    for rows in third:
        rows[1:] *= math.sqrt(2.0)
    return x.mean(axis=0), x.T @ x / len(x), np.concatenate(third) / len(x)
