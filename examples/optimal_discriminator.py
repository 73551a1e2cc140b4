"""What the theory says and training does: Goodfellow et al. 2014, section 4, in 1-D.

    python examples/optimal_discriminator.py --animation animation.gif

Left: data N(0, 1) against samples N(1, 1). The best discriminator is p / (p + q), its
logit 1/2 - x, its value V = -log 4 + 2 JSD(p, q). One dense unit, trained, finds it.
Right, and in the animation (figure 1 there): a GAN learns N(0, 1), its D ends at 1/2.
"""

import argparse
import io
import math

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from PIL import Image

from gan_tf import build_discriminator, build_generator
from gan_tf.gan import losses
from gan_tf.gan.state import assemble
from gan_tf.gan.step import train_step
from gan_tf.images import png_bytes_of_figure, write_gif

X = np.linspace(-4, 5, 181, dtype=np.float32)[:, None]
VALUE = -math.log(4) + 2 * 0.1114214822  # the JSD of N(0, 1) and N(1, 1), nats


def main() -> None:
    """Prints both comparisons, writes the picture and the animation."""
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--steps", type=int, default=3000)
    flags.add_argument("--out", default="optimal_discriminator.png")
    flags.add_argument("--animation", default="optimal_discriminator.gif")
    values = flags.parse_args()
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_discriminator(left, values.steps)
    frames = []
    for step, gan in trained_gan(values.steps):
        samples = gan.generator(tf.random.stateless_normal([20000, 1], [0, 9]))
        right.clear()
        right.hist(samples.numpy()[:, 0], 80, density=True, label="samples")
        right.plot(X, density(X), ":", label="p, data")
        right.plot(X, tf.sigmoid(gan.discriminator(X)), label="D")
        right.set(title=f"a GAN, step {step}", xlim=(-4, 5), ylim=(0, 1.05))
        right.legend(loc="upper right")
        frames.append(np.asarray(Image.open(io.BytesIO(png_bytes_of_figure(figure)))))
    print(f"mean {np.mean(samples):.3f}, deviation {np.std(samples):.3f}; theory: 0, 1")
    figure.savefig(values.out, dpi=100)
    write_gif(values.animation, frames, seconds=0.25)


def density(x: np.ndarray) -> np.ndarray:
    """Of the standard normal distribution."""
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def draw_discriminator(axes, steps: int) -> None:
    """Trains one dense unit between N(0, 1) and N(1, 1); compares it with theory."""
    discriminator = build_discriminator(units=(), input_dim=1)
    optimizer = keras.optimizers.Adam(0.01)

    @tf.function
    def train(seed):
        real, fake = tf.unstack(tf.random.stateless_normal([2, 4096, 1], [0, seed]))
        with tf.GradientTape() as tape:
            logits = discriminator(real), discriminator(fake + 1)
            loss = losses.discriminator_loss(*logits)
        variables = discriminator.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    values = [-float(train(tf.constant(seed))) for seed in range(steps)]
    slope, bias = (float(np.squeeze(w)) for w in discriminator.get_weights())
    print(f"logit {bias:.3f} + {slope:.3f} x, in theory 0.5 - 1 x")
    print(f"value {np.mean(values[-steps // 4 :]):.4f}, in theory {VALUE:.4f}")
    p, q = density(X), density(X - 1)
    axes.plot(X, tf.sigmoid(discriminator(X)), label="trained D")
    axes.plot(X, p / (p + q), "--", label="p / (p + q)")
    axes.plot(X, np.hstack([p, q]), ":", label=["p, data", "q, samples"])
    axes.legend(title="the best discriminator")


def trained_gan(steps: int):
    """Trains a GAN on N(0, 1); yields step and state 30 times."""
    generator = build_generator(1, (32,), 1, "linear")
    gan = assemble(generator, build_discriminator((32,), 1))
    data = tf.function(lambda t: tf.random.stateless_normal([512, 1], tf.stack([1, t])))
    one_step = tf.function(lambda real: train_step(gan, real, None, seed=0))
    for step in range(1, steps + 1):
        one_step(data(tf.constant(step)))
        if step % max(1, steps // 30) == 0:
            yield step, gan


if __name__ == "__main__":
    main()
