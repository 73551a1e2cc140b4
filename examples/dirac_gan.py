"""Why R1 makes training converge: the Dirac-GAN of Mescheder et al. 2018.

    python examples/dirac_gan.py --out dirac_gan.png

The smallest GAN there is. The data is one point, 0; the generator makes one point,
theta; the discriminator's logit is psi x. The equilibrium is theta = psi = 0. Without a
penalty the two parameters chase each other around it; with R1, which here is
gamma psi^2 / 2, the discriminator lets go as it nears the data, and they spiral in. It
is trained by the package's own step.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from gan_tf.gan.state import GAN, Rules
from gan_tf.gan.step import train_step


def main() -> None:
    """Trains with and without R1, prints the distances left, draws the paths."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--steps", type=int, default=500)
    flags.add_argument("--learning_rate", type=float, default=0.2)
    flags.add_argument("--r1_weight", type=float, default=0.3)
    flags.add_argument("--out", default="dirac_gan.png")
    values = flags.parse_args()

    figure = Figure(figsize=(10, 5), layout="constrained")
    for axes, gamma in zip(figure.subplots(1, 2), (0.0, values.r1_weight)):
        path = trajectory(values.steps, values.learning_rate, gamma)
        left = np.hypot(*path[-1])
        print(f"R1 weight {gamma}: distance {left:.4g} after {values.steps} steps")
        axes.plot(*path.T, ".-", linewidth=0.5, markersize=3)
        axes.plot(*path[0], "o", label="start")
        axes.plot(0, 0, "k*", markersize=12, label="equilibrium")
        axes.set(title=f"R1 weight {gamma}", xlabel="theta (generator)")
        axes.set(ylabel="psi (discriminator)", aspect="equal")
        axes.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
        axes.legend()
    figure.savefig(values.out, dpi=100)
    print(f"wrote {values.out}")


def trajectory(steps: int, learning_rate: float, r1_weight: float) -> np.ndarray:
    """(theta, psi) from (1, 1) through `steps` steps, float `[steps + 1, 2]`."""
    gan = dirac_gan(learning_rate, r1_weight)
    real = tf.zeros([1, 1])
    point, slope = gan.generator.layers[-1], gan.discriminator.layers[-1]
    step = tf.function(lambda: train_step(gan, real, None, seed=0))
    path = [(1.0, 1.0)]
    for _ in range(steps):
        step()
        path.append((float(point.theta), float(slope.kernel[0, 0])))
    return np.array(path)


class Point(keras.layers.Layer):
    """Puts every sample at theta, whatever the noise."""

    def build(self, _) -> None:
        """Makes theta, 1 at first."""
        self.theta = self.add_weight(shape=(), initializer="ones")

    def call(self, noise: tf.Tensor) -> tf.Tensor:
        """Noise `[B, 1]` to theta `[B, 1]`."""
        return tf.zeros_like(noise) + self.theta


def dirac_gan(learning_rate: float, r1_weight: float) -> GAN:
    """A generator that is a point and a discriminator that is a slope, both 1."""
    slope = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    return GAN(
        generator=keras.Sequential([keras.Input((1,)), Point()]),
        discriminator=keras.Sequential([keras.Input((1,)), slope]),
        generator_optimizer=keras.optimizers.SGD(learning_rate),
        discriminator_optimizer=keras.optimizers.SGD(learning_rate),
        average=None,
        step=tf.Variable(0, dtype=tf.int64),
        rules=Rules(r1_weight=r1_weight),
    )


if __name__ == "__main__":
    main()
