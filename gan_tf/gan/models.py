"""The document's two dense networks as Keras models."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from gan_tf.config import Config

PIXELS = 28 * 28


def build_generator(
    latent_dim: int = Config.latent_dim,
    units: Sequence[int] = Config.generator_units,
    output_dim: int = PIXELS,
    output_activation: str = Config.output_activation,
    seed: int = 0,
    precision: str = Config.precision,
) -> keras.Model:
    """A dense relu network from noise `[B, latent_dim]` to `[B, output_dim]`, float32.

    The defaults are the document's layers: 256, 512, 784.

    Args:
        units: sizes of the hidden layers, in order; may be empty.
        output_activation: `"sigmoid"` keeps pixels in [0, 1]; `"linear"` does not.
        seed: of the initial weights (Glorot uniform, biases 0, as `tf.layers.dense`).
        precision: the layers' Keras dtype policy; weights and results are float32.
    """
    return _dense_network(
        "generator", latent_dim, units, output_dim, output_activation, seed, precision
    )


def build_discriminator(
    units: Sequence[int] = Config.discriminator_units,
    input_dim: int = PIXELS,
    seed: int = 0,
    precision: str = Config.precision,
) -> keras.Model:
    """A dense relu network from `[B, input_dim]` to one logit `[B, 1]`, float32.

    It returns the logit of D(x) = sigmoid(logit), never the probability, because the
    losses are stable on logits only. The defaults are the document's: 512, 256, 1.
    """
    return _dense_network(
        "discriminator", input_dim, units, 1, "linear", seed, precision
    )


def _dense_network(
    name: str,
    input_dim: int,
    units: Sequence[int],
    output_dim: int,
    output_activation: str,
    seed: int,
    precision: str,
) -> keras.Model:
    sizes = [*units, output_dim]
    mixed = precision != "float32"
    activations = ["relu"] * len(units) + ["linear" if mixed else output_activation]
    seeds = keras.random.SeedGenerator(seed)
    layers = [
        keras.layers.Dense(
            size,
            activation,
            kernel_initializer=keras.initializers.GlorotUniform(seeds),
            dtype=precision,
        )
        for size, activation in zip(sizes, activations)
    ]
    if mixed:  # pixels and logits need more digits than bfloat16 has
        layers.append(keras.layers.Activation(output_activation, dtype="float32"))
    return keras.Sequential([keras.Input((input_dim,)), *layers], name=name)
