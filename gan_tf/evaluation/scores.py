"""The whole report on a set of samples, with the scores of real data beside it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from tqdm import tqdm

from gan_tf.evaluation import domain, label_scores, metrics
from gan_tf.evaluation.accuracy_score import COUNT as LABELLED_COUNT
from gan_tf.evaluation.classifier import Classifier, classify
from gan_tf.images import FULL, unit_rows

COUNT = 10000  # samples of every report: the Frechet distance depends on it
VALIDATION = slice(50000, 51000)  # the training images that choose the Parzen width

# What is reported, in order: its meaning for people, and which way is better.
REPORT = {
    "mnist_frechet_distance": "features against the test set's, lower is better",
    "kernel_distance": "unbiased MMD of features (KID), lower is better",
    "precision": "share of samples among real images, k=3",
    "recall": "share of real images among samples, k=3",
    "density": "how densely samples lie among real images, k=5",
    "coverage": "share of real images with a sample close by, k=5",
    "parzen_log_likelihood": "of test images, nats; above the real data: blur",
    "parzen_error": "its standard error",
    "smallest_class_share": "0.1 if all ten digits are equally common",
    "largest_class_share": "0.1 if all ten digits are equally common",
    "class_divergence": "KL of the class shares to uniform, nats",
    "nearest_training_distance": "mean, in pixels of [0, 1]; 0 is memorized",
}
# These need no real image, only what is shipped with the classifier.
WITHOUT_DATA = (
    "mnist_frechet_distance",
    "smallest_class_share",
    "largest_class_share",
    "class_divergence",
)


@dataclasses.dataclass(frozen=True, eq=False)
class RealImages:
    """MNIST itself, for the metrics that compare with single images.

    Attributes:
        training: uint8 `[60000, 28, 28]`.
        test: uint8 `[10000, 28, 28]`.
        training_labels: integers `[60000]`.
        test_labels: integers `[10000]`; without them, samples' labels are compared
            with what the classifier reads only.
    """

    training: np.ndarray
    test: np.ndarray
    training_labels: np.ndarray | None = None
    test_labels: np.ndarray | None = None

    @functools.cached_property
    def search(self) -> metrics.NearestSearch:
        """Finds nearest training images; in stored pixels, 0 to 255."""
        return metrics.NearestSearch(_flat(self.training))


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What is known of some samples.

    Attributes:
        metrics: the values, by the names in `REPORT` and `label_scores.REPORT`.
        predicted: what the classifier reads, int `[N]`.
        nearest: row of each sample's nearest training image, int `[N]`; None without
            MNIST.
    """

    metrics: dict[str, float]
    predicted: np.ndarray
    nearest: np.ndarray | None


def samples_needed(labels: bool) -> int:
    """How many samples a full report takes."""
    return max(COUNT, LABELLED_COUNT) if labels else COUNT


def evaluate(
    images: np.ndarray,
    classifier: Classifier,
    real: RealImages | None = None,
    report: Callable[[str], None] = lambda _: None,
    labels: np.ndarray | None = None,
) -> Evaluation:
    """Every metric that can be had.

    Args:
        images: the samples, uint8 `[N, 28, 28]`. The first `COUNT` are scored; only the
            classification accuracy score takes more.
        real: MNIST; without it only the metrics of `WITHOUT_DATA` and label accuracy.
        report: called with the name of what is computed next, for a progress display.
        labels: what the samples were generated for, integers `[N]`; None without.
    """
    scored, labels = images[:COUNT], label_scores.usable_labels(labels)
    nearest = None
    with ThreadPoolExecutor(1) as beside:  # pixels beside features
        if real is not None:
            pixels = beside.submit(_compare_pixels, scored, real, report)
        report("features")
        features, predicted = classify(classifier, scored)
        values = _without_data(features, predicted, classifier)
        if labels is not None:
            values |= label_scores.accuracies(labels[:COUNT], predicted)
        if real is not None:
            report("features of real images")
            real_features, _ = _classified_test_images(classifier, real)
            values |= _compare_features(real_features, features, report)
            more, nearest = pixels.result()
            values |= more
    if labels is not None and real is not None and real.test_labels is not None:
        report("classification accuracy score")
        values |= label_scores.within_class_distance(
            real_features,
            real.test_labels,
            features,
            labels[:COUNT],
            COUNT // label_scores.CLASSES,
        )
        values |= label_scores.accuracy_score(
            images, labels, real.test, real.test_labels
        )
    order = [name for name in REPORT | label_scores.REPORT if name in values]
    return Evaluation({name: values[name] for name in order}, predicted, nearest)


@functools.lru_cache(maxsize=1)
def _classified_test_images(
    classifier: Classifier, real: RealImages
) -> tuple[np.ndarray, np.ndarray]:
    """As `classify`, once for all sets of samples."""
    return classify(classifier, real.test)


