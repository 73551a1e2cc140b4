"""Squared distances in blocks, and the nearest training images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gan_tf.evaluation.metrics.arrays import pair

_BLOCK = 500  # rows of a distance matrix in memory at once: 40 MB for 10000 columns
_ROUNDING = 1e-12  # of |x|^2 + |y|^2 - 2 x.y for x near y, at most, relative to |x|^2


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
    samples, training = pair("samples", samples, "training", training)
    index = np.zeros(len(samples), np.int64)
    nearest = np.full(len(samples), np.inf)
    for block, distances in squared_distances(training, samples):
        found = distances.min(axis=0)
        closer = found < nearest  # of two copies the first stays
        index[closer] = block.start + distances[:, closer].argmin(axis=0)
        nearest[closer] = found[closer]
    return index, np.sqrt(nearest)


def squared_distances(
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
