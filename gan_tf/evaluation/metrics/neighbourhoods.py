"""Fidelity and diversity by nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_tf.evaluation.metrics.arrays import pair
from gan_tf.evaluation.metrics.distances import squared_distances


@dataclass(frozen=True)
class NeighbourhoodScores:
    """All in [0, 1], save for `density`, which may pass 1."""

    precision: float
    recall: float
    density: float
    coverage: float


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
    real, generated = pair("real", real, "generated", generated, rows)
    precision_radii, density_radii = _squared_radii(real, [precision_k, density_k])
    (recall_radii,) = _squared_radii(generated, [precision_k])
    precise = np.zeros(len(generated), bool)
    recalled, covered = np.zeros((2, len(real)), bool)
    inside = 0
    for block, distances in squared_distances(real, generated):
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


def _squared_radii(points: np.ndarray, ks: list[int]) -> np.ndarray:
    """Squared distance of each point to its k-th neighbour, float32 `[len(ks), N]`.

    One distance computed in two different blocks may differ in its last float64 bits.
    Rounded to float32 both compare equal, which `<` and `<=` need for copied points.
    """
    radii = np.empty((len(ks), len(points)), np.float32)
    most = max(ks)
    for block, distances in squared_distances(points, points):
        own = np.arange(len(distances))
        distances[own, block.start + own] = np.inf  # no point is its own neighbour
        # One place instead of several: NumPy is six times as fast then.
        near = np.partition(distances.astype(np.float32), most - 1, axis=1)[:, :most]
        radii[:, block] = np.sort(near, axis=1)[:, np.subtract(ks, 1)].T
    return radii
