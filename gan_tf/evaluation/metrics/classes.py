"""How samples are spread over the classes, and how well they keep to their labels."""

from __future__ import annotations

import numpy as np

from gan_tf.evaluation.metrics.arrays import pair
from gan_tf.evaluation.metrics.features import frechet_distance, gaussian


def class_shares(labels: np.ndarray, classes: int = 10) -> np.ndarray:
    """The share of each class among integer labels `[N]`, float64 `[classes]`."""
    labels = _labels(labels, classes)
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


def label_accuracies(
    labels: np.ndarray, predicted: np.ndarray, classes: int = 10
) -> np.ndarray:
    """The share of each class's samples that a classifier reads as that class.

    Args:
        labels: the labels that the samples were generated for, integers `[N]`.
        predicted: what the classifier reads, integers `[N]`.

    Returns:
        float64 `[classes]`; NaN for a class without samples.
    """
    labels, predicted = _labels(labels, classes), _labels(predicted, classes)
    if labels.shape != predicted.shape:
        raise ValueError(f"{len(labels)} labels but {len(predicted)} predictions")
    right = np.bincount(labels[labels == predicted], minlength=classes)
    counts = np.bincount(labels, minlength=classes)
    return np.where(counts > 0, right / np.maximum(counts, 1), np.nan)


def within_class_frechet_distance(
    real: np.ndarray,
    real_labels: np.ndarray,
    generated: np.ndarray,
    labels: np.ndarray,
    classes: int = 10,
) -> float:
    """The mean over the classes of the Frechet distance within one class.

    It sees what the distance of all classes together averages out: samples that lie
    rightly within the whole and wrongly within their class. It is biased upwards for
    few samples of a class: compare only values of the same numbers.

    Args:
        real: features `[N, D]` of real images, each class twice at least.
        real_labels: their classes, integers `[N]`.
        generated: features `[M, D]` of samples, each class twice at least.
        labels: the labels that they were generated for, integers `[M]`.
    """
    real, generated = pair("real", real, "generated", generated, rows=2)
    distances = [
        frechet_distance(gaussian(real[of_real]), gaussian(generated[of_generated]))
        for of_real, of_generated in zip(
            _rows_by_class(real, real_labels, classes),
            _rows_by_class(generated, labels, classes),
        )
    ]
    return float(np.mean(distances))


def _rows_by_class(
    features: np.ndarray, labels: np.ndarray, classes: int
) -> list[np.ndarray]:
    labels = _labels(labels, classes)
    if len(labels) != len(features):
        raise ValueError(f"{len(features)} rows of features but {len(labels)} labels")
    return [labels == number for number in range(classes)]


def _labels(labels: np.ndarray, classes: int) -> np.ndarray:
    """`labels` if they are one or more classes in a row."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not len(labels):
        raise ValueError("labels must be one or more integers in a row")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must lie between 0 and {classes - 1}")
    return labels
