"""Squared distances in blocks, and the nearest training images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gan_tf.evaluation.metrics.arrays import pair

_BLOCK = 500  # rows of a distance matrix in memory at once: 40 MB for 10000 columns
# Of |x|^2 + |y|^2 - 2 x.y for x near y, at most, relative to |x|^2.
_ROUNDING: dict[Any, float] = {
    np.float64: 1e-12,
    np.float32: 1e-6,
}
_CELLS = 1 << 24  # of a matrix of lower bounds in memory at once: 64 MB
_DIRECTIONS = 96  # of 64, 96, 128 and 192 the fastest on MNIST
_FITTED = 5000  # rows that the directions are fitted to
_PAIRS = 5000  # of rows whose distance is computed at once: 30 MB for 784 columns


def nearest_neighbours(
    samples: np.ndarray, training: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The training image nearest to each sample, as in Goodfellow et al. 2014, fig. 2.

    Shows memorisation: samples much nearer to the training images than unseen test
    images are.

    Exact, and fast where a few directions hold most of the variance: a lower bound of
    each distance (`_bounding_factors`) rules out nearly all pairs.

    Args:
        samples: `[N, D]`.
        training: `[M, D]` in the same unit.

    Returns:
        Row of the nearest, int64 `[N]`, the first of equals, and its Euclidean
        distance, float64 `[N]` in that unit; exactly 0 for a copy.
    """
    samples, training = pair("samples", samples, "training", training)
    left, right, unit = _bounding_factors(samples, training)
    index = np.zeros(len(samples), np.int64)
    nearest = np.zeros(len(samples))
    size = max(1, _CELLS // len(training))
    for start in range(0, len(samples), size):
        rows = samples[start : start + size]
        bounds = left[start : start + size] @ right.T
        guess = bounds.argmin(axis=1)
        limits = _pairwise(rows, training, np.arange(len(rows)), guess) / unit**2
        limits = np.nextafter(limits.astype(np.float32), np.float32(np.inf))
        possible = np.flatnonzero(bounds <= limits[:, None])
        row, column = np.divmod(possible, len(training))
        distances = _pairwise(rows, training, row, column)
        order = np.lexsort((column, distances, row))
        best = order[np.searchsorted(row[order], np.arange(len(rows)))]
        index[start : start + size] = column[best]
        nearest[start : start + size] = distances[best]
    return index, np.sqrt(nearest)


def _bounding_factors(
    samples: np.ndarray, training: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Float32 A and B with (A B')_ij <= |sample_i - training_j|^2 / unit^2; the unit.

    Coordinates along orthonormal directions, and the length of the rest as one more:
    by the triangle inequality these points are no farther apart than the images, and
    have the same lengths. The product gives |x|^2 + |y|^2 - 2 x.y of them; its rounding
    error is below n 2^-24 (|x| + |y|)^2 for n terms, which is at most 2 n 2^-24
    (|x|^2 + |y|^2) and taken off in advance.
    """
    origin = training.mean(axis=0, dtype=np.float64)
    some = training[:: max(1, len(training) // _FITTED)] - origin
    _, directions = np.linalg.eigh(some.T @ some)
    directions = directions[:, ::-1][:, :_DIRECTIONS]
    x, y = (_reduced(rows, origin, directions) for rows in (samples, training))
    squares = [np.sum(points**2, axis=1) for points in (x, y)]
    unit = max(np.sqrt(max(map(np.max, squares))), np.finfo(np.float64).tiny)
    kept = 1.0 - 2.0 * (x.shape[1] + 8) * 2.0**-24  # 8: the factors' own rounding
    of_x, of_y = (kept * values[:, None] / unit**2 for values in squares)
    left = np.hstack([-2.0 * x / unit, of_x, np.ones_like(of_x)])
    right = np.hstack([y / unit, np.ones_like(of_y), of_y])
    return left.astype(np.float32), right.astype(np.float32), float(unit)


def _reduced(
    rows: np.ndarray, origin: np.ndarray, directions: np.ndarray
) -> np.ndarray:
    """Coordinates along the directions and the length of the rest, float64."""
    points = np.empty((len(rows), directions.shape[1] + 1))
    for start in range(0, len(rows), _BLOCK):
        x = rows[start : start + _BLOCK] - origin
        block = points[start : start + _BLOCK]
        block[:, :-1] = x @ directions
        rest = np.sum(x**2, axis=1) - np.sum(block[:, :-1] ** 2, axis=1)
        block[:, -1] = np.sqrt(np.maximum(rest, 0.0))
    return points


def _pairwise(
    samples: np.ndarray, training: np.ndarray, row: np.ndarray, column: np.ndarray
) -> np.ndarray:
    """Squared distances of the pairs (samples[row], training[column]), float64."""
    distances = np.empty(len(row))
    for start in range(0, len(row), _PAIRS):
        some = slice(start, start + _PAIRS)
        difference = np.subtract(
            samples[row[some]], training[column[some]], dtype=np.float64
        )
        distances[some] = np.einsum("ij,ij->i", difference, difference)
    return distances


def squared_distances(
    rows: np.ndarray, columns: np.ndarray, dtype: type = np.float64
) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared Euclidean distances, `_BLOCK` rows at a time: (slice of rows, `dtype`).

    |x|^2 + |y|^2 - 2 x.y cancels where x and y are nearer to each other than to the
    origin: hence float64 by default, the origin in the middle of the columns, and 0 for
    what is 0 within rounding, so that copies lie at distance 0.
    """
    origin = columns.mean(axis=0, dtype=np.float64)
    columns = (columns - origin).astype(dtype)
    column_squares = np.sum(columns**2, axis=1)
    for start in range(0, len(rows), _BLOCK):
        x = (rows[start : start + _BLOCK] - origin).astype(dtype)
        row_squares = np.sum(x**2, axis=1, keepdims=True)
        distances = (-2 * x) @ columns.T
        distances += row_squares
        distances += column_squares
        distances[distances <= dtype(_ROUNDING[dtype]) * row_squares] = 0.0
        yield slice(start, start + len(x)), distances
