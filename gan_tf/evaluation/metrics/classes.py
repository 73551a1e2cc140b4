"""How samples are spread over the classes."""

from __future__ import annotations

import numpy as np


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
