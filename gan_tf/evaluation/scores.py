"""The whole report on a set of samples, with the real data's own figures beside it."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tqdm import tqdm

from gan_tf.evaluation import domain, metrics
from gan_tf.evaluation.classifier import Classifier, classify
from gan_tf.images import SIDE, grid, png_bytes_of_figure, to_unit

COUNT = 10000  # samples of every report: the Frechet distance depends on it

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
    "nearest_training_distance": "mean, in pixels of [0, 1]; 0 is memorised",
}
# These need no real image, only what is shipped with the judge.
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
    """

    training: np.ndarray
    test: np.ndarray


def evaluate(
    images: np.ndarray,
    judge: Classifier,
    real: RealImages | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, float]:
    """Every metric of `REPORT` that can be had, by name.

    Args:
        images: the samples, uint8 `[N, 28, 28]`.
        real: MNIST; without it only the metrics of `WITHOUT_DATA`.
        tell: is told what is being computed, for a display of progress.
    """
    tell("features")
    features, labels = classify(judge, images)
    shares = metrics.class_shares(labels)
    figures = {
        "mnist_frechet_distance": metrics.frechet_distance(
            metrics.gaussian(features), judge.real
        ),
        "smallest_class_share": float(shares.min()),
        "largest_class_share": float(shares.max()),
        "class_divergence": metrics.divergence_from_uniform(shares),
    }
    if real is not None:
        figures |= _compare(images, features, judge, real, tell)
    return {name: figures[name] for name in REPORT if name in figures}


def _compare(
    images: np.ndarray,
    features: np.ndarray,
    judge: Classifier,
    real: RealImages,
    tell: Callable[[str], None],
) -> dict[str, float]:
    """The metrics that need real images."""
    real_features, _ = classify(judge, real.test)
    tell("kernel distance")
    kernel = metrics.kernel_distance(real_features, features)
    tell("precision, recall, density, coverage")
    neighbours = metrics.neighbourhood_scores(real_features, features)
    tell("Parzen windows")
    validation = flat(real.training[50000:51000])
    parzen, error, _ = metrics.parzen_log_likelihood(
        flat(images), validation, flat(real.test)
    )
    tell("nearest training images")
    _, distances = metrics.nearest_neighbours(flat(images), flat(real.training))
    return {
        "kernel_distance": kernel,
        **dataclasses.asdict(neighbours),
        "parzen_log_likelihood": parzen,
        "parzen_error": error,
        "nearest_training_distance": float(distances.mean()),
    }


def real_scores(judge: Classifier, real: RealImages, seed: int = 0) -> dict[str, float]:
    """What real data scores: 10000 random training images in place of samples.

    They are taken from the first 50000, as the Parzen protocol validates on those
    after; their nearest training image would be themselves, so the test images stand
    in for them there. The Frechet distance is the mean over five disjoint sets.
    """
    chosen = np.random.default_rng(seed).permutation(50000).reshape(-1, COUNT)
    figures = evaluate(real.training[chosen[0]], judge, real)
    frechet = [
        evaluate(real.training[rows], judge)["mnist_frechet_distance"]
        for rows in chosen
    ]
    figures["mnist_frechet_distance"] = float(np.mean(frechet))
    _, distances = metrics.nearest_neighbours(flat(real.test), flat(real.training))
    return figures | {"nearest_training_distance": float(distances.mean())}


def table(judge: Classifier, results: dict[str, dict[str, float]]) -> str:
    """The figures of one or more sample sets beside the real data's, as text."""
    real = domain.REAL | judge.real_scores
    rows = [["", *results, "real data", ""]]
    for name, what in (domain.METRIC | REPORT).items():
        values = [figures.get(name) for figures in results.values()]
        if values[0] is not None:
            shown = [f"{value:.4g}" for value in (*values, real[name])]
            rows.append([name, *shown, what])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in rows
    )


@contextlib.contextmanager
def progress(name: str, parts: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal that shows which metric is being computed.

    Args:
        parts: how many metrics there are to report.
    """
    terminal = sys.stderr is not None and sys.stderr.isatty()
    with tqdm(total=parts, leave=False, disable=not terminal) as bar:

        def tell(what: str) -> None:
            bar.set_description(f"{name}: {what}")
            bar.update()

        yield tell


def picture(
    images: np.ndarray, judge: Classifier, real: RealImages | None, title: str = ""
) -> bytes:
    """Samples, class shares, and samples beside their nearest training images: PNG."""
    figure = Figure(figsize=(13, 5), layout="constrained")
    figure.suptitle(title)
    sheet, shares, pairs = figure.subplots(1, 3)
    _show(sheet, grid(images[:100]), "100 samples")
    _, labels = classify(judge, images)
    shares.bar(range(10), metrics.class_shares(labels))
    shares.axhline(0.1, color="grey", linestyle=":")
    shares.set(title="class shares", xticks=range(10), xlabel="digit")
    if real is None:
        pairs.set(title="nearest training images: MNIST is not here")
        pairs.axis("off")
    else:
        some = images[:50]
        nearest, _ = metrics.nearest_neighbours(flat(some), flat(real.training))
        both = np.stack([some, real.training[nearest]], axis=1)
        what = "samples, each beside its nearest training image"
        _show(pairs, grid(both.reshape(100, SIDE, SIDE), columns=10), what)
    return png_bytes_of_figure(figure)


def _show(axes: Axes, sheet: np.ndarray, title: str) -> None:
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255)
    axes.set(title=title, xticks=(), yticks=())


def flat(images: np.ndarray) -> np.ndarray:
    """uint8 `[N, 28, 28]` as float32 `[N, 784]` in [0, 1]."""
    return to_unit(images).numpy().reshape(len(images), -1)
