"""The generator for the page: its dense layers in float16, its principal directions."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from gan_tf.gan.dense import Dense, compute, dense_layers, with_one_hot
from gan_tf.gan.models import classes_of, takes_labels
from gan_tf.gan.sampling import latents

DIRECTIONS = 6
_MAX_PARAMETERS = 1_400_000  # in base64 3.7 of the page's 4 MB
_MAX_LATENT = 512  # the directions take time that grows with its square
_POINTS = 20  # latent vectors at which the Jacobian is taken
_CHANGE = 0.01  # of the noise, for its difference quotients
_TOLERANCE = 0.01  # mean difference of pixels in [0, 1]; bfloat16 alone makes 0.005


def page_data(generator: keras.Model, shape: tuple[int, ...]) -> dict[str, Any]:
    """What the page's JavaScript needs to compute the generator.

    Raises:
        ValueError: the page cannot compute it; the text says why.
    """
    latent, classes = generator.inputs[0].shape[-1], classes_of(generator) or 0
    if takes_labels(generator) and not classes:
        raise ValueError("its labels are not one-hot inside")
    if generator.count_params() > _MAX_PARAMETERS or latent > _MAX_LATENT:
        raise ValueError("it is too large for a page of 4 MB")
    noise = latents(latent, 0, _POINTS)
    labels = np.arange(_POINTS, dtype=np.int32) % classes if classes else None
    inputs = with_one_hot(noise, labels, classes)
    expected = generator(noise if labels is None else [noise, labels], training=False)
    layers = [
        layer._replace(kernel=_half(layer.kernel), bias=_half(layer.bias))
        for layer in dense_layers(generator)
    ]
    try:
        found = compute(layers, inputs).reshape(expected.shape)
        difference = np.abs(found.clip(0, 1) - np.clip(expected, 0, 1)).mean()
    except ValueError:  # the shapes do not fit
        difference = np.inf
    if not difference < _TOLERANCE:
        raise ValueError("it is no plain stack of dense layers")
    weights = np.concatenate([w.ravel() for layer in layers for w in layer[:2]])
    return {
        "latent": latent,
        "classes": classes,
        "shape": [*shape, 1][:3],
        "parameters": generator.count_params(),
        "layers": [[*layer.kernel.shape, layer.activation] for layer in layers],
        "weights": base64.b64encode(weights.astype("<f2").tobytes()).decode(),
        "directions": _directions(layers, inputs, latent),
    }


def _directions(
    layers: Sequence[Dense], inputs: np.ndarray, latent: int
) -> list[list[float]]:
    """The directions of noise that change the image most, `DIRECTIONS` of them.

    The eigenvectors of E[J^T J] with the largest eigenvalues, where J is the Jacobian
    of all pixels with respect to the noise: the active subspace of Constantine et al.
    2014, eq. 2.2. They are orthonormal; at the positive end of each there is more ink.

    Args:
        inputs: what the first layer takes, `[N, latent + classes]`, noise first.
    """
    mean, ink = np.zeros((latent, latent)), np.zeros(latent)
    change = _CHANGE * np.eye(latent, inputs.shape[1], dtype=np.float32)
    for values in inputs:
        jacobian = compute(layers, values + change) - compute(layers, values - change)
        mean += jacobian @ jacobian.T
        ink += jacobian.sum(axis=1)
    _, vectors = np.linalg.eigh(mean)
    directions = vectors.T[::-1][:DIRECTIONS]
    return (
        (directions * np.where(directions @ ink < 0, -1, 1)[:, None]).round(4).tolist()
    )


def _half(weights: np.ndarray) -> np.ndarray:
    """The weights as float16 holds them."""
    return weights.astype(np.float16).astype(np.float32)
