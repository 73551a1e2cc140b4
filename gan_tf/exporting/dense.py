"""A dense generator as arrays in an npz file, computed with NumPy alone."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gan_tf.errors import UserError
from gan_tf.exporting.network import Feed
from gan_tf.files import write_synced
from gan_tf.gan.models import one_hot_layer, takes_labels
from gan_tf.images import to_pixels

# By the names of Keras; with the NumPy code for the model card.
ACTIVATIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "linear": (lambda x: x, "x"),
    "relu": (lambda x: np.maximum(x, 0), "np.maximum(x, 0)"),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), "1 / (1 + np.exp(-x))"),
    "tanh": (np.tanh, "np.tanh(x)"),
}
_HOW = (
    "x = noise [N, latent]{label}. For each i, with its name in activations: "
    "x = activation(x @ kernel_i + bias_i). Then images = {images}, [N, *shape]."
)


def write(
    path: Path, generator: keras.Model, shape: tuple[int, ...], pixels: bool
) -> None:
    """Writes kernels, biases, activations, image shape and how to compute with them.

    Raises:
        UserError: the generator is not a chain of dense layers.
    """
    layers = dense_layers(generator)
    arrays: dict[str, Any] = {}
    for number, layer in enumerate(layers):
        kernel = np.asarray(layer.kernel)
        arrays[f"kernel_{number}"] = kernel
        arrays[f"bias_{number}"] = (
            np.asarray(layer.bias)
            if layer.use_bias
            else np.zeros(kernel.shape[1:], "f")
        )
    one_hot = one_hot_layer(generator)
    how = _HOW.format(
        label=f" and the one-hot label [N, {one_hot.num_tokens}]" if one_hot else "",
        images="round(255 * clip(x, 0, 1))" if pixels else "clip(x, 0, 1)",
    )
    file = io.BytesIO()
    np.savez(
        file,
        activations=np.array(activations_of(generator)),
        shape=np.array(shape),
        output=np.array("pixels" if pixels else "float"),
        classes=np.array(one_hot.num_tokens if one_hot else 0),
        how_to_compute=np.array(how),
        **arrays,
    )
    write_synced(path, file.getvalue())


def load(path: Path) -> Callable[[Feed], np.ndarray]:
    """The generator of a file of `write`, as a function of its inputs."""
    with np.load(path, allow_pickle=False) as file:
        model = dict(file)

    def images(feed: Feed) -> np.ndarray:
        x = feed["noise"]
        if "label" in feed:
            one_hot = np.eye(int(model["classes"]), dtype=x.dtype)[feed["label"]]
            x = np.concatenate([x, one_hot], axis=1)
        with np.errstate(over="ignore"):  # of exp, for a sigmoid that is 0
            for number, name in enumerate(model["activations"]):
                function, _ = ACTIVATIONS[str(name)]
                x = function(x @ model[f"kernel_{number}"] + model[f"bias_{number}"])
        x = x.reshape(-1, *model["shape"])
        return to_pixels(x) if model["output"] == "pixels" else np.clip(x, 0.0, 1.0)

    return images


def dense_layers(generator: keras.Model) -> list[keras.layers.Dense]:
    """Its dense layers, from noise to images.

    Raises:
        UserError: it has other layers, or they are no chain.
    """
    dense = [layer for layer in generator.layers if hasattr(layer, "kernel")]
    others = [layer for layer in generator.layers if layer not in dense]
    kinds: tuple[type, ...] = (keras.layers.InputLayer, keras.layers.Activation)
    if takes_labels(generator):
        kinds += (keras.layers.CategoryEncoding, keras.layers.Concatenate)
    if not all(type(layer) is keras.layers.Dense for layer in dense) or not all(
        type(layer) in kinds for layer in others
    ):
        raise _refused("this network has other layers")
    return dense


def activations_of(generator: keras.Model) -> list[str]:
    """The name of the activation after each dense layer.

    Raises:
        UserError: there is another one than those of `ACTIVATIONS`.
    """
    names: list[str] = []
    for layer in generator.layers:
        if not isinstance(layer, (keras.layers.Dense, keras.layers.Activation)):
            continue
        name = keras.activations.serialize(layer.activation)
        if name not in ACTIVATIONS:
            raise _refused(f"this network has the activation {name}")
        if isinstance(layer, keras.layers.Dense):
            names.append(name)
        elif names and names[-1] == "linear":
            names[-1] = name
        else:
            raise _refused("this network has two activations in a row")
    return names


def _refused(why: str) -> UserError:
    known = ", ".join(ACTIVATIONS)
    return UserError(
        f"--format npz is for dense layers with one of {known}; {why}. Choose another "
        "--format"
    )
