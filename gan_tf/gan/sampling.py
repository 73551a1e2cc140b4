"""Samples images from a generator; image i depends on (weights, seed, i, label) alone.

Every function takes the generator of a run. Where it was trained with labels, each
image has one: by default all classes in turn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from gan_tf.gan.models import classes_of, one_hot_layer, takes_labels
from gan_tf.gan.noise import SAMPLING, latent
from gan_tf.images import to_pixels

# Noise and matrix multiplications run in blocks of this fixed size, so that no image
# can depend on how many others are asked for, not even in its last bit.
BLOCK = 256


def sample(
    generator: keras.Model,
    seed: int,
    count: int,
    labels: np.ndarray | None = None,
    shape: tuple[int, ...] | None = None,
) -> np.ndarray:
    """The first `count` images of a seed, uint8 `[count, H, W]` or `[count, H, W, 3]`.

    Args:
        labels: integers `[count]` for a conditional generator; by default all classes
            in turn.
        shape: `(H, W)` or `(H, W, 3)`, for a generator whose output is flat and not
            square.

    Raises:
        ValueError: the generator takes no labels, or needs them, or others.
        MemoryError: so many images do not fit.
    """
    labels = _checked_labels(generator, count, labels)
    latent_dim, shape = generator.inputs[0].shape[-1], shape or image_shape(generator)
    images = np.empty((count, *shape), np.uint8)  # what does not fit fails at once
    for part, noise in _latent_blocks(latent_dim, seed, count):
        some = None if labels is None else labels[part]
        images[part] = decode(generator, noise, some, shape)
    return images


def latents(latent_dim: int, seed: int, count: int) -> np.ndarray:
    """The first `count` latent vectors of a seed, float32 `[count, latent_dim]`."""
    vectors = np.empty((count, latent_dim), np.float32)
    for part, noise in _latent_blocks(latent_dim, seed, count):
        vectors[part] = noise
    return vectors


def _latent_blocks(
    latent_dim: int, seed: int, count: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """The first `count` latent vectors of a seed, `BLOCK` at a time, and their place.

    Yields:
        the place among all, and float32 `[BLOCK or fewer, latent_dim]`.
    """
    for block, start in enumerate(range(0, count, BLOCK)):
        noise = latent(seed, SAMPLING, block, (BLOCK, latent_dim)).numpy()
        yield slice(start, start + BLOCK), noise[: count - start]


def labels_in_turn(generator: keras.Model, count: int) -> np.ndarray | None:
    """0, 1, 2, ... and around again, int32 `[count]`; None without labels."""
    if not takes_labels(generator):
        return None
    classes = classes_of(generator)
    if classes is None:
        raise ValueError(
            "how many classes this generator knows is not recorded: give the labels"
        )
    return np.arange(count, dtype=np.int32) % classes


def _checked_labels(
    generator: keras.Model, count: int, labels: np.ndarray | None
) -> np.ndarray | None:
    """The caller's labels, int32 `[count]`, by default those in turn.

    Raises:
        ValueError: the generator takes none, or no such ones.
    """
    if labels is None:
        return labels_in_turn(generator, count)
    if not takes_labels(generator):
        raise ValueError("this generator was trained without labels")
    labels, classes = np.asarray(labels), classes_of(generator)
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be {count} integers, one for each image; these are "
            f"{labels.dtype} of shape {list(labels.shape)}"
        )
    if count and (labels.min() < 0 or (classes and labels.max() >= classes)):
        last = f"to {classes - 1}" if classes else "or more"
        raise ValueError(f"labels must be 0 {last}")
    return labels.astype(np.int32)


def decode(
    generator: keras.Model,
    noise: np.ndarray,
    labels: np.ndarray | None = None,
    shape: tuple[int, ...] | None = None,
) -> np.ndarray:
    """The images of latent vectors `[count, latent_dim]`, as `sample` returns them.

    Args:
        labels: what the generator's second input takes, `[count, ...]`; None where it
            has none.
    """
    images = to_pixels(outputs(generator, noise, labels))
    return images.reshape(-1, *(shape or image_shape(generator)))


def outputs(
    generator: keras.Model, noise: np.ndarray, labels: np.ndarray | None = None
) -> np.ndarray:
    """What a generator returns for `decode`'s arguments, float32 `[count, ...]`."""
    inputs = [noise] if labels is None else [noise, labels]
    blocks = []
    for start in range(0, len(noise), BLOCK):
        size = min(BLOCK, len(noise) - start)
        block = [_padded(values[start : start + size]) for values in inputs]
        output = generator(block if len(block) > 1 else block[0], training=False)
        blocks.append(output.numpy()[:size])
    return np.concatenate(blocks)


