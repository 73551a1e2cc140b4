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
from gan_tf.gan.dense import ACTIVATIONS, Dense, compute, dense_layers, with_one_hot
from gan_tf.gan.models import one_hot_layer
from gan_tf.images import to_pixels

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
    try:
        layers = dense_layers(generator)
    except ValueError as error:
        raise UserError(
            f"--format npz is for dense layers with one of {', '.join(ACTIVATIONS)}, "
            f"and this network is not: {error}. Choose another --format"
        ) from error
    arrays: dict[str, Any] = {}
    for number, layer in enumerate(layers):
        arrays |= {f"kernel_{number}": layer.kernel, f"bias_{number}": layer.bias}
    one_hot = one_hot_layer(generator)
    how = _HOW.format(
        label=f" and the one-hot label [N, {one_hot.num_tokens}]" if one_hot else "",
        images="round(255 * clip(x, 0, 1))" if pixels else "clip(x, 0, 1)",
    )
    file = io.BytesIO()
    np.savez(
        file,
        activations=np.array([layer.activation for layer in layers]),
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
    layers = [
        Dense(model[f"kernel_{number}"], model[f"bias_{number}"], str(activation))
        for number, activation in enumerate(model["activations"])
    ]

    def images(feed: Feed) -> np.ndarray:
        x = with_one_hot(feed["noise"], feed.get("label"), int(model["classes"]))
        x = compute(layers, x).reshape(-1, *model["shape"])
        return to_pixels(x) if model["output"] == "pixels" else np.clip(x, 0.0, 1.0)

    return images
