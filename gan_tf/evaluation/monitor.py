"""Quick scores of some samples while training goes on."""

from __future__ import annotations

import keras
import numpy as np

from gan_tf.evaluation.classifier import Classifier, classify
from gan_tf.evaluation.metrics import (
    class_shares,
    frechet_distance,
    gaussian,
    label_accuracies,
)
from gan_tf.gan.sampling import labels_in_turn, sample

COUNT = 1000  # samples of a probe
SHARES = tuple(f"health/share_of_{digit}" for digit in range(10))
ACCURACIES = tuple(f"health/label_accuracy_of_{digit}" for digit in range(10))
DISTANCE = "health/frechet_distance"
# What a probe finds: TensorBoard's tags with their meaning for people.
METRICS = {
    DISTANCE: "Frechet distance of 1000 samples: above that of evaluate's 10000",
    **{tag: f"share of {tag[-1]} among 1000 samples, 0 to 1" for tag in SHARES},
}
LABEL_METRICS = {
    tag: f"share of samples for label {tag[-1]} that show it, 0 to 1"
    for tag in ACCURACIES
}
_RAREST, _COMMONEST = 0.01, 0.30  # shares beyond which we warn
_IGNORED = 0.8  # label accuracy below which we warn


def metrics_of(conditional: bool) -> dict[str, str]:
    """What a probe of such a run finds, with its meaning for people."""
    return METRICS | LABEL_METRICS if conditional else METRICS


def probe(
    generator: keras.Model, classifier: Classifier, seed: int
) -> dict[str, float]:
    """The metrics of the first samples of a seed, by `metrics_of`.

    The Frechet distance falls with the number of samples, so it compares probes of one
    run with each other and with nothing else.
    """
    labels = labels_in_turn(generator, COUNT)
    features, predicted = classify(classifier, sample(generator, seed, COUNT, labels))
    distance = frechet_distance(gaussian(features), classifier.real)
    values = {DISTANCE: distance, **dict(zip(SHARES, class_shares(predicted).tolist()))}
    if labels is None:
        return values
    return values | dict(zip(ACCURACIES, label_accuracies(labels, predicted).tolist()))


def describe(values: dict[str, float]) -> str:
    """The values of a probe for the progress display."""
    shares = [values[tag] for tag in SHARES]
    text = (
        f"Frechet distance {values[DISTANCE]:.2f}, "
        f"class shares {min(shares):.1%} to {max(shares):.1%}"
    )
    accuracies = [values[tag] for tag in ACCURACIES if tag in values]
    if accuracies:
        text += (
            f", label accuracy {np.mean(accuracies):.1%}, least {min(accuracies):.1%}"
        )
    return text


def warning(values: dict[str, float]) -> str | None:
    """What a probe gives reason to warn of: missing digits, ignored labels."""
    rare = [tag[-1] for tag in SHARES if values[tag] < _RAREST]
    common = [tag[-1] for tag in SHARES if values[tag] > _COMMONEST]
    ignored = [tag[-1] for tag in ACCURACIES if values.get(tag, 1.0) < _IGNORED]
    shares = [
        f"{what}: {', '.join(digits)}"
        for what, digits in (
            (f"under {_RAREST:.0%} of the samples", rare),
            (f"over {_COMMONEST:.0%}", common),
        )
        if digits
    ]
    concerns = [f"mode collapse? Digits {'; '.join(shares)}"] if shares else []
    if ignored:
        concerns.append(
            f"labels ignored? Under {_IGNORED:.0%} of the samples show their label: "
            + ", ".join(ignored)
        )
    return ". ".join(concerns) or None