def image_shape(generator: keras.Model) -> tuple[int, ...]:
    """The shape of its images, `(H, W)` or `(H, W, 3)`, as far as the network says.

    Raises:
        ValueError: its output is flat and not of a square image.
    """
    shape = tuple(generator.outputs[0].shape[1:])
    if len(shape) == 3 and shape[-1] == 1:
        return shape[:-1]
    if len(shape) > 1:
        return shape
    for channels, tail in ((1, ()), (3, (3,))):
        side = math.isqrt(shape[0] // channels)
        if side * side * channels == shape[0]:
            return (side, side, *tail)
    raise ValueError(f"{shape[0]} values are no square image: give the shape")


def interpolate(
    generator: keras.Model,
    seed: int,
    rows: int,
    points: int,
    labels: np.ndarray | None = None,
    shape: tuple[int, ...] | None = None,
) -> np.ndarray:
    """Interpolations between neighboring latent vectors, uint8 `[rows, points, ...]`.

    Row r leads from vector r of the seed to vector r + 1, both ends included, along
    the great circle (slerp, White 2016): a straight line would leave the shell on which
    normal noise lies.

    Args:
        labels: integers `[rows]`, one for each row, for a conditional generator; by
            default all classes in turn.
    """
    noise = latents(generator.inputs[0].shape[-1], seed, rows + 1)
    t = np.linspace(0.0, 1.0, points, dtype=np.float32)[None, :, None]
    path = _slerp(noise[:-1, None], noise[1:, None], t).reshape(rows * points, -1)
    labels = _checked_labels(generator, rows, labels)
    every = None if labels is None else np.repeat(labels, points)
    images = decode(generator, path, every, shape)
    return images.reshape(rows, points, *images.shape[1:])


def interpolate_classes(
    generator: keras.Model,
    seed: int,
    rows: int,
    points: int,
    shape: tuple[int, ...] | None = None,
) -> np.ndarray:
    """From the first class through all others at fixed noise, `[rows, points, ...]`.

    Row r has latent vector r of the seed. Between two classes the one-hot label is a
    mixture of both.

    Raises:
        ValueError: the generator has no one-hot label inside.
    """
    encoded = with_encoded_labels(generator)
    classes = encoded.inputs[1].shape[-1]
    place = np.linspace(0.0, classes - 1.0, points)[:, None]
    weights = np.maximum(0.0, 1.0 - np.abs(place - np.arange(classes)))
    noise = latents(encoded.inputs[0].shape[-1], seed, rows)
    images = decode(
        encoded,
        np.repeat(noise, points, axis=0),
        np.tile(weights.astype(np.float32), (rows, 1)),
        shape or image_shape(generator),
    )
    return images.reshape(rows, points, *images.shape[1:])


def with_encoded_labels(generator: keras.Model) -> keras.Model:
    """The generator after its one-hot layer: it takes label weights `[B, classes]`."""
    layer = one_hot_layer(generator)
    if layer is None:
        raise ValueError(
            "only a generator with a one-hot label can move between classes"
        )
    return keras.Model([generator.inputs[0], layer.output], generator.outputs[0])


def _padded(block: np.ndarray) -> tf.Tensor:
    padding = [(0, BLOCK - len(block))] + [(0, 0)] * (block.ndim - 1)
    return tf.constant(np.pad(block, padding))


def _slerp(start: np.ndarray, end: np.ndarray, t: np.ndarray) -> np.ndarray:
    cosine = np.sum(start * end, axis=-1, keepdims=True) / (
        np.linalg.norm(start, axis=-1, keepdims=True)
        * np.linalg.norm(end, axis=-1, keepdims=True)
    )
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    angle = np.maximum(angle, 1e-6)  # vectors that point the same way
    return (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)
