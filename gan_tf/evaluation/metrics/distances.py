"""Squared distances in blocks, and the nearest training images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gan_tf.evaluation.metrics.arrays import matrix, pair

_BLOCK = 250  # rows of a distance matrix in memory at once: 20 MB for 10000 columns
# Of |x|^2 + |y|^2 - 2 x.y for x near y, at most, relative to |x|^2.
_ROUNDING: dict[Any, float] = {
    np.float64: 1e-12,
    np.float32: 1e-6,
}
_CELLS = 1 << 24  # of a matrix of lower bounds in memory at once: 64 MB
_DIRECTIONS = 96  # of 64, 96, 128 and 192 the fastest on MNIST
_FITTED = 5000  # rows that the directions are fitted to
_PAIRS = 200  # of rows whose distance is computed at once: they stay in the cache
_MANY = 500  # pairs of a row that cost as much as its distances to all training images


class NearestSearch:
    """Finds the nearest training images, as in Goodfellow et al. 2014, fig. 2.

    Exact, and fast where a few directions hold most of the variance: a lower bound of
    each distance rules out nearly all pairs. Along orthonormal directions, with the
    length of the rest as one more coordinate, points are no farther apart than the
    images (by the triangle inequality) and have the same lengths.

    Args:
        training: `[M, D]`, any real dtype; kept, not copied.
    """

    def __init__(self, training: np.ndarray) -> None:
        self._training = training = matrix(training, "training", 1)
        self._origin = training.mean(axis=0, dtype=np.float64)
        some = training[:: max(1, len(training) // _FITTED)] - self._origin
        _, directions = np.linalg.eigh(some.T @ some)
        self._directions = directions[:, ::-1][:, :_DIRECTIONS]
        self._points = self._reduced(training)
        # Of constant images, 1: any unit will do.
        self._longest = float(np.sqrt(np.max(np.sum(self._points**2, axis=1)))) or 1.0

    def __call__(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The training image nearest to each sample.

        Args:
            samples: `[N, D]` in the unit of the training images.

        Returns:
            Row of the nearest, int64 `[N]`, the first of equals, and its Euclidean
            distance, float64 `[N]` in that unit; exactly 0 for a copy.
        """
        training = self._training
        samples, _ = pair("samples", samples, "training", training)
        left, right, units = self._bounding_factors(samples)
        index = np.zeros(len(samples), np.int64)
        nearest = np.zeros(len(samples))
        size = max(1, _CELLS // len(training))
        far = [np.zeros(0, np.int64)]  # rows of which the bounds rule out little
        for start in range(0, len(samples), size):
            rows = np.arange(start, min(start + size, len(samples)))
            bounds = left[rows] @ right.T
            guess = bounds.argmin(axis=1)
            limits = _pairwise(samples, training, rows, guess) / units[rows]
            limits = np.nextafter(limits.astype(np.float32), np.float32(np.inf))
            limits = np.maximum(limits, bounds.min(axis=1))  # where squares underflow
            possible = bounds <= limits[:, None]
            if np.count_nonzero(possible) > _MANY * len(rows):
                far.append(rows)
            else:
                index[rows], nearest[rows] = _closest(samples, training, rows, possible)
        rest = np.concatenate(far)
        lengths = units[rest] / self._longest
        for part, possible in self._nearly_closest(samples[rest], lengths):
            rows = rest[part]
            index[rows], nearest[rows] = _closest(samples, training, rows, possible)
        return index, np.sqrt(nearest)

    def _bounding_factors(
        self, samples: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Float32 A, B and units: (A B')_ij <= |sample_i - training_j|^2 / unit_i.

        Lengths are at most 1 in their units, so that nothing overflows; the rounding is
        taken off in advance.
        """
        x, y, longest = self._reduced(samples), self._points, self._longest
        lengths = np.maximum(np.sqrt(np.sum(x**2, axis=1)), longest)
        kept = 1.0 - _error(x.shape[1])
        of_x, of_y = (kept * np.sum(rows**2, axis=1) for rows in (x, y))
        left = np.empty((len(x), x.shape[1] + 2), np.float32)
        left[:, :-2] = -2.0 * x / lengths[:, None]
        left[:, -2] = of_x / lengths / longest
        left[:, -1] = longest / lengths
        right = np.empty((len(y), y.shape[1] + 2), np.float32)
        right[:, :-2] = y / longest
        right[:, -2] = 1.0
        right[:, -1] = of_y / longest**2
        return left, right, lengths * longest

    def _nearly_closest(
        self, samples: np.ndarray, lengths: np.ndarray
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of rows, and which training images may be nearest to each of them.

        |y|^2 - 2 x.y is in the order of |x - y|^2, in float32 with an error of
        (D + 8) 2^-24 (2 |x| |y| + |y|^2) at most.
        """
        if not len(samples):
            return
        lengths = lengths[:, None]
        y = self._centered(self._training, self._longest)
        squares = np.einsum("ij,ij->i", y, y)
        for start in range(0, len(samples), _BLOCK):
            part = slice(start, start + _BLOCK)
            order = self._centered(samples[part], lengths[part]) @ y.T
            order *= -2.0
            order += (self._longest / lengths[part]).astype(np.float32) * squares
            least = order.min(axis=1, keepdims=True)
            yield part, order <= least + 3.0 * np.float32(_error(y.shape[1]))

    def _centered(self, rows: np.ndarray, unit: Any) -> np.ndarray:
        """Rows less the mean of the training images, at most 1 long; float32."""
        unit = np.broadcast_to(unit, (len(rows), 1))
        points = np.empty(rows.shape, np.float32)
        for start in range(0, len(rows), _BLOCK):
            some = slice(start, start + _BLOCK)
            points[some] = (rows[some] - self._origin) / unit[some]
        return points

    def _reduced(self, rows: np.ndarray) -> np.ndarray:
        """Coordinates along the directions and the length of the rest, float64."""
        points = np.empty((len(rows), self._directions.shape[1] + 1))
        for start in range(0, len(rows), _BLOCK):
            x = rows[start : start + _BLOCK] - self._origin
            block = points[start : start + _BLOCK]
            block[:, :-1] = x @ self._directions
            rest = np.sum(x**2, axis=1) - np.sum(block[:, :-1] ** 2, axis=1)
            block[:, -1] = np.sqrt(np.maximum(rest, 0.0))
        return points


def _error(terms: int) -> float:
    """The rounding error of |x - y|^2 in float32, relative to |x|^2 + |y|^2, at most.

    That of a product of n terms is below n 2^-24 (|x| + |y|)^2, which is at most
    2 n 2^-24 (|x|^2 + |y|^2).
    """
    return 2.0 * (terms + 8) * 2.0**-24  # 8: the factors' own rounding


def _closest(
    samples: np.ndarray, training: np.ndarray, rows: np.ndarray, possible: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of the possible training images, and the squared distance to it."""
    number, column = np.nonzero(possible)
    distances = _pairwise(samples, training, rows[number], column)
    order = np.lexsort((column, distances, number))
    best = order[np.searchsorted(number[order], np.arange(len(rows)))]
    return column[best], distances[best]


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
    origin = columns.mean(axis=0, dtype=np.float64).astype(dtype)
    x, y = (np.subtract(points, origin, dtype=dtype) for points in (rows, columns))
    of_x, of_y = (np.sum(points**2, axis=1, keepdims=True) for points in (x, y))
    left = np.hstack([-2.0 * x, of_x, np.ones_like(of_x)])
    right = np.hstack([y, np.ones_like(of_y), of_y])
    for start in range(0, len(rows), _BLOCK):
        x = left[start : start + _BLOCK]
        distances = x @ right.T
        distances[distances <= dtype(_ROUNDING[dtype]) * x[:, -2:-1]] = 0.0
        yield slice(start, start + len(x)), distances
