"""Does a GAN find every mode? PacGAN's ring and grid of Gaussians, by its protocol.

    python examples/mixtures.py --trials 10

Lin et al. 2018, table 1; the plain GAN against the same with R1 and an average.
"""

import argparse

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from gan_tf import build_discriminator, build_generator
from gan_tf.evaluation.metrics import mode_coverage
from gan_tf.gan.losses import OBJECTIVES
from gan_tf.gan.sampling import latents
from gan_tf.gan.state import Rules, assemble
from gan_tf.gan.step import train_step

LATENT, UNITS, BATCH, POINTS, EVALUATED = 2, (64,) * 4, 512, 100000, 2500
RATES = {"learning_rate": 2e-3, "rate_ratio": 2.0, "beta_1": 0.0}
ANGLES, AXIS = 2 * np.pi * np.arange(8) / 8, np.arange(-4, 5, 2)
MIXTURES = {  # means, standard deviation, scale
    "ring": (np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1), 0.01, 1.0),
    "grid": (np.stack(np.meshgrid(AXIS, AXIS), -1).reshape(-1, 2), 0.05, 4.0),
}
PENALIZED = {"r1_weight": 0.1, "r1_every": 4, "ema_decay": 0.9999}
KINDS = ("plain GAN", {}), ("R1, average", PENALIZED)
PUBLISHED = """                         modes      high quality %      reverse KL
ring GAN               6.3 +- .5     98.2 +- .2       .45 +- .09
ring PacGAN2           7.9 +- .1     95.6 +- 2.0      .07 +- .03
grid GAN              17.3 +- .8     94.8 +- .7       .70 +- .07
grid PacGAN4          24.8 +- .2     93.6 +- .6       .04 +- .01"""


def main() -> None:
    """Prints the table and draws data and samples."""
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--trials", type=int, default=1, help="the paper: 10")
    flags.add_argument("--steps", type=int, default=10000)
    flags.add_argument("--objective", choices=OBJECTIVES, default="non_saturating")
    flags.add_argument("--out", default="mixtures.png")
    values = flags.parse_args()
    axes = (figure := Figure((9, 6), layout="constrained")).subplots(2, 3)
    print(f"{PUBLISHED}\nhere, {values.trials} trials of {values.steps} steps:")
    for row, (name, (means, deviation, scale)) in zip(axes, MIXTURES.items()):
        draw(row[0], points(means, deviation, seed=0)[:EVALUATED], f"{name}, data")
        for plot, (kind, options) in zip(row[1:], KINDS):
            rules, scores = Rules(objective=values.objective, **options), []
            for seed in range(values.trials):
                data = points(means, deviation, seed) / scale
                samples = trained_samples(data, rules, values.steps, seed) * scale
                found = mode_coverage(samples, means, deviation)
                scores.append((found.modes, 100 * found.high_quality, found.reverse_kl))
            print(f"{name} {kind:12}", *map(mean_and_error, zip(*scores)), flush=True)
            draw(plot, samples, f"{name}, {kind}")
    figure.savefig(values.out, dpi=100)


def points(means: np.ndarray, deviation: float, seed: int) -> np.ndarray:
    """The training set, `[POINTS, 2]`."""
    random = np.random.default_rng(seed)
    chosen = means[random.integers(len(means), size=POINTS)]
    return random.normal(chosen, deviation).astype(np.float32)


def trained_samples(data, rules: Rules, steps: int, seed: int) -> np.ndarray:
    """Trains a GAN on the points and samples from it."""
    generator = build_generator(LATENT, UNITS, 2, "linear", 2 * seed)
    average = build_generator(LATENT, UNITS, 2, "linear") if rules.ema_decay else None
    discriminator = build_discriminator(UNITS, 2, 2 * seed + 1)
    gan = assemble(generator, discriminator, average, rules, decay_steps=steps, **RATES)

    @tf.function(jit_compile=True)
    def train():
        while gan.step < steps:
            key = [seed, gan.step]
            rows = tf.random.stateless_uniform([BATCH], key, 0, POINTS, tf.int32)
            train_step(gan, tf.gather(data, rows), None, seed)

    train()
    return gan.sampler(latents(LATENT, seed, EVALUATED)).numpy()


def mean_and_error(values) -> str:
    """Mean and standard error over the trials."""
    error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return f"{np.mean(values):8.3f} +- {error:.3f}"


def draw(axes, samples, title: str) -> None:
    """A scatter plot."""
    axes.scatter(*samples.T, s=1, alpha=0.3)
    axes.set(title=title, xticks=(), yticks=(), aspect="equal")


if __name__ == "__main__":
    main()
