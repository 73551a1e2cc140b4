"""The network that is exported: noise (and label) in, finished images out."""

from __future__ import annotations

import keras
import numpy as np

from gan_tf.gan.models import one_hot_layer, takes_labels
from gan_tf.gan.sampling import latents, with_encoded_labels
from gan_tf.images import image_layers

Feed = dict[str, np.ndarray]  # the inputs by name


def in_float32(generator: keras.Model) -> keras.Model:
    """The generator; if it computes in less than float32, a copy that does not.

    The weights are float32 in any case. Neither ONNX Runtime nor LiteRT multiplies in
    bfloat16 on CPUs.
    """
    if all(layer.compute_dtype == "float32" for layer in generator.layers):
        return generator
    copy = keras.models.clone_model(
        generator,
        clone_function=lambda layer: type(layer).from_config(
            layer.get_config() | {"dtype": "float32"}
        ),
    )
    copy.set_weights(generator.get_weights())
    return copy


def export_network(
    generator: keras.Model, shape: tuple[int, ...], pixels: bool
) -> keras.Model:
    """A network of Keras's own layers around the generator, with names at both ends.

    It takes `{"noise": float32 [N, latent]}`, with `"label": int32 [N]` for a
    conditional generator, and returns `{"images": [N, *shape]}`.

    Args:
        shape: of one image, `(H, W)` or `(H, W, 3)`.
        pixels: images are uint8, 0 to 255, instead of float32 in [0, 1].
    """
    noise = keras.Input(generator.inputs[0].shape[1:], dtype="float32", name="noise")
    inputs = {"noise": noise}
    if not takes_labels(generator):
        values = generator(noise)
    else:
        inputs["label"] = keras.Input((), dtype="int32", name="label")
        network, label = _with_looked_up_labels(generator, inputs["label"])
        values = network([noise, label])
    images = image_layers(keras.layers.Reshape(shape)(values), pixels)
    return keras.Model(inputs, {"images": images}, name="export")


def _with_looked_up_labels(
    generator: keras.Model, label: keras.KerasTensor
) -> tuple[keras.Model, keras.KerasTensor]:
    """The generator, and what its second input takes.

    A one-hot layer becomes a table with one row a class: LiteRT computes one-hot
    vectors wrongly in int8, and a label that is no class is an error in a table.
    """
    one_hot = one_hot_layer(generator)
    if one_hot is None:
        return generator, label
    classes = one_hot.num_tokens
    table = keras.layers.Embedding(
        classes, classes, embeddings_initializer="identity", name="one_hot"
    )
    return with_encoded_labels(generator), table(label)


def feed(
    generator: keras.Model, seed: int, count: int, classes: int | None = None
) -> Feed:
    """The first `count` latent vectors of a seed, with all classes in turn, if any."""
    values = {"noise": latents(generator.inputs[0].shape[-1], seed, count)}
    if takes_labels(generator):
        values["label"] = np.arange(count, dtype=np.int32) % (classes or 1)
    return values
