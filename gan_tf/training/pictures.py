"""The pictures of a run: sample grids, the loss plot, the animation."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan_tf import images
from gan_tf.config import Config
from gan_tf.data.image_set import ImageSet
from gan_tf.errors import UserError
from gan_tf.files import explained, write_atomically
from gan_tf.gan.losses import Objective
from gan_tf.gan.sampling import sample
from gan_tf.gan.state import GAN
from gan_tf.storage.curves import Curves, read_curves
from gan_tf.storage.run_directory import sample_grids

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_SAMPLE_GRIDS = 300  # kept in `samples`
_SIDE = 8  # images in a row of a sample grid, and its rows without labels
_MAX_CLASSES = 64  # rows of a sample grid with labels
_MAX_FRAMES = 150  # of the animation


def thin_sample_grids(run_dir: Path, every: int, most: int = MAX_SAMPLE_GRIDS) -> None:
    """Where more than `most` are, keeps every second one of the older ones.

    Args:
        every: steps from one grid to the next.
    """
    grids = sample_grids(run_dir)
    while len(grids) > most:
        every *= 2
        for step in [step for step in grids if step % every and step != max(grids)]:
            with explained(grids[step]):
                grids.pop(step).unlink()


def sample_grid(gan: GAN, data: ImageSet, seed: int) -> np.ndarray:
    """Samples from the same noise at every step, with what they were trained on.

    Returns:
        A uint8 picture: 8 x 8 images, or with labels one row of 8 for each class.
    """
    labels = None
    if gan.conditional:
        classes = min(data.classes or _SIDE, _MAX_CLASSES)
        labels = np.repeat(np.arange(classes), _SIDE)
    count = _SIDE**2 if labels is None else len(labels)
    samples = sample(gan.sampler, seed, count, labels, data.shape)
    caption = f"{data.name}, step {int(gan.step.numpy())}, seed {seed}"
    return images.captioned(images.grid(samples, columns=_SIDE), caption)


def animation_path(run_dir: Path) -> Path:
    """The last picture that a run writes: not there while the run goes on."""
    return run_dir / "training.gif"


def write_final_pictures(
    gan: GAN, data: ImageSet, config: Config, run_dir: Path
) -> None:
    """The pictures of the whole run: samples, losses, and the grids as an animation."""
    grid = sample_grid(gan, data, config.seed)
    images.write_png(run_dir / "samples.png", grid)
    title = f"{data.name}, {int(gan.step.numpy())} steps, seed {config.seed}"
    plot = loss_plot(read_curves(run_dir), title, gan.rules.losses)
    write_atomically(run_dir / "losses.png", plot)
    frames = _frames(run_dir, grid)
    seconds = [0.2] * (len(frames) - 1) + [2.0]
    images.write_gif(animation_path(run_dir), frames, seconds)


def loss_plot(curves: Curves, title: str, objective: Objective) -> bytes:
    """Both losses and D's output over the steps, as PNG."""
    from matplotlib.figure import Figure  # not before the first step

    figure = Figure(figsize=(8, 6), layout="constrained")
    losses, outputs = figure.subplots(2, sharex=True)
    figure.suptitle(
        images.drawable(title), parse_math=False
    )  # the data's name may have a $
    rests = {"d_loss": objective.d_equilibrium, "g_loss": objective.g_equilibrium}
    for (name, rest), color in zip(rests.items(), ("tab:blue", "tab:orange")):
        losses.plot(*curves.get(name, ((), ())), label=name, color=color, linewidth=1)
        if rest is not None:
            label = f"{name} at equilibrium, {rest:.3f}"
            losses.axhline(rest, color=color, linestyle=":", label=label)
    losses.set_ylabel("loss, nats" if objective.probability else "loss")
    _plot_outputs(outputs, curves, objective)
    for axes in (losses, outputs):
        axes.legend(loc="best", ncols=2)
        axes.grid(alpha=0.3)
    return images.png_bytes_of_figure(figure)


def _plot_outputs(axes: Axes, curves: Curves, objective: Objective) -> None:
    for name, label in (("d_real", "on real images"), ("d_fake", "on samples")):
        axes.plot(*curves.get(name, ((), ())), label=f"D {label}", linewidth=1)
    if objective.probability:
        axes.axhline(0.5, color="grey", linestyle=":", label="D cannot tell")
        axes.set(ylabel="mean probability of real", ylim=(0, 1))
    else:
        axes.set(ylabel="mean output of D")
    axes.set(xlabel="step")


def _frames(run_dir: Path, last: np.ndarray) -> list[np.ndarray]:
    """At most `_MAX_FRAMES` sample grids of equal size, the newest one always."""
    newest_first = sorted(sample_grids(run_dir).items(), reverse=True)
    every = max(1, math.ceil(len(newest_first) / _MAX_FRAMES))
    frames = []
    for _, path in newest_first[::every][::-1]:
        try:
            frames.append(images.read_png(path, last.shape))
        except UserError as error:  # the animation is not worth a run's end
            warnings.warn(f"left out of the animation: {error}", stacklevel=2)
    return frames or [last]
