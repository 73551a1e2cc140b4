"""Metrics of generated samples: features, images or labels in, float64 numbers out.

NumPy only, no files, no networks: the caller brings the features and names the result
after their source (`mnist_frechet_distance`; "FID" would mean Inception's features).
Matrices `[N, D]` may have any real dtype. Unusable input raises `ValueError` with one
sentence that says why. Real sets come first.
"""

from gan_tf.evaluation.metrics.classes import (
    class_shares,
    divergence_from_uniform,
    label_accuracies,
    within_class_frechet_distance,
)
from gan_tf.evaluation.metrics.distances import NearestSearch
from gan_tf.evaluation.metrics.features import (
    Gaussian,
    frechet_distance,
    gaussian,
    kernel_distance,
)
from gan_tf.evaluation.metrics.mixtures import ModeCoverage, mode_coverage
from gan_tf.evaluation.metrics.neighbourhoods import (
    NeighbourhoodScores,
    neighbourhood_scores,
)
from gan_tf.evaluation.metrics.parzen import parzen_log_likelihood

__all__ = [
    "Gaussian",
    "ModeCoverage",
    "NearestSearch",
    "NeighbourhoodScores",
    "class_shares",
    "divergence_from_uniform",
    "frechet_distance",
    "gaussian",
    "kernel_distance",
    "label_accuracies",
    "mode_coverage",
    "neighbourhood_scores",
    "parzen_log_likelihood",
    "within_class_frechet_distance",
]
