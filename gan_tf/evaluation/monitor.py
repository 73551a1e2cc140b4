"""The judge's short look at the samples while training goes on."""

from __future__ import annotations

import keras

from gan_tf.evaluation.classifier import Classifier, classify
from gan_tf.evaluation.metrics import class_shares, frechet_distance, gaussian
from gan_tf.gan.sampling import sample

COUNT = 1000  # samples of a look
SHARES = tuple(f"health/share_of_{digit}" for digit in range(10))
DISTANCE = "health/frechet_distance"
# What a look gives: TensorBoard's tags with their meaning for people.
METRICS = {
    DISTANCE: "Frechet distance of 1000 samples: above that of evaluate's 10000",
    **{tag: f"share of {tag[-1]} among 1000 samples, 0 to 1" for tag in SHARES},
}
_RAREST, _COMMONEST = 0.01, 0.30  # shares beyond which we warn


def probe(generator: keras.Model, judge: Classifier, seed: int) -> dict[str, float]:
    """The `METRICS` of the first samples of a seed.

    The Frechet distance falls with the number of samples, so it compares looks at one
    run with each other and with nothing else.
    """
    features, labels = classify(judge, sample(generator, seed, COUNT))
    distance = frechet_distance(gaussian(features), judge.real)
    return {DISTANCE: distance, **dict(zip(SHARES, class_shares(labels).tolist()))}


def describe(figures: dict[str, float]) -> str:
    """The figures for the progress display."""
    shares = [figures[tag] for tag in SHARES]
    return (
        f"Frechet distance {figures[DISTANCE]:.2f}, "
        f"class shares {min(shares):.1%} to {max(shares):.1%}"
    )


def warning(figures: dict[str, float]) -> str | None:
    """What a look gives reason to warn of: digits that are missing or everywhere."""
    shares = {tag[-1]: figures[tag] for tag in SHARES}
    rare = [digit for digit, share in shares.items() if share < _RAREST]
    common = [digit for digit, share in shares.items() if share > _COMMONEST]
    if not rare and not common:
        return None
    found = [
        f"{what}: {', '.join(digits)}"
        for what, digits in (
            (f"under {_RAREST:.0%} of the samples", rare),
            (f"over {_COMMONEST:.0%}", common),
        )
        if digits
    ]
    return f"mode collapse? Digits {'; '.join(found)}"
