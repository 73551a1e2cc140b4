"""A generator that is a chain of dense layers, as arrays for any program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np

# By the names of Keras: the function, and the same as code for NumPy.
ACTIVATIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "linear": (lambda x: x, "x"),
    "relu": (lambda x: np.maximum(x, 0), "np.maximum(x, 0)"),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), "1 / (1 + np.exp(-x))"),
    "tanh": (np.tanh, "np.tanh(x)"),
}
_WITHOUT_WEIGHTS = (
    keras.layers.InputLayer,
    keras.layers.CategoryEncoding,
    keras.layers.Concatenate,
    keras.layers.Reshape,
)


class Dense(NamedTuple):
    """A dense layer: float32 `kernel` `[inputs, units]`, `bias` `[units]`."""

    kernel: np.ndarray
    bias: np.ndarray
    activation: str


def dense_layers(generator: keras.Model) -> list[Dense]:
    """Its dense layers, from noise (and one-hot label) to images.

    How the layers are connected is not looked at: compare with what `compute` returns.

    Raises:
        ValueError: it has others; the text says which.
    """
    found: list[Dense] = []
    for layer in generator.layers:
        function = getattr(layer, "activation", keras.activations.linear)
        activation = getattr(function, "__name__", type(function).__name__)
        if activation not in ACTIVATIONS:
            raise ValueError(f"it has the activation {activation}")
        if type(layer) is keras.layers.Dense:
            kernel = keras.ops.convert_to_numpy(layer.kernel)
            bias = (
                keras.ops.convert_to_numpy(layer.bias)
                if layer.use_bias
                else np.zeros(kernel.shape[1], np.float32)
            )
            found.append(Dense(kernel, bias, activation))
        elif type(layer) is keras.layers.Activation and found:
            if found[-1].activation != "linear":
                raise ValueError("it has two activations in a row")
            found[-1] = found[-1]._replace(activation=activation)
        elif type(layer) not in _WITHOUT_WEIGHTS:
            raise ValueError(f"it has a layer of another kind, {type(layer).__name__}")
    return found


def compute(layers: Sequence[Dense], values: np.ndarray) -> np.ndarray:
    """The output of the layers for `values` `[N, inputs]`.

    Raises:
        ValueError: the shapes do not fit.
    """
    with np.errstate(over="ignore"):  # of exp, for a sigmoid that is 0
        for kernel, bias, activation in layers:
            values = ACTIVATIONS[activation][0](values @ kernel + bias)
    return values


def with_one_hot(
    noise: np.ndarray, labels: np.ndarray | None, classes: int
) -> np.ndarray:
    """What the first layer takes: the noise, beside it the one-hot labels, if any."""
    if labels is None:
        return noise
    return np.hstack([noise, np.eye(classes, dtype=noise.dtype)[labels]])
