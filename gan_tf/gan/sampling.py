"""Draws images from a generator; image i depends on (weights, seed, i) alone."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from gan_tf.gan.noise import SAMPLING, latent
from gan_tf.images import to_pixels

# Noise and matrix products run in blocks of this fixed size, so that no image can
# depend on how many others are asked for, not even in its last bit.
BLOCK = 256


def latents(latent_dim: int, seed: int, count: int) -> np.ndarray:
    """The first `count` latent vectors of a seed, float32 `[count, latent_dim]`."""
    blocks = [
        latent(seed, SAMPLING, block, (BLOCK, latent_dim)).numpy()
        for block in range(-(-count // BLOCK))
    ]
    return np.concatenate(blocks)[:count]


def decode(generator: keras.Model, vectors: np.ndarray) -> np.ndarray:
    """The images of latent vectors `[count, latent_dim]`, uint8 `[count, 28, 28]`."""
    images = []
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        padding = ((0, BLOCK - len(block)), (0, 0))
        output = generator(tf.constant(np.pad(block, padding)))
        images.append(to_pixels(output.numpy())[: len(block)])
    return np.concatenate(images)


def sample(generator: keras.Model, seed: int, count: int) -> np.ndarray:
    """The first `count` images of a seed, uint8 `[count, 28, 28]`."""
    return decode(generator, latents(generator.input_shape[-1], seed, count))


def interpolate(
    generator: keras.Model, seed: int, walks: int, points: int
) -> np.ndarray:
    """Walks between neighbouring latent vectors, uint8 `[walks, points, 28, 28]`.

    Walk w leads from vector w of the seed to vector w + 1, both ends included, along
    the great circle (slerp, White 2016): a straight line would leave the shell on which
    normal noise lies.
    """
    vectors = latents(generator.input_shape[-1], seed, walks + 1)
    t = np.linspace(0.0, 1.0, points, dtype=np.float32)[None, :, None]
    path = _slerp(vectors[:-1, None], vectors[1:, None], t)
    images = decode(generator, path.reshape(walks * points, -1))
    return images.reshape(walks, points, *images.shape[1:])


def _slerp(start: np.ndarray, end: np.ndarray, t: np.ndarray) -> np.ndarray:
    cosine = np.sum(start * end, axis=-1, keepdims=True) / (
        np.linalg.norm(start, axis=-1, keepdims=True)
        * np.linalg.norm(end, axis=-1, keepdims=True)
    )
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    angle = np.maximum(angle, 1e-6)  # vectors that point the same way
    return (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)
