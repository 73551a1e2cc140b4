"""The tutorial's two dense networks as Keras models, with or without labels."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from gan_tf.config import Config
from gan_tf.errors import UserError

PIXELS = 28 * 28  # of the tutorial's images


def build_generator(
    latent_dim: int = Config.latent_dim,
    units: Sequence[int] = Config.generator_units,
    output_dim: int = PIXELS,
    output_activation: str = Config.output_activation,
    seed: int = 0,
    precision: str = Config.precision,
    classes: int | None = None,
) -> keras.Model:
    """A dense relu network from noise `[B, latent_dim]` to `[B, output_dim]`, float32.

    The defaults are the tutorial's layers: 256, 512, 784.

    Args:
        units: sizes of the hidden layers, in order; may be empty.
        output_activation: `"sigmoid"` keeps pixels in [0, 1]; `"linear"` does not.
        seed: of the initial weights (Glorot uniform, biases 0, as `tf.layers.dense`).
        precision: the layers' Keras dtype policy; weights and results are float32.
        classes: if given, the network takes `[noise, labels]`, with integer labels
            `[B]` from 0 to `classes - 1` (Mirza and Osindero 2014, section 3.2).
    """
    network = _dense_layers(units, output_dim, output_activation, seed, precision)
    return _model("generator", "noise", latent_dim, network, classes)


def build_discriminator(
    units: Sequence[int] = Config.discriminator_units,
    input_dim: int = PIXELS,
    seed: int = 0,
    precision: str = Config.precision,
    classes: int | None = None,
) -> keras.Model:
    """A dense relu network from `[B, input_dim]` to one logit `[B, 1]`, float32.

    It returns the logit of D(x) = sigmoid(logit), never the probability, because the
    losses are stable on logits only. The defaults are the tutorial's: 512, 256, 1.

    Args:
        classes: if given, the network takes `[images, labels]`, as the generator does.
    """
    network = _dense_layers(units, 1, "linear", seed, precision)
    return _model("discriminator", "images", input_dim, network, classes)


def takes_labels(network: keras.Model) -> bool:
    """Whether a network has a second input, the labels."""
    return len(network.inputs) > 1


def classes_of(network: keras.Model) -> int | None:
    """How many classes a network knows; None if it takes no labels or does not say."""
    layer = one_hot_layer(network)
    return getattr(network, "classes", None) if layer is None else layer.num_tokens


def one_hot_layer(network: keras.Model) -> keras.layers.CategoryEncoding | None:
    """The layer that encodes the labels; None if the network has none."""
    encodings = (
        layer
        for layer in network.layers
        if isinstance(layer, keras.layers.CategoryEncoding)
    )
    return next(encodings, None)


def check_classes(role: str, network: keras.Model, classes: int) -> None:
    """Raises `UserError` unless the network knows the labels 0 to `classes - 1`."""
    layer = one_hot_layer(network)
    if layer is not None and layer.num_tokens != classes:
        raise UserError(
            f"build_{role}: the network encodes {layer.num_tokens} classes, and the "
            f"data have {classes}"
        )
    values = np.zeros((1, *network.inputs[0].shape[1:]), np.float32)
    try:  # an embedding may be too small
        network([values, np.array([classes - 1], np.int32)], training=False)
    except Exception as error:
        raise UserError(
            f"build_{role}: the network cannot be called with the label {classes - 1}, "
            f"the last of the {classes} classes of the data"
        ) from error


def _model(
    name: str,
    input_name: str,
    input_dim: int,
    layers: list[keras.Layer],
    classes: int | None,
) -> keras.Model:
    """The layers as a model; the one-hot label joins the input where there is one."""
    if classes is None:
        return keras.Sequential(
            [keras.Input((input_dim,), dtype="float32"), *layers], name=name
        )
    values = keras.Input((input_dim,), dtype="float32", name=input_name)
    labels = keras.Input((), dtype="int32", name="label")
    one_hot = keras.layers.CategoryEncoding(
        num_tokens=classes, output_mode="one_hot", dtype="float32"
    )(labels)
    outputs = keras.layers.Concatenate(dtype="float32")([values, one_hot])
    for layer in layers:
        outputs = layer(outputs)
    return keras.Model([values, labels], outputs, name=name)


def _dense_layers(
    units: Sequence[int],
    output_dim: int,
    output_activation: str,
    seed: int,
    precision: str,
) -> list[keras.Layer]:
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
    return layers
