"""The picture of an evaluation: samples, class shares, nearest training images."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gan_tf.evaluation import metrics
from gan_tf.evaluation.scores import Evaluation, RealImages
from gan_tf.images import SIDE, drawable, grid, png_bytes_of_figure


def picture(
    images: np.ndarray,
    evaluation: Evaluation,
    real: RealImages | None,
    title: str = "",
) -> bytes:
    """Samples, class shares, and samples beside their nearest training images: PNG.

    Args:
        images: the samples, uint8 `[N, 28, 28]`.
        evaluation: what `scores.evaluate` found of them.
        real: MNIST, if it was there.
    """
    figure = Figure(figsize=(13, 5), layout="constrained")
    figure.suptitle(drawable(title), parse_math=False)
    samples, shares, pairs = figure.subplots(1, 3)
    _show(samples, grid(images[:100]), "100 samples")
    shares.bar(range(10), metrics.class_shares(evaluation.predicted))
    shares.axhline(0.1, color="grey", linestyle=":")
    shares.set(title="class shares", xticks=range(10), xlabel="digit")
    if real is None or evaluation.nearest is None:
        pairs.set(title="nearest training images: MNIST is not here")
        pairs.axis("off")
    else:
        nearest = real.training[evaluation.nearest[:50]]
        both = np.stack([images[:50], nearest], axis=1)
        what = "samples, each beside its nearest training image"
        _show(pairs, grid(both.reshape(-1, SIDE, SIDE), columns=10), what)
    return png_bytes_of_figure(figure)


def _show(axes: Axes, picture: np.ndarray, title: str) -> None:
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
    axes.set(title=title, xticks=(), yticks=())
