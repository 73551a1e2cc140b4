"""Convolutional networks, the generator's with batch normalization, as in DCGAN.

    python examples/dcgan.py --data_dir data/mnist --epochs 6000 --run_dir runs/dcgan

Then `python -m gan_tf.generate --run_dir runs/dcgan` works without this file.
"""

import argparse

import keras
from keras import layers

import gan_tf


def build_generator() -> keras.Model:
    """From noise `[N, 100]` to images `[N, 28, 28, 1]` in [0, 1]."""
    network = keras.Sequential([keras.Input((100,))])
    network.add(layers.Dense(7 * 7 * 32, use_bias=False))
    network.add(layers.Reshape((7, 7, 32)))
    network.add(layers.BatchNormalization(momentum=0.9))
    network.add(layers.ReLU())
    network.add(layers.Conv2DTranspose(16, 4, 2, "same", use_bias=False))
    network.add(layers.BatchNormalization(momentum=0.9))
    network.add(layers.ReLU())
    network.add(layers.Conv2DTranspose(1, 4, 2, "same", activation="sigmoid"))
    return network


def build_discriminator() -> keras.Model:
    """From images `[N, 28, 28, 1]` to one logit `[N, 1]`."""
    network = keras.Sequential([keras.Input((28, 28, 1))])
    network.add(layers.Conv2D(16, 4, 2, "same"))
    network.add(layers.LeakyReLU(0.2))
    network.add(layers.Conv2D(32, 4, 2, "same"))
    network.add(layers.LeakyReLU(0.2))
    network.add(layers.Flatten())
    network.add(layers.Dense(1))
    return network


if __name__ == "__main__":
    flags = argparse.ArgumentParser(description="Trains a small DCGAN.")
    flags.add_argument("--run_dir", default="runs/dcgan")
    flags.add_argument("--epochs", type=int, default=6000)
    flags.add_argument("--data_dir", default="")
    values = vars(flags.parse_args())
    run_dir = values.pop("run_dir")
    options = {"learning_rate": 4e-3, "decay_steps": values["epochs"]}
    options["jit_compile"] = False  # XLA makes convolutions slower on a CPU
    networks = {
        "build_generator": build_generator,
        "build_discriminator": build_discriminator,
    }
    gan_tf.train(gan_tf.Config(**values, **options), run_dir, **networks)
