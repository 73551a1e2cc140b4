"""The generator for the page: its dense layers in float16, its principal directions."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

from gan_tf.gan.models import classes_of, takes_labels
from gan_tf.gan.sampling import latents

DIRECTIONS = 6
_MAX_PARAMETERS = 1_400_000  # in base64 3.7 of the page's 4 MB
_MAX_LATENT = 512  # the directions take time that grows with its square
_POINTS = 20  # latent vectors at which the Jacobian is taken
_TOLERANCE = 0.01  # mean difference of pixels in [0, 1]; bfloat16 alone makes 0.005


class Layer(NamedTuple):
    """A dense layer: float32 `kernel` `[inputs, units]`, `bias` `[units]`."""

    kernel: np.ndarray
    bias: np.ndarray
    activation: str


def page_data(generator: keras.Model, shape: tuple[int, ...]) -> dict[str, Any]:
    """What the page's JavaScript needs to compute the generator.

    Raises:
        ValueError: the page cannot compute it; the text says why.
    """
    if takes_labels(generator) and classes_of(generator) is None:
        raise ValueError("its labels are not one-hot inside")
    latent, classes = generator.inputs[0].shape[-1], classes_of(generator) or 0
    if generator.count_params() > _MAX_PARAMETERS or latent > _MAX_LATENT:
        raise ValueError("it is too large for a page of 4 MB")
    layers = _dense_layers(generator)
    noise = latents(latent, 0, _POINTS)
    labels = np.arange(_POINTS, dtype=np.int32) % max(classes, 1)
    one_hot = np.eye(max(classes, 1), dtype=np.float32)[labels, :classes]
    inputs = np.hstack([noise, one_hot])
    _check(generator, layers, noise, labels if classes else None, inputs)
    weights = [part.ravel() for layer in layers for part in layer[:2]]
    return {
        "latent": latent,
        "classes": classes,
        "shape": [*shape, 1][:3],
        "parameters": generator.count_params(),
        "layers": [[*layer.kernel.shape, layer.activation] for layer in layers],
        "weights": base64.b64encode(
            np.concatenate(weights).astype("<f2").tobytes()
        ).decode(),
        "directions": principal_directions(layers, inputs, latent).round(4).tolist(),
    }


def principal_directions(
    layers: list[Layer], inputs: np.ndarray, latent: int
) -> np.ndarray:
    """The directions of noise that change the image most, `[DIRECTIONS, latent]`.

    The eigenvectors of E[J^T J] with the largest eigenvalues, where J is the output's
    Jacobian with respect to the noise: the active subspace of Constantine et al. 2014,
    eq. 2.2, over all pixels. They are orthonormal; at the positive end of each there
    is more ink.

    Args:
        inputs: what the first layer takes, `[N, latent + classes]`, noise first.
    """
    mean, ink = np.zeros((latent, latent)), np.zeros(latent)
    for values in inputs:
        jacobian = np.eye(latent, len(values), dtype=np.float32)
        for kernel, bias, activation in layers:
            values = _ACTIVATIONS[activation](values @ kernel + bias)
            jacobian = jacobian @ kernel * _DERIVATIVES[activation](values)
        mean += jacobian @ jacobian.T / len(inputs)
        ink += jacobian.sum(axis=1)
    _, vectors = np.linalg.eigh(mean)
    directions = vectors.T[::-1][:DIRECTIONS]
    return directions * np.where(directions @ ink < 0, -1, 1)[:, None]


def _dense_layers(generator: keras.Model) -> list[Layer]:
    """The weights of a plain stack of dense layers, as float16 holds them.

    Where the stack is not the whole network, `_check` finds it out.
    """
    layers: list[Layer] = []
    for layer in generator.layers:
        activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
        if activation not in _ACTIVATIONS:
            raise ValueError(f"the page does not know the activation {activation}")
        if isinstance(layer, keras.layers.Dense):
            kernel = _half(layer.kernel)
            bias = (
                _half(layer.bias)
                if layer.use_bias
                else np.zeros(kernel.shape[1], np.float32)
            )
            layers.append(Layer(kernel, bias, activation))
        elif isinstance(layer, keras.layers.Activation) and layers:
            layers[-1] = layers[-1]._replace(activation=activation)
        elif not isinstance(layer, _WITHOUT_WEIGHTS):
            raise ValueError(f"it has a layer of another kind, {type(layer).__name__}")
    return layers


def _half(weights: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(weights).astype("float16").astype("float32")


def _check(
    generator: keras.Model,
    layers: list[Layer],
    noise: np.ndarray,
    labels: np.ndarray | None,
    values: np.ndarray,
) -> None:
    """Raises unless the layers compute what the generator does."""
    output = generator(noise if labels is None else [noise, labels], training=False)
    expected = keras.ops.convert_to_numpy(output).reshape(len(noise), -1)
    for kernel, bias, activation in layers:
        if values.shape[1:] != kernel.shape[:1]:
            raise ValueError("it is no plain stack of dense layers")
        values = _ACTIVATIONS[activation](values @ kernel + bias)
    if values.shape != expected.shape or not (
        np.abs(values.clip(0, 1) - expected.clip(0, 1)).mean() < _TOLERANCE
    ):
        raise ValueError("it is no plain stack of dense layers")


_WITHOUT_WEIGHTS = (
    keras.layers.InputLayer,
    keras.layers.CategoryEncoding,
    keras.layers.Concatenate,
    keras.layers.Reshape,
)
# Each, and its derivative as a function of its value.
_ACTIVATIONS: dict[str, Callable] = {
    "relu": lambda x: np.maximum(x, 0),
    "linear": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x.clip(-80, 80))),
}
_DERIVATIVES: dict[str, Callable] = {
    "relu": lambda y: y > 0,
    "linear": np.ones_like,
    "sigmoid": lambda y: y * (1 - y),
}