def _without_data(
    features: np.ndarray, predicted: np.ndarray, classifier: Classifier
) -> dict[str, float]:
    """The metrics of `WITHOUT_DATA`."""
    shares = metrics.class_shares(predicted)
    return {
        "mnist_frechet_distance": metrics.frechet_distance(
            metrics.gaussian(features), classifier.real
        ),
        "smallest_class_share": float(shares.min()),
        "largest_class_share": float(shares.max()),
        "class_divergence": metrics.divergence_from_uniform(shares),
    }


def _compare_features(
    real_features: np.ndarray, features: np.ndarray, report: Callable[[str], None]
) -> dict[str, float]:
    report("kernel distance")
    kernel = metrics.kernel_distance(real_features, features)
    report("precision, recall, density, coverage")
    neighbours = metrics.neighbourhood_scores(real_features, features)
    return {"kernel_distance": kernel, **dataclasses.asdict(neighbours)}


def _compare_pixels(
    images: np.ndarray, real: RealImages, report: Callable[[str], None]
) -> tuple[dict[str, float], np.ndarray]:
    """The metrics of pixels, and the row of each one's nearest training image."""
    report("Parzen windows")
    validation = unit_rows(real.training[VALIDATION])
    parzen, error, _ = metrics.parzen_log_likelihood(
        unit_rows(images), validation, unit_rows(real.test)
    )
    report("nearest training images")
    nearest, distances = real.search(_flat(images))
    values = {
        "parzen_log_likelihood": parzen,
        "parzen_error": error,
        "nearest_training_distance": float(distances.mean()) / FULL,
    }
    return values, nearest


def real_scores(classifier: Classifier, real: RealImages) -> dict[str, float]:
    """What real data score: 10000 random training images in place of samples.

    They are taken from the first 50000, as the Parzen protocol validates on those
    after; their nearest training image would be themselves, so the test images stand
    in for them there. The Frechet distance is the mean over five disjoint sets. Label
    accuracy is that of the test images, which the classifier has not seen.
    """
    chosen = np.random.default_rng(0).permutation(50000).reshape(-1, COUNT)
    values = evaluate(real.training[chosen[0]], classifier, real).metrics
    frechet = [
        evaluate(real.training[rows], classifier).metrics["mnist_frechet_distance"]
        for rows in chosen
    ]
    values["mnist_frechet_distance"] = float(np.mean(frechet))
    _, distances = real.search(_flat(real.test))
    values["nearest_training_distance"] = float(distances.mean()) / FULL
    return values | _real_label_scores(classifier, real)


def _real_label_scores(classifier: Classifier, real: RealImages) -> dict[str, float]:
    """The scores of real images with their labels, where these are known."""
    labels, test_labels = real.training_labels, real.test_labels
    if labels is None or test_labels is None:
        return {}
    per_class = COUNT // label_scores.CLASSES
    rows = np.concatenate(
        [
            np.flatnonzero(labels == number)[:per_class]
            for number in range(label_scores.CLASSES)
        ]
    )
    features, predicted = _classified_test_images(classifier, real)
    some, _ = classify(classifier, real.training[rows])
    return (
        label_scores.accuracies(test_labels, predicted)
        | label_scores.within_class_distance(
            features, test_labels, some, labels[rows], per_class
        )
        | label_scores.accuracy_score(real.training, labels, real.test, test_labels)
    )


def table(classifier: Classifier, results: dict[str, dict[str, float]]) -> str:
    """The metrics of one or more sets of samples beside the real data's, as text."""
    real = domain.REAL | classifier.real_scores
    rows = [["", *results, "real data", ""]]
    for name, meaning in (domain.METRIC | REPORT | label_scores.REPORT).items():
        values = [found.get(name) for found in results.values()]
        if any(value is not None for value in values):
            shown = [
                "" if value is None else f"{value:.4g}"
                for value in (*values, real.get(name))
            ]
            rows.append([name, *shown, meaning])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in rows
    )


@contextlib.contextmanager
def progress(name: str, parts: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal that shows what is being computed.

    Args:
        parts: how often the function it yields will be called.
    """
    terminal = sys.stderr is not None and sys.stderr.isatty()
    with tqdm(total=parts, leave=False, disable=not terminal) as bar:
        begun = 0

        def report(what: str) -> None:
            nonlocal begun
            bar.set_description(f"{name}: {what}", refresh=False)
            bar.update(min(begun, 1))  # what was begun before is done now
            bar.refresh()
            begun += 1

        yield report
        bar.update(min(begun, 1))
        bar.refresh()


def parts(real: RealImages | None, labels: np.ndarray | None) -> int:
    """How often `evaluate` calls its `report`."""
    if real is None:
        return 1
    labelled = label_scores.usable_labels(labels) is not None
    return 7 if labelled and real.test_labels is not None else 6


def _flat(images: np.ndarray) -> np.ndarray:
    """`[N, H, W]` as `[N, H * W]`."""
    return images.reshape(len(images), -1)
