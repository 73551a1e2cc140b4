"""How well samples of a conditional generator keep to their labels."""

from __future__ import annotations

import numpy as np

from gan_tf.evaluation import metrics
from gan_tf.evaluation.accuracy_score import COUNT, classification_accuracy_score

CLASSES = 10

# What is reported where samples have labels, in order, with its meaning for people.
REPORT = {
    "label_accuracy": "share of samples that the classifier reads as their label",
    **{
        f"label_accuracy_of_{number}": f"the same for label {number}"
        for number in range(CLASSES)
    },
    "within_class_frechet_distance": "mean over the classes, lower is better",
    "classification_accuracy_score": "of a network trained on 60000 samples (CAS)",
}


def usable_labels(labels: np.ndarray | None) -> np.ndarray | None:
    """The labels if they can be digits: integers 0 to 9; else None."""
    if labels is None or labels.min() < 0 or labels.max() >= CLASSES:
        return None
    return labels


def order_in_turn(labels: np.ndarray) -> np.ndarray:
    """The order in which samples sorted by class have all classes in turn.

    So the first 10000 have as large a share of each class as all together. Samples
    whose classes come in turn already keep their places.

    Args:
        labels: integers `[N]`, 0 or more.

    Returns:
        positions, int `[N]`.
    """
    by_class = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(labels))  # how many of its class stand before each sample
    rank[by_class] = np.arange(len(labels)) - starts[labels[by_class]]
    return np.lexsort((labels, rank / counts[labels]))


def accuracies(labels: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Label accuracy, over all samples and for each class that has any.

    Args:
        labels: what the samples were generated for, integers `[N]`.
        predicted: what the classifier reads, integers `[N]`.
    """
    by_class = enumerate(metrics.label_accuracies(labels, predicted, CLASSES))
    return {
        "label_accuracy": float(np.mean(labels == predicted)),
        **{
            f"label_accuracy_of_{number}": float(accuracy)
            for number, accuracy in by_class
            if not np.isnan(accuracy)
        },
    }


def within_class_distance(
    real_features: np.ndarray,
    real_labels: np.ndarray,
    features: np.ndarray,
    labels: np.ndarray,
    per_class: int,
) -> dict[str, float]:
    """The within-class Frechet distance of `per_class` samples of each class.

    Args:
        real_features: of the test images, `[N, D]`.
        features: of the samples, `[M, D]`.

    Returns:
        Nothing where a class has fewer samples: the distance depends on their number.
    """
    rows = [np.flatnonzero(labels == number)[:per_class] for number in range(CLASSES)]
    if min(map(len, rows)) < per_class:
        return {}
    chosen = np.concatenate(rows)
    distance = metrics.within_class_frechet_distance(
        real_features, real_labels, features[chosen], labels[chosen], CLASSES
    )
    return {"within_class_frechet_distance": distance}


def accuracy_score(
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
) -> dict[str, float]:
    """The classification accuracy score of the first `COUNT` samples.

    Returns:
        Nothing where there are fewer samples: the score depends on their number.
    """
    if len(images) < COUNT:
        return {}
    score = classification_accuracy_score(
        images[:COUNT], labels[:COUNT], test_images, test_labels
    )
    return {"classification_accuracy_score": score}
